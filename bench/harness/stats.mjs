// Medians and quartiles: on a machine that others use too, a mean is mostly a measure of the others.

/** @typedef {{ median: number, p25: number, p75: number }} Spread */

/**
 * @param {number[]} samples
 * @returns {Spread}
 */
export function spread(samples) {
	const sorted = samples.toSorted((a, b) => a - b);
	return { median: quantile(sorted, 0.5), p25: quantile(sorted, 0.25), p75: quantile(sorted, 0.75) };
}

/**
 * The ratio round by round, so that what slows a whole round down falls out of it.
 *
 * @param {number[]} samples
 * @param {number[]} others of the same rounds
 */
export function ratios(samples, others) {
	return spread(samples.map((sample, round) => sample / others[round]));
}

/**
 * @param {number[]} sorted
 * @param {number} share
 */
function quantile(sorted, share) {
	const position = (sorted.length - 1) * share;
	const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
	return below + (above - below) * (position - Math.floor(position));
}
