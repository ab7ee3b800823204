// This checkout against an earlier commit, both without options.

import { buildCommit, findCommit, isBuilt } from '../harness/earlier-commit.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { createCell, hasCell, sendCells } from '../isolated/cells.mjs';
import { withCopies } from '../isolated/package-copies.mjs';
import { measureInProcesses } from '../isolated/processes.mjs';
import { sendCells as allSendCells } from '../streams/send.mjs';

/** @typedef {import('../isolated/cells.mjs').Cell} Cell */
/** @typedef {import('../isolated/processes.mjs').Isolated} Isolated */

/** The last commit before stream managers had options. A run without `--before` compares with it. */
export const BEFORE_OPTIONS = '3d34906';

/** The difference that still counts as equal. */
export const TOLERANCE = 0.03;

/** Long budgets, since the ratios are close to 1. Each implementation is the first one in 3 processes. */
const FULL = { processes: 9, budget: { ms: 10_000, minRounds: 180 } };
const QUICK = { processes: 1, budget: { ms: 150, minRounds: 3 } };

/**
 * @typedef {object} Part
 * @property {boolean} quick
 * @property {string} reference the commit
 * @property {boolean} isRequested true with `--before`
 * @property {Cell[]} cells
 */

/**
 * Returns what there is to measure, or `undefined` for nothing.
 *
 * @param {boolean} quick
 * @param {string | undefined} reference the value of `--before`
 * @param {(row: { name: string }) => boolean} isSelected
 * @returns {Part | undefined}
 */
export function comparisonPart(quick, reference, isSelected) {
	const cells = comparisonCells(quick, reference !== undefined).filter(({ name }) =>
		isSelected({ name: `comparison: ${name}` }),
	);
	if (cells.length === 0) return undefined;
	return { quick, reference: reference ?? BEFORE_OPTIONS, isRequested: reference !== undefined, cells };
}

/**
 * @param {boolean} quick
 * @param {boolean} all true for every `send` cell of the benchmark
 * @returns {Cell[]}
 */
export function comparisonCells(quick, all) {
	const sends = all ? allSendCells(quick).map(isolatedCell) : sendCells('sends', quick);
	return [...sends, createCell(), hasCell()];
}

/**
 * @param {import('../streams/send.mjs').Cell} cell
 * @returns {Cell}
 */
function isolatedCell({ name, sessions, kind, text, cold }) {
	return { name, sessions, operation: { what: 'send', mode: 'sends', kind, text: text.name, cold } };
}

/**
 * Measures a second copy of this checkout, too: the difference between two copies of the same code is the error of the
 * measurement.
 *
 * @param {Part} part
 * @param {(line: string) => void} log
 */
export async function measureComparison({ quick, reference, isRequested, cells }, log) {
	const commit = findCommit(reference);
	if (commit === undefined) {
		log(`comparison: not measured: git does not have the commit ${reference} here`);
		return undefined;
	}
	if (quick && !isRequested && !isBuilt(commit)) {
		log(`comparison: not measured: with --quick, commit ${commit} is not built unless --before asks for it`);
		return undefined;
	}
	const folder = buildCommit(commit, log);
	if (folder === undefined) return undefined;
	const { processes, budget } = quick ? QUICK : FULL;
	return withCopies(['now', 'nowAgain'], async ({ now, nowAgain }) => {
		/** @type {Record<'before' | 'now' | 'nowAgain', Isolated>} */
		const implementations = {
			before: { folder, options: 'none' },
			now: { folder: now, options: 'none' },
			nowAgain: { folder: nowAgain, options: 'none' },
		};
		const samples = await measureInProcesses(implementations, cells, processes, budget);
		const rows = cells.map(({ name }, index) => {
			const { before, now, nowAgain } = samples[index];
			return {
				name,
				rounds: now.length,
				ns: { before: spread(before), now: spread(now) },
				/** Time of this checkout divided by that of the earlier commit. */
				vsBefore: ratios(now, before),
				/** Time of this checkout divided by that of its second copy. */
				vsItself: ratios(now, nowAgain),
			};
		});
		for (const { name, vsBefore, rounds } of rows) {
			log(`comparison: ${name}: ${vsBefore.median.toFixed(3)}x the time of ${commit} (${rounds} rounds)`);
		}
		return { commit, isRequested, rows };
	});
}
