// What an operation takes: with each option and without any, and without any beside the commit before there were some.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ratios, spread } from '../harness/stats.mjs';
import { withCopies } from '../isolated/package-copies.mjs';
import { buildBefore, builtBefore } from '../comparison/earlier-commit.mjs';
import { createCell, hasCell, sendCells } from '../isolated/cells.mjs';

/** @typedef {import('../isolated/cells.mjs').Cell} Cell */
/** @typedef {import('../isolated/cells.mjs').Manner} Manner */
/** @typedef {import('../isolated/timing-process.mjs').Side} Side */
/** @typedef {import('../isolated/option-sets.mjs').OptionName} OptionName */
/** @typedef {import('../harness/interleave.mjs').Budget} Budget */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */
/** @typedef {{ processes: number, before: Budget, price: Budget }} Size the budgets are of a cell in all processes */
/** @typedef {{ manner: Manner | 'create', names: OptionName[], cells: Cell[] }} Group */

const CHILD = fileURLToPath(new URL('../isolated/timing-process.mjs', import.meta.url));

/** Long rounds, since little is to be told apart. A process for each order of the sides that are three. @type {Size} */
const FULL = { processes: 9, before: { ms: 10_000, leastRounds: 180 }, price: { ms: 3_000, leastRounds: 24 } };
/** @type {Size} */
const QUICK = { processes: 1, before: { ms: 150, leastRounds: 3 }, price: { ms: 150, leastRounds: 3 } };

/** What a manager was told that does not join messages feeds its streams within `send`. @type {OptionName[]} */
const WITHIN_SEND = ['none', 'keepAliveMs', 'maxQueuedBytes', 'sliceMs', 'maxAgeMs'];
/** @type {OptionName[]} */
const IN_MICROTASKS = ['none', 'coalesce', 'all'];
/** @type {OptionName[]} */
const COUNTING = ['none', 'keepAliveMs', 'maxQueuedBytes'];
/** @type {OptionName[]} */
const OF_CREATE = ['none', 'keepAliveMs', 'maxQueuedBytes', 'coalesce', 'maxSessions', 'maxAgeMs', 'onClose', 'all'];

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function beforeCells(quick) {
	return [...sendCells('sends', quick), createCell(), hasCell()];
}

/**
 * @param {boolean} quick
 * @returns {Group[]}
 */
export function priceGroups(quick) {
	return [
		{ manner: 'sends', names: WITHIN_SEND, cells: sendCells('sends', quick) },
		{ manner: 'microtasks', names: IN_MICROTASKS, cells: sendCells('microtasks', quick) },
		{ manner: 'queued', names: COUNTING, cells: sendCells('queued', quick) },
		{ manner: 'create', names: OF_CREATE, cells: [createCell()] },
	];
}

/**
 * Beside them stands this commit once more: how far the same code is from itself is how far a ratio can be trusted.
 *
 * @param {Cell[]} cells
 * @param {boolean} quick takes the commit before only where it is built
 * @param {(line: string) => void} log
 */
export async function measureBefore(cells, quick, log) {
	const before = quick ? builtBefore(log) : buildBefore(log);
	if (before === undefined) return undefined;
	const size = quick ? QUICK : FULL;
	return withCopies(['ours', 'again'], async ({ ours, again }) => {
		/** @type {Record<'before' | 'ours' | 'again', Side>} */
		const sides = {
			before: { folder: before, options: 'none' },
			ours: { folder: ours, options: 'none' },
			again: { folder: again, options: 'none' },
		};
		const samples = await inProcesses(sides, cells, size.processes, size.before);
		return cells.map(({ name }, index) => {
			const { before, ours, again } = samples[index];
			const row = {
				name,
				rounds: ours.length,
				ns: { before: spread(before), ours: spread(ours) },
				/** Ours by what it took before. */
				vsBefore: ratios(ours, before),
				vsAgain: ratios(ours, again),
			};
			log(`options: ${name}: ${row.vsBefore.median.toFixed(3)}x of the commit before (${row.rounds} rounds)`);
			return row;
		});
	});
}

/**
 * @param {Group} group
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measurePrices({ manner, names, cells }, quick, log) {
	const { processes, price } = quick ? QUICK : FULL;
	const rows = await withCopies(names, async (folders) => {
		/** @type {Record<string, Side>} */
		const sides = Object.fromEntries(names.map((name) => [name, { folder: folders[name], options: name }]));
		if (manner === 'microtasks') sides.nothing = null;
		const samples = await inProcesses(sides, cells, processes, price);
		return cells.map(({ name }, index) => rowOf(name, names, samples[index]));
	});
	for (const { name, vsNone } of rows) {
		const all = Object.entries(vsNone).map(([name, { median }]) => `${name} ${median.toFixed(2)}x`);
		log(`options: ${name}${manner === 'queued' ? ', nobody reading' : ''}: ${all.join(', ')}`);
	}
	return { manner, names, rows };
}

/**
 * @param {string} name
 * @param {OptionName[]} names
 * @param {Record<string, number[]>} samples
 */
function rowOf(name, names, samples) {
	const idle = samples.nothing === undefined ? 0 : spread(samples.nothing).median;
	/** @type {Record<string, number[]>} */
	const own = Object.fromEntries(names.map((name) => [name, samples[name].map((ns) => ns - idle)]));
	const others = names.filter((name) => name !== 'none');
	return {
		name,
		rounds: own.none.length,
		ns: /** @type {Record<string, Spread>} */ (Object.fromEntries(names.map((name) => [name, spread(own[name])]))),
		/** What it takes with the option, by what it takes without. */
		vsNone: /** @type {Record<string, Spread>} */ (
			Object.fromEntries(others.map((name) => [name, ratios(own[name], own.none)]))
		),
		/** And how much more. */
		more: /** @type {Record<string, Spread>} */ (
			Object.fromEntries(others.map((other) => [other, spread(own[other].map((ns, round) => ns - own.none[round]))]))
		),
	};
}

/**
 * The samples of each cell, of all processes.
 *
 * @param {Record<string, Side>} sides
 * @param {Cell[]} cells
 * @param {number} processes
 * @param {Budget} budget
 */
async function inProcesses(sides, cells, processes, { ms, leastRounds }) {
	/** @type {Record<string, number[]>[]} */
	const all = cells.map(() => Object.fromEntries(Object.keys(sides).map((side) => [side, []])));
	for (let first = 0; first < processes; first++) {
		const budget = { ms: ms / processes, leastRounds: Math.ceil(leastRounds / processes) };
		const samples = await runChild({ sides, cells, budget, first });
		for (const [index, own] of samples.entries()) {
			for (const [side, times] of Object.entries(own)) all[index][side].push(...times);
		}
	}
	return all;
}

/**
 * @param {object} order
 * @returns {Promise<Record<string, number[]>[]>} of each cell
 */
async function runChild(order) {
	const child = fork(CHILD, [JSON.stringify(order)]);
	const exited = once(child, 'exit');
	const [samples] = await Promise.race([once(child, 'message'), exited.then(() => [])]);
	const [code] = await exited;
	if (code !== 0 || !samples) throw new Error(`a process that measures options ended with ${code}`);
	return samples;
}
