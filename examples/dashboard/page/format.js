// Formats numbers for people. The page and its tests use it.

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const THREE_DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const BYTES = ['B', 'kB', 'MB', 'GB', 'TB'];

/**
 * Formats a count: exact below a million, with three digits from there.
 *
 * @param {number} number
 */
export function count(number) {
	return Math.abs(number) < 1_000_000 ? WHOLE.format(number) : COMPACT.format(number);
}

/**
 * Formats a number per second.
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
	// 999.5 would be rounded to 1,000: it is written as 1 of the next unit.
	while (scaled >= 999.5 && power < BYTES.length - 1) {
		scaled /= 1_000;
		power++;
	}
	return `${THREE_DIGITS.format(scaled)} ${BYTES[power]}`;
}
