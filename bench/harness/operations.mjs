// Everything but `send` to streams: rows of operations, each timed side by side.

import { interleave } from './interleave.mjs';
import { ratios, spread } from './stats.mjs';

/** @typedef {'old' | 'upstream' | 'ours'} SideName */

/**
 * @typedef {object} Operation
 * @property {string} group what its table is headed with
 * @property {string} name
 * @property {Partial<Record<SideName, () => Turn>>} sides make ready what is measured; not every side can do everything
 */

/**
 * A number of operations, their answers checked, and the nanoseconds that each took.
 *
 * @typedef {() => Promise<number>} Turn
 */

const BATCHES = 4;

/**
 * @param {Operation[]} rows
 * @param {import('./interleave.mjs').Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureOperations(rows, budget, log) {
	const results = [];
	for (const { group, name, sides } of rows) {
		const samples = await interleave(
			Object.fromEntries(Object.entries(sides).map(([side, prepare]) => [side, inBatches(prepare())])),
			budget,
		);
		const result = {
			group,
			name,
			rounds: samples.ours.length,
			ns: Object.fromEntries(Object.entries(samples).map(([side, times]) => [side, spread(times)])),
			vsUpstream: ratios(samples.upstream, samples.ours),
			vsOld: samples.old && ratios(samples.old, samples.ours),
		};
		log(`${name}: ${result.ns.ours.median.toFixed(0)} ns, ${result.vsUpstream.median.toFixed(2)}x of upstream`);
		results.push(result);
	}
	return results;
}

/** @param {Turn} turn */
function inBatches(turn) {
	return async () => {
		// Not counted: it takes the caches back from the other sides and the garbage collector.
		await turn();
		let ns = 0;
		for (let batch = 0; batch < BATCHES; batch++) ns += (await turn()) / BATCHES;
		return ns;
	};
}

/**
 * @param {number} start
 * @param {number} count
 */
export function perOperation(start, count) {
	return ((performance.now() - start) * 1e6) / count;
}
