// Measures operations other than `send`: rows of one operation, timed for each implementation.

import { interleave } from './interleave.mjs';
import { ratios, spread } from './stats.mjs';

/** @typedef {'old' | 'upstream' | 'ours'} Implementation */

/**
 * @typedef {object} Operation
 * @property {string} group heading of its table
 * @property {string} name
 * @property {Partial<Record<Implementation, () => Turn>>} prepare sets up the manager; an implementation without the operation
 *   is left out
 */

/**
 * Performs the operation many times, checks the results, and resolves to the nanoseconds per operation.
 *
 * @typedef {() => Promise<number>} Turn
 */

const BATCHES = 4;

/**
 * @param {Operation[]} operations
 * @param {import('./interleave.mjs').Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureOperations(operations, budget, log) {
	const results = [];
	for (const { group, name, prepare } of operations) {
		const turns = Object.entries(prepare).map(([implementation, setUp]) => [implementation, inBatches(setUp())]);
		const samples = await interleave(Object.fromEntries(turns), budget);
		const result = {
			group,
			name,
			rounds: samples.ours.length,
			ns: Object.fromEntries(Object.entries(samples).map(([implementation, times]) => [implementation, spread(times)])),
			vsUpstream: ratios(samples.upstream, samples.ours),
			vsOld: samples.old && ratios(samples.old, samples.ours),
		};
		log(`${name}: ${result.ns.ours.median.toFixed(0)} ns, ${result.vsUpstream.median.toFixed(2)}x as fast as upstream`);
		results.push(result);
	}
	return results;
}

/** @param {Turn} turn */
function inBatches(turn) {
	return async () => {
		// Not counted: fills the caches again after the turns of other implementations and the garbage collection.
		await turn();
		let ns = 0;
		for (let batch = 0; batch < BATCHES; batch++) ns += (await turn()) / BATCHES;
		return ns;
	};
}

/**
 * Returns the nanoseconds per operation since `start`.
 *
 * @param {number} start by `performance.now()`
 * @param {number} count of operations
 */
export function nsPerOperation(start, count) {
	return ((performance.now() - start) * 1e6) / count;
}
