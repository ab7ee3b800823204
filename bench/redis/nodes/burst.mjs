// A burst of numbered messages to one node: how many arrive, and how fast. What arrives has to be in order, and only once.

import { setTimeout as wait } from 'node:timers/promises';
import { interleave } from '../../harness/interleave.mjs';
import { mapKeys } from '../../harness/map-keys.mjs';
import { ratios, spread } from '../../harness/stats.mjs';

/** @typedef {import('./sides.mjs').Side} Side */
/** @typedef {import('./sides.mjs').SideName} SideName */
/** @typedef {import('../node-handle.mjs').NodeHandle} NodeHandle */

const WARM_UP_ROUNDS = 1;
/** When nothing has arrived for this time, the rest is lost. */
const QUIET_MS = 1_500;
const CHECK_INTERVAL_MS = 100;

/**
 * @param {import('./cells.mjs').BurstCell} cell
 * @param {Side[]} sides
 * @param {import('./cells.mjs').Size} size
 */
export async function measureBurst({ name, messages }, sides, { few }) {
	const names = sides.map(({ name }) => name);
	const samples = mapKeys(names, () => ({ ns: /** @type {number[]} */ ([]), lost: /** @type {number[]} */ ([]) }));
	/** @param {Side} side */
	const turn =
		({ name, group }) =>
		async () => {
			const { sender, receiver } = group.nodes;
			await receiver.call('expect', { numbered: messages });
			await sender.call('send', { ids: group.ids, count: messages, pace: { perTurn: messages } });
			const { missing, lastArrival } = await untilQuiet(receiver);
			const [start] = await sender.call('sendTimes');
			samples[name].lost.push(missing);
			samples[name].ns.push((lastArrival - start) / (messages - missing));
			return 0;
		};
	const turns = /** @type {Record<SideName, () => Promise<number>>} */ (
		Object.fromEntries(sides.map((side) => [side.name, turn(side)]))
	);
	await interleave(turns, { ms: 0, minRounds: few, minWarmUpRounds: WARM_UP_ROUNDS }, () => {});

	/** @param {SideName} side */
	const counted = (side) => samples[side].ns.slice(-few);
	return {
		name,
		messages,
		rounds: few,
		/** Time per message that has arrived. */
		ns: mapKeys(names, (side) => spread(counted(side))),
		/** Numbers of lost messages in all bursts, with that of the warm-up. */
		lost: mapKeys(names, (side) => samples[side].lost),
		vs: mapKeys(
			names.filter((side) => side !== 'ours'),
			(side) => ratios(counted(side), counted('ours')),
		),
	};
}

/**
 * Resolves when all messages have arrived, or nothing has arrived for some time.
 *
 * @param {NodeHandle} receiver
 * @returns {Promise<{ missing: number, lastArrival: number }>}
 */
export async function untilQuiet(receiver) {
	for (let quietMs = 0, last = 0; ; ) {
		const progress = await receiver.call('progress');
		if (progress.missing === 0) return progress;
		quietMs = progress.lastArrival === last ? quietMs + CHECK_INTERVAL_MS : 0;
		last = progress.lastArrival;
		if (quietMs >= QUIET_MS) {
			await receiver.call('giveUp');
			return progress;
		}
		await wait(CHECK_INTERVAL_MS);
	}
}
