// Numbered server-sent events, known to sender and receiver, so that a receiver detects a wrong, missing or repeated one.

/** @param {number} number */
export function numberedEvent(number) {
	const params = { uri: `file:///reports/${String(number).padStart(8, '0')}.json`, title: 'Quarterly report' };
	const json = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params });
	return `event: message\ndata: ${json}\n\n`;
}

/** Returns the number of an event, or NaN for another text. @param {string} event */
export function numberIn(event) {
	const number = Number(/reports\/(\d+)\.json/.exec(event)?.[1]);
	return event === numberedEvent(number) ? number : Number.NaN;
}
