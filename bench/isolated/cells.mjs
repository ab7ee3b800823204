// The cells that are measured with isolated copies of the package.

import { asciiTexts, sessionCount } from '../harness/test-data.mjs';

/** @typedef {import('../streams/send-timing.mjs').Kind} Kind */

/**
 * What is on the clock of a `send`:
 *
 * - `sends`: the call of `send`, while readers wait
 * - `microtasks`: the call of `send` and the microtasks that it causes, while readers wait; `coalesce` does its work there.
 *   The time of the same loop without a manager is subtracted.
 * - `queued`: the call of `send`, while nothing is read
 *
 * @typedef {'sends' | 'microtasks' | 'queued'} SendMode
 */

/** @typedef {{ what: 'send', mode: SendMode, kind: Kind, text: string, cold?: boolean }} Send */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {number} sessions
 * @property {Send | { what: 'create' } | { what: 'has' }} operation
 */

const [short, long] = asciiTexts;

/** @type {[number, Kind][]} */
const TARGETS = [
	...[1, 10, 100, 1_000].map((sessions) => /** @type {[number, Kind]} */ ([sessions, 'all'])),
	[1, 'one'],
	[1_000, 'one'],
	[10_000, 'a tenth'],
];
/** @type {[number, Kind][]} */
const QUICK_TARGETS = [
	[10, 'all'],
	[1, 'one'],
];
/** @type {[number, Kind][]} */
const QUEUED_TARGETS = [
	[1, 'one'],
	[1_000, 'all'],
];

/**
 * @param {SendMode} mode
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function sendCells(mode, quick) {
	if (mode === 'queued') return cellsOf(mode, quick ? QUICK_TARGETS : QUEUED_TARGETS, [short]);
	return cellsOf(mode, quick ? QUICK_TARGETS : TARGETS, quick ? [short] : [short, long]);
}

/**
 * @param {SendMode} mode
 * @param {[number, Kind][]} targets
 * @param {import('../harness/test-data.mjs').Text[]} texts
 * @returns {Cell[]}
 */
function cellsOf(mode, targets, texts) {
	return texts.flatMap((text) =>
		targets.map(([sessions, kind]) => ({
			name: `send ${text.name} to ${kind} of ${sessionCount(sessions)}`,
			sessions,
			operation: { what: 'send', mode, kind, text: text.name },
		})),
	);
}

/** @returns {Cell} */
export function createCell() {
	return { name: 'create + delete, with 1,000 other sessions', sessions: 1_000, operation: { what: 'create' } };
}

/** @returns {Cell} */
export function hasCell() {
	return { name: 'has, known id, 1,000 sessions', sessions: 1_000, operation: { what: 'has' } };
}
