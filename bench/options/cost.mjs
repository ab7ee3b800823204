// The cost of an operation with each option, compared with no options.

import { ratios, spread } from '../harness/stats.mjs';
import { createCell, sendCells } from '../isolated/cells.mjs';
import { withCopies } from '../isolated/package-copies.mjs';
import { measureInProcesses } from '../isolated/processes.mjs';

/** @typedef {import('../isolated/cells.mjs').Cell} Cell */
/** @typedef {import('../isolated/cells.mjs').SendMode} SendMode */
/** @typedef {import('../isolated/processes.mjs').Isolated} Isolated */
/** @typedef {import('../isolated/option-sets.mjs').OptionName} OptionName */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */
/** @typedef {{ mode: SendMode | 'create', options: OptionName[], cells: Cell[] }} Group measured together, one table */

const FULL = { processes: 9, budget: { ms: 3_000, minRounds: 24 } };
const QUICK = { processes: 1, budget: { ms: 150, minRounds: 3 } };

/** Without `coalesce`, chunks are enqueued within `send`. @type {OptionName[]} */
const WITHIN_SEND = ['none', 'keepAliveMs', 'maxQueuedBytes', 'sliceMs', 'maxAgeMs'];
/** @type {OptionName[]} */
const IN_MICROTASKS = ['none', 'coalesce', 'all'];
/** @type {OptionName[]} */
const WITH_QUEUES = ['none', 'keepAliveMs', 'maxQueuedBytes'];
/** @type {OptionName[]} */
const OF_CREATE = ['none', 'keepAliveMs', 'maxQueuedBytes', 'coalesce', 'maxSessions', 'maxAgeMs', 'onClose', 'all'];

/**
 * @param {boolean} quick
 * @returns {Group[]}
 */
export function costGroups(quick) {
	return [
		{ mode: 'sends', options: WITHIN_SEND, cells: sendCells('sends', quick) },
		{ mode: 'microtasks', options: IN_MICROTASKS, cells: sendCells('microtasks', quick) },
		{ mode: 'queued', options: WITH_QUEUES, cells: sendCells('queued', quick) },
		{ mode: 'create', options: OF_CREATE, cells: [createCell()] },
	];
}

/**
 * @param {Group} group
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureCosts({ mode, options, cells }, quick, log) {
	const { processes, budget } = quick ? QUICK : FULL;
	const rows = await withCopies(options, async (folders) => {
		/** @type {Record<string, Isolated>} */
		const implementations = Object.fromEntries(options.map((name) => [name, { folder: folders[name], options: name }]));
		if (mode === 'microtasks') implementations.emptyLoop = null;
		const samples = await measureInProcesses(implementations, cells, processes, budget);
		return cells.map(({ name }, index) => rowOf(name, options, samples[index]));
	});
	for (const { name, vsNone } of rows) {
		const costs = Object.entries(vsNone).map(([option, { median }]) => `${option} ${median.toFixed(2)}x`);
		log(`options: ${name}${mode === 'queued' ? ', nothing is read' : ''}: ${costs.join(', ')}`);
	}
	return { mode, options, rows };
}

/**
 * @param {string} name
 * @param {OptionName[]} options
 * @param {Record<string, number[]>} samples
 */
function rowOf(name, options, samples) {
	const emptyLoop = samples.emptyLoop === undefined ? 0 : spread(samples.emptyLoop).median;
	/** @type {Record<string, number[]>} */
	const ns = Object.fromEntries(options.map((option) => [option, samples[option].map((ns) => ns - emptyLoop)]));
	const others = options.filter((option) => option !== 'none');
	/** @type {(names: OptionName[], of: (option: OptionName) => Spread) => Record<string, Spread>} */
	const spreads = (names, of) => Object.fromEntries(names.map((option) => [option, of(option)]));
	return {
		name,
		rounds: ns.none.length,
		ns: spreads(options, (option) => spread(ns[option])),
		/** Time with the option divided by the time without options. */
		vsNone: spreads(others, (option) => ratios(ns[option], ns.none)),
		/** Time with the option less the time without options. */
		added: spreads(others, (option) => spread(ns[option].map((time, round) => time - ns.none[round]))),
	};
}
