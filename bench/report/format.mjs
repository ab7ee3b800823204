// How numbers and tables are written.

/** @typedef {import('../harness/stats.mjs').Spread} Spread */

/**
 * Returns the lines of a Markdown table.
 *
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(head, rows) {
	const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/**
 * @param {number} number
 * @param {'x' | 'ns' | 'count'} unit
 */
export function amount(number, unit) {
	if (unit === 'count') return String(number);
	return unit === 'x' ? factor(number) : time(number);
}

/** @param {number} number */
export function factor(number) {
	return `${significant(number)}x`;
}

/**
 * Returns a ratio with two decimals more, for ratios close to 1.
 *
 * @param {number} number
 */
export function fineFactor(number) {
	return `${number.toFixed(3)}x`;
}

/** @param {Spread} spread */
export function quartiles({ p25, p75 }) {
	return `(${significant(p25)} – ${significant(p75)})`;
}

/** @param {Spread} spread of ratios */
export function factorWithQuartiles(spread) {
	return `**${factor(spread.median)}** ${quartiles(spread)}`;
}

/** @param {Spread} spread of ratios close to 1 */
export function fineQuartiles({ p25, p75 }) {
	return `(${p25.toFixed(3)} – ${p75.toFixed(3)})`;
}

/** @param {Spread} spread in bytes */
export function bytes({ median, p25, p75 }) {
	return `${median.toFixed(0)} (${p25.toFixed(0)} – ${p75.toFixed(0)})`;
}

/**
 * Returns a number per second, with three digits.
 *
 * @param {number} count
 * @param {number} ns the time that they take
 */
export function perSecond(count, ns) {
	return Math.round((count * 1e9) / ns).toLocaleString('en', { maximumSignificantDigits: 3 });
}

/** @param {number} ns */
export function time(ns) {
	if (ns < 1e3) return `${ns.toFixed(0)} ns`;
	if (ns < 1e6) return `${significant(ns / 1e3)} µs`;
	return `${significant(ns / 1e6)} ms`;
}

/** @param {Spread} spread in nanoseconds */
export function timeWithQuartiles({ median, p25, p75 }) {
	return `${time(median)} (${time(p25)} – ${time(p75)})`;
}

/** @param {Spread} spread of differences, in nanoseconds */
export function signedTime({ median }) {
	return median < 0 ? `−${time(-median)}` : `+${time(median)}`;
}

/** @param {number} share from 0 to 1 */
export function percent(share) {
	return `${(share * 100).toFixed(3)} %`;
}

/** @param {number} number */
function significant(number) {
	return number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0);
}

/**
 * Returns when and where a part was measured.
 *
 * @param {ReturnType<typeof import('../harness/environment.mjs').describeEnvironment>} about
 * @param {string} [redis] version of the Redis server
 */
export function measuredOn({ date, commit, node, platform, cpu, cores }, redis) {
	const programs = redis === undefined ? `Node.js ${node}` : `Node.js ${node}, Redis ${redis}`;
	return `Measured on ${date}: commit \`${commit}\`, ${programs}, ${platform}, ${cpu}, ${cores} cores.`;
}
