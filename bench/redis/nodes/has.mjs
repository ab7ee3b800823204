// `has` of a session of another node: its time, and the commands that Redis runs for it.

import { interleave } from '../../harness/interleave.mjs';
import { mapKeys } from '../../harness/map-keys.mjs';
import { ratios, spread } from '../../harness/stats.mjs';
import { quantile } from '../latencies.mjs';

/** @typedef {import('./sides.mjs').Side} Side */
/** @typedef {import('./sides.mjs').SideName} SideName */
/** @typedef {Record<string, number>} Counts of commands */

const WARM_UP_ROUNDS = 1;
/** Less of a command is not for `has`: the connection of the benchmark, heartbeats. */
const MIN_PER_CALL = 0.5;

/**
 * @param {import('./cells.mjs').HasCell} cell
 * @param {Side[]} sides
 * @param {import('./cells.mjs').Size} size
 */
export async function measureHas({ name, nodes }, sides, { calls, few }) {
	const names = sides.map(({ name }) => name);
	const medians = mapKeys(names, () => /** @type {number[]} */ ([]));
	const commands = mapKeys(names, () => /** @type {Counts} */ ({}));
	/** @param {Side} side */
	const turn =
		({ name, redis, group }) =>
		async () => {
			const ids = Array.from({ length: calls }, (_, call) => group.ids[call % group.ids.length]);
			const before = await redis.commandCounts();
			const times = await group.nodes.sender.call('timeHas', ids);
			commands[name] = countsPerCall(await redis.commandCounts(), before, calls);
			medians[name].push(
				quantile(
					times.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b),
					0.5,
				),
			);
			return 0;
		};
	const turns = /** @type {Record<SideName, () => Promise<number>>} */ (
		Object.fromEntries(sides.map((side) => [side.name, turn(side)]))
	);
	await interleave(turns, { ms: 0, minRounds: few, minWarmUpRounds: WARM_UP_ROUNDS }, () => {});
	/** @param {SideName} side */
	const counted = (side) => medians[side].slice(-few);
	return {
		name,
		nodes,
		calls,
		/** Medians of the rounds. */
		ns: mapKeys(names, (side) => spread(counted(side))),
		/** Number of commands per call, with those in scripts. */
		commands,
		vs: mapKeys(
			names.filter((side) => side !== 'ours'),
			(side) => ratios(counted(side), counted('ours')),
		),
	};
}

/**
 * @param {Counts} after
 * @param {Counts} before
 * @param {number} calls
 * @returns {Counts}
 */
function countsPerCall(after, before, calls) {
	const perCall = Object.entries(after).map(
		([command, count]) => /** @type {const} */ ([command, (count - (before[command] ?? 0)) / calls]),
	);
	return Object.fromEntries(
		perCall.filter(([, count]) => count >= MIN_PER_CALL).map(([command, count]) => [command, Math.round(count)]),
	);
}
