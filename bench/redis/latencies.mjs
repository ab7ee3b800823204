// The time from `send` until a chunk is read.

/**
 * Returns the latencies, shortest first.
 *
 * @param {Float64Array} sendTimes
 * @param {Float64Array} arrivals as many of each message as sessions that it was for
 */
export function latenciesOf(sendTimes, arrivals) {
	const perMessage = arrivals.length / sendTimes.length;
	return arrivals.map((at, index) => at - sendTimes[Math.floor(index / perMessage)]).sort();
}

/**
 * @param {ArrayLike<number>} sorted
 * @param {number} share from 0 to 1
 */
export function quantile(sorted, share) {
	return sorted[Math.ceil(sorted.length * share) - 1];
}
