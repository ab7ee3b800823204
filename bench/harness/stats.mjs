// Medians and quartiles. A mean would mostly measure what other processes did on the machine.

/** @typedef {{ median: number, p25: number, p75: number }} Spread */

/**
 * Returns the median and the quartiles of the samples.
 *
 * @param {number[]} samples
 * @returns {Spread}
 */
export function spread(samples) {
	const sorted = samples.toSorted((a, b) => a - b);
	return { median: quantile(sorted, 0.5), p25: quantile(sorted, 0.25), p75: quantile(sorted, 0.75) };
}

/**
 * Returns the spread of the ratios per round. What slows down a whole round cancels out.
 *
 * @param {number[]} samples numerators
 * @param {number[]} others denominators, of the same rounds
 */
export function ratios(samples, others) {
	return spread(samples.map((sample, round) => sample / others[round]));
}

/**
 * @param {number[]} sorted
 * @param {number} share from 0 to 1
 */
function quantile(sorted, share) {
	const position = (sorted.length - 1) * share;
	const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
	return below + (above - below) * (position - Math.floor(position));
}
