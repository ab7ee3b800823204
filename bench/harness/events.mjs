// Numbered server-sent events, known to sender and receiver, so that a receiver detects a wrong, missing or repeated one.

/** @param {number} number */
export function numberedEvent(number) {
	const params = { uri: `file:///reports/${String(number).padStart(8, '0')}.json`, title: 'Quarterly report' };
	const json = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params });
	return `event: message\ndata: ${json}\n\n`;
}

const FILLER = 'the quick brown fox jumps over the lazy dog, and the dog does not even look up at it'.slice(0, 83);

/** Returns a numbered event of 100 bytes. @param {number} number */
export function shortEvent(number) {
	return `data: ${String(number).padStart(8, '0')} ${FILLER}\n\n`;
}

/** Returns the number of a short event, or NaN for another text. @param {string} event */
export function numberIn(event) {
	const number = Number(event.slice(6, 14));
	return event === shortEvent(number) ? number : Number.NaN;
}
