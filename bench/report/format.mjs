// How numbers and tables are written, in the report and in the README.

/** @typedef {import('../harness/stats.mjs').Spread} Spread */

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(head, rows) {
	const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/**
 * @param {number} number
 * @param {'x' | 'ns' | 'times'} unit
 */
export function amount(number, unit) {
	if (unit === 'times') return String(number);
	return unit === 'x' ? factor(number) : time(number);
}

/** @param {number} number */
export function factor(number) {
	return `${significant(number)}x`;
}

/** @param {Spread} spread */
export function quartiles({ p25, p75 }) {
	return `(${significant(p25)} – ${significant(p75)})`;
}

/** @param {Spread} spread */
export function bytes({ median, p25, p75 }) {
	return `${median.toFixed(0)} (${p25.toFixed(0)} – ${p75.toFixed(0)})`;
}

/**
 * @param {number} deliveries of a burst
 * @param {number} ns that it takes
 */
export function rate(deliveries, ns) {
	return Math.round((deliveries * 1e9) / ns).toLocaleString('en', { maximumSignificantDigits: 3 });
}

/** @param {number} number */
function significant(number) {
	return number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0);
}

/** @param {number} ns */
export function time(ns) {
	if (ns < 1e3) return `${ns.toFixed(0)} ns`;
	if (ns < 1e6) return `${significant(ns / 1e3)} µs`;
	return `${significant(ns / 1e6)} ms`;
}
