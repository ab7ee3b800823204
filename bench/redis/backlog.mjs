// How fast a node receives a backlog: it is suspended, another node sends many messages, and it is resumed.

import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { asciiTexts, sessionCount } from '../harness/test-data.mjs';
import { implementationsFor } from './implementations.mjs';

/** @typedef {import('./node-group.mjs').NodeGroup} NodeGroup */
/** @typedef {import('./implementations.mjs').FewNodes} FewNodes */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {'one' | 'all'} kind
 * @property {number} sessions
 */

const ENTRIES = 10_000;
const PER_TURN = 100;

const [text] = asciiTexts;

/**
 * @param {number} sessions of the receiver
 * @returns {Cell[]}
 */
export function backlogCells(sessions) {
	return /** @type {const} */ (['one', 'all']).map((kind) => ({
		name: `backlog of ${ENTRIES.toLocaleString('en')} messages of ${text.name} to ${kind} of ${sessionCount(sessions)}`,
		kind,
		sessions,
	}));
}

/**
 * @param {Cell} cell
 * @param {Record<FewNodes, NodeGroup>} groups
 * @param {{ rounds: number }} size
 */
export async function measureBacklog({ name, kind }, groups, { rounds }) {
	const traffic = { kind, count: ENTRIES, text, pace: { perTurn: PER_TURN } };
	const implementations = implementationsFor(kind);
	/** @param {FewNodes} implementation */
	const turn = (implementation) => async () => {
		const group = groups[implementation];
		const { receiver } = group.nodes;
		const untilReceived = await group.expect(traffic);
		receiver.pause();
		await group.send(traffic);
		const start = Number(process.hrtime.bigint());
		receiver.resume();
		return ((await untilReceived()) - start) / ENTRIES;
	};
	const turns = Object.fromEntries(implementations.map((implementation) => [implementation, turn(implementation)]));
	const samples = await interleave(turns, { ms: 0, minRounds: rounds }, () => {});
	for (const implementation of implementations) await groups[implementation].checkEmpty();
	return {
		name,
		kind,
		entries: ENTRIES,
		rounds,
		/** Time per message. */
		ns: Object.fromEntries(implementations.map((implementation) => [implementation, spread(samples[implementation])])),
		vsPubSub: ratios(samples.pubSub, samples.ours),
	};
}
