// The messages that all servers broadcast: numbered, of two sizes. A server is given the text before and after the number.

/** @typedef {keyof typeof MESSAGES} Size */

/** Bytes of an event with the message, as the HTTP transport of tmcp writes it. */
const SIZES = { short: 130, long: 4 * 1024 };
const NUMBER_DIGITS = 8;
const NUMBER = '#';

export const MESSAGES = { short: makeMessage(SIZES.short), long: makeMessage(SIZES.long) };

/** Names in rows. @type {Record<Size, string>} */
export const SIZE_NAMES = { short: '130 B', long: '4 KB' };

/**
 * Returns the data of an event.
 *
 * @param {Size} size
 * @param {number} number
 */
export function numberedData(size, number) {
	const { head, tail } = MESSAGES[size];
	return head + String(number).padStart(NUMBER_DIGITS, '0') + tail;
}

/**
 * Returns the event as the transports write it.
 *
 * @param {string} data
 */
export function eventOf(data) {
	return `event: message\ndata: ${data}\n\n`;
}

/**
 * Returns the data of all events of the type `message`, as a browser reads them.
 *
 * @param {string} text whole events
 */
export function dataIn(text) {
	return text.split('\n\n').flatMap((event) => {
		const fields = event.split('\n').map((line) => /^([^:]+): ?(.*)$/.exec(line) ?? []);
		const valueIn = (/** @type {string} */ field) => fields.find(([, name]) => name === field)?.[2];
		const data = valueIn('data');
		return valueIn('event') === 'message' && data !== undefined ? [data] : [];
	});
}

/**
 * @param {number} bytes of the event
 * @returns {{ head: string, tail: string }}
 */
function makeMessage(bytes) {
	const text = (/** @type {string} */ data) =>
		JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { number: NUMBER, data } });
	const room = bytes - eventOf(text('')).length - (NUMBER_DIGITS - NUMBER.length);
	const [head, tail] = text('.'.repeat(room)).split(NUMBER);
	return { head, tail };
}
