// How fast a node takes in a full stream: it is stopped where it stands, another one sends as many messages as a stream holds,
// and it goes on.

import { asciiTexts } from '../harness/test-data.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { sidesFor } from './implementations.mjs';

/** @typedef {import('./node-group.mjs').Fleet} Fleet */
/** @typedef {import('./implementations.mjs').RedisSide} RedisSide */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {'one' | 'everyone'} kind
 */

/** What a stream holds unless `maxLen` says otherwise. */
const ENTRIES = 10_000;
const A_TURN = 100;

const [text] = asciiTexts;

/** @returns {Cell[]} */
export function backlogCells() {
	return /** @type {const} */ (['one', 'everyone']).map((kind) => ({
		name: `redis: a backlog of ${ENTRIES.toLocaleString('en')} messages of ${text.name} to ${kind} of 10`,
		kind,
	}));
}

/**
 * @param {Cell} cell
 * @param {Record<RedisSide, Fleet>} fleets
 * @param {{ rounds: number }} size
 */
export async function measureBacklog({ name, kind }, fleets, { rounds }) {
	const traffic = { kind, count: ENTRIES, text, pace: { aTurn: A_TURN } };
	const sides = sidesFor(kind);
	/** @param {RedisSide} side */
	const turn = (side) => async () => {
		const { receiver } = fleets[side].nodes;
		const until = await fleets[side].expect(traffic);
		receiver.pause();
		await fleets[side].send(traffic);
		const start = Number(process.hrtime.bigint());
		receiver.resume();
		return ((await until()) - start) / ENTRIES;
	};
	const turns = Object.fromEntries(sides.map((side) => [side, turn(side)]));
	const samples = await interleave(turns, { ms: 0, leastRounds: rounds }, () => {});
	for (const side of sides) await fleets[side].checkEmpty();
	return {
		name,
		kind,
		entries: ENTRIES,
		rounds,
		/** Of a message. */
		ns: Object.fromEntries(sides.map((side) => [side, spread(samples[side])])),
		vsPubSub: ratios(samples.pubSub, samples.ours),
	};
}
