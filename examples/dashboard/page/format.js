// Numbers, as people read them. For the page, and for its test.

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const THREE_DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const BYTES = ['B', 'kB', 'MB', 'GB', 'TB'];

/**
 * Something that is counted: exact up to a million, and never wider than a tile.
 *
 * @param {number} number
 */
export function count(number) {
	return Math.abs(number) < 1_000_000 ? WHOLE.format(number) : COMPACT.format(number);
}

/**
 * How often in a second.
 *
 * @param {number} number
 */
export function rate(number) {
	return number < 100 ? THREE_DIGITS.format(Math.round(number * 10) / 10) : count(number);
}

/** @param {number} number of bytes */
export function bytes(number) {
	let power = 0;
	let scaled = number;
	// Not 1,000 kB: what is rounded up to that is 1 MB.
	while (scaled >= 999.5 && power < BYTES.length - 1) {
		scaled /= 1_000;
		power++;
	}
	return `${THREE_DIGITS.format(scaled)} ${BYTES[power]}`;
}
