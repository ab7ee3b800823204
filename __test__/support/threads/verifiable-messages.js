// Messages that name their sender, number and recipients, and whose other bytes follow from these: a reader detects every wrong
// or missing byte.

const LETTERS = ['x', 'é', '☃', '\u{1f600}'];

/**
 * @typedef {object} Message
 * @property {number} sender
 * @property {number} number counts up for each sender
 * @property {string[] | undefined} to ids without a space or a comma in them, or `undefined` for all
 */

/** @param {Message} message */
export function write({ sender, number, to }) {
	return `${sender} ${number} ${to ? to.join(',') : '*'} ${filler(sender, number)}.`;
}

/**
 * @param {string} text
 * @returns {Message | undefined} `undefined` when a byte is wrong
 */
export function read(text) {
	const [sender, number, to] = text.split(' ', 3);
	const message = { sender: Number(sender), number: Number(number), to: to === '*' ? undefined : to?.split(',') };
	return Number.isSafeInteger(message.number) && write(message) === text ? message : undefined;
}

/**
 * Mostly short. Some messages are long enough to get a buffer of their own.
 *
 * @param {number} sender
 * @param {number} number
 */
function filler(sender, number) {
	const length = number % 499 === 498 ? 20_000 : number % 61 === 60 ? 3_000 : (number * 37 + sender) % 150;
	return LETTERS[(number + sender) % LETTERS.length].repeat(length);
}
