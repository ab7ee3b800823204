// What is done by managers with options and without.

import { asciiTexts } from '../harness/test-data.mjs';

/** @typedef {import('../streams/send.mjs').Kind} Kind */

/**
 * What is on the clock of a `send`:
 *
 * - `sends`: only that, readers waiting
 * - `microtasks`: that and the microtasks it leaves, after each, readers waiting; what these take when nothing is sent is taken
 *   off. `coalesce` does its work there.
 * - `queued`: only that; nobody reads until all are sent
 *
 * @typedef {'sends' | 'microtasks' | 'queued'} Manner
 */

/** @typedef {{ what: 'send', manner: Manner, kind: Kind, text: string }} Send */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {number} sessions
 * @property {Send | { what: 'create' } | { what: 'has' }} does
 */

const [short, long] = asciiTexts;

/** @type {Kind} */
const EVERYONE = 'everyone';

/** @type {[number, Kind][]} */
const TARGETS = [
	...[1, 10, 100, 1_000].map((sessions) => /** @type {[number, Kind]} */ ([sessions, EVERYONE])),
	[1, 'one'],
	[1_000, 'one'],
	[10_000, 'a tenth'],
];
/** @type {[number, Kind][]} */
const QUICK_TARGETS = [
	[10, 'everyone'],
	[1, 'one'],
];
/** @type {[number, Kind][]} */
const QUEUED_TARGETS = [
	[1, 'one'],
	[1_000, 'everyone'],
];

/**
 * @param {Manner} manner
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function sendCells(manner, quick) {
	if (manner === 'queued') return cellsOf(manner, quick ? QUICK_TARGETS : QUEUED_TARGETS, [short]);
	return cellsOf(manner, quick ? QUICK_TARGETS : TARGETS, quick ? [short] : [short, long]);
}

/**
 * @param {Manner} manner
 * @param {[number, Kind][]} targets
 * @param {import('../harness/test-data.mjs').Text[]} texts
 * @returns {Cell[]}
 */
function cellsOf(manner, targets, texts) {
	return texts.flatMap((text) =>
		targets.map(([sessions, kind]) => ({
			name: `send ${text.name} to ${kind} of ${sessions.toLocaleString('en')}`,
			sessions,
			does: { what: 'send', manner, kind, text: text.name },
		})),
	);
}

/** @returns {Cell} */
export function createCell() {
	return { name: 'create + delete beside 1,000', sessions: 1_000, does: { what: 'create' } };
}

/** @returns {Cell} */
export function hasCell() {
	return { name: 'has, a known id of 1,000', sessions: 1_000, does: { what: 'has' } };
}
