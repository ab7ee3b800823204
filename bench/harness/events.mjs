// What the server broadcasts, known to both ends, so that the clients can tell a wrong message from a right one.

/** @param {number} number */
export function message(number) {
	const params = { uri: `file:///reports/${String(number).padStart(8, '0')}.json`, title: 'Quarterly report' };
	const json = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params });
	return `event: message\ndata: ${json}\n\n`;
}

/** What every client sees first, so that it knows to be registered. */
export const GREETING = ': connected\n\n';
