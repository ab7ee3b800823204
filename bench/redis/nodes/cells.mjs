// The rows about the number of nodes.

import { asciiTexts } from '../../harness/test-data.mjs';

/** @typedef {import('../node-process.mjs').Pace} Pace */

/**
 * @typedef {object} TrafficCell messages from one node to sessions of another one, or to all sessions
 * @property {'traffic'} subject
 * @property {string} name
 * @property {number} nodes
 * @property {'one' | 'all'} kind
 * @property {'single' | 'burst'} pace
 */

/** @typedef {{ subject: 'has', name: string, nodes: number }} HasCell */
/** @typedef {{ subject: 'burst', name: string, nodes: number, messages: number }} BurstCell */
/** @typedef {{ subject: 'storm', name: string, nodes: number, processes: number, sessions: number }} StormCell */
/**
 * @typedef {object} GrowthCell messages from one node to sessions of another one, with few and with many nodes
 * @property {'growth'} subject
 * @property {string} name
 * @property {number} few number of nodes
 * @property {number} many
 * @property {'one'} kind
 * @property {'single' | 'burst'} pace
 */

/** @typedef {TrafficCell | HasCell | BurstCell | StormCell | GrowthCell} Cell */

const NODES = [2, 4, 8, 16];
/** For broadcasts only: what one costs grows with the number of nodes. */
const MANY_NODES = 32;
export const PACES = /** @type {const} */ (['single', 'burst']);

/** The nodes of the rows that do not depend on their number. */
const FEW_NODES = 4;
const BURST = 25_000;
const STORM = { processes: 4, sessions: 5_000 };

export const [text] = asciiTexts;

/** Messages per second, unless they are sent in a burst. The event loops are idle between two of them. */
const SINGLE_PER_SECOND = 250;

/**
 * The sizes of a run. The bursts of the traffic rows are shorter than `maxLen` of the earlier layout with one stream, because that
 * layout loses messages of longer ones.
 *
 * @param {boolean} quick
 */
export function sizeOf(quick) {
	return {
		quick,
		rounds: quick ? 1 : 7,
		few: quick ? 1 : 3,
		singles: quick ? 50 : 100,
		bursts: quick ? { one: 500, all: 200 } : { one: 4_000, all: 1_000 },
		calls: quick ? 20 : 100,
	};
}

/** @typedef {ReturnType<typeof sizeOf>} Size */

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function nodeCells(quick) {
	const { bursts } = sizeOf(quick);
	const numbers = quick ? [2, 4] : NODES;
	const storm = quick ? { processes: 2, sessions: 500 } : STORM;
	const messages = quick ? 2_000 : BURST;
	return [
		...numbers.flatMap((nodes) => [
			...trafficCells(nodes, bursts),
			{ subject: /** @type {const} */ ('has'), name: `nodes: has of a session of another node, ${nodes} nodes`, nodes },
		]),
		...(quick ? [] : trafficCells(MANY_NODES, bursts).filter(({ kind }) => kind === 'all')),
		{
			subject: 'burst',
			name: `nodes: one burst of ${messages.toLocaleString('en')} messages to another node, ${FEW_NODES} nodes`,
			nodes: FEW_NODES,
			messages,
		},
		{
			subject: 'storm',
			name: `nodes: ${storm.processes} x ${storm.sessions.toLocaleString('en')} create at once`,
			nodes: 2,
			...storm,
		},
		...growthCells(numbers[0], /** @type {number} */ (numbers.at(-1)), bursts.one),
	];
}

/**
 * @param {number} nodes
 * @param {Size['bursts']} bursts
 */
function trafficCells(nodes, bursts) {
	return /** @type {const} */ (['one', 'all']).flatMap((kind) =>
		PACES.map((pace) => ({
			subject: /** @type {const} */ ('traffic'),
			name: trafficName(nodes, kind, pace, bursts[kind]),
			nodes,
			kind,
			pace,
		})),
	);
}

/**
 * @param {number} few
 * @param {number} many
 * @param {number} messages of a burst
 */
function growthCells(few, many, messages) {
	return PACES.map((pace) => ({
		subject: /** @type {const} */ ('growth'),
		name: `nodes: ${text.name} to a session of another node, ${many} nodes beside ${few}, ${speedOf(pace, messages)}`,
		few,
		many,
		kind: /** @type {const} */ ('one'),
		pace,
	}));
}

/**
 * @param {number} nodes
 * @param {TrafficCell['kind']} kind
 * @param {TrafficCell['pace']} pace
 * @param {number} messages of a burst
 */
function trafficName(nodes, kind, pace, messages) {
	const target = kind === 'one' ? 'a session of another node' : 'all sessions';
	return `nodes: ${text.name} to ${target}, ${nodes} nodes, ${speedOf(pace, messages)}`;
}

/**
 * @param {TrafficCell['pace']} pace
 * @param {number} messages of a burst
 */
function speedOf(pace, messages) {
	return pace === 'single' ? `${SINGLE_PER_SECOND} per second` : `bursts of ${messages.toLocaleString('en')}`;
}

/**
 * Returns the traffic of a cell.
 *
 * @param {Pick<TrafficCell, 'kind' | 'pace'>} cell
 * @param {Size} size
 * @returns {import('../node-group.mjs').Traffic}
 */
export function trafficOf({ kind, pace }, { singles, bursts }) {
	if (pace === 'burst') return { kind, text, count: bursts[kind], pace: { perTurn: bursts[kind] } };
	return { kind, text, count: singles, pace: { perMs: SINGLE_PER_SECOND / 1_000 } };
}
