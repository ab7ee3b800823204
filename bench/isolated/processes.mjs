// Measures cells with isolated copies of the package, in several processes, and puts their samples together.

import { runProcess } from '../harness/child-process.mjs';

/** @typedef {import('../harness/interleave.mjs').Budget} Budget */
/** @typedef {import('./cells.mjs').Cell} Cell */
/** @typedef {import('./option-sets.mjs').OptionName} OptionName */

/** @typedef {{ folder: string, options: OptionName } | null} Isolated a copy of the package; `null` for no manager */

/**
 * @typedef {object} Order what one process measures
 * @property {Record<string, Isolated>} implementations
 * @property {Cell[]} cells
 * @property {Budget} budget
 * @property {number} first index of the implementation to load first
 */

const MODULE = new URL('./timing-process.mjs', import.meta.url);

/**
 * @param {Record<string, Isolated>} implementations
 * @param {Cell[]} cells
 * @param {number} processes
 * @param {Budget} budget of a cell, in all processes together
 * @returns {Promise<Record<string, number[]>[]>} the samples of each cell, by implementation
 */
export async function measureInProcesses(implementations, cells, processes, { ms, minRounds }) {
	const names = Object.keys(implementations);
	/** @type {Record<string, number[]>[]} */
	const all = cells.map(() => Object.fromEntries(names.map((name) => [name, []])));
	const budget = { ms: ms / processes, minRounds: Math.ceil(minRounds / processes) };
	for (let first = 0; first < processes; first++) {
		/** @type {Order} */
		const order = { implementations, cells, budget, first };
		/** @type {Record<string, number[]>[]} */
		const samples = await runProcess(MODULE, [JSON.stringify(order)]);
		for (const [index, sampled] of samples.entries()) {
			for (const [name, times] of Object.entries(sampled)) all[index][name].push(...times);
		}
	}
	return all;
}
