// `has` of a session of another node: its time, the CPU time of Redis, and the commands that Redis runs for it.

import { mapKeys } from '../../harness/map-keys.mjs';
import { spread } from '../../harness/stats.mjs';

/** @typedef {import('./sides.mjs').Side} Side */
/** @typedef {import('./sides.mjs').SideName} SideName */

/** Less of a command is not for `has`: the connection of the benchmark, heartbeats. */
const MIN_PER_CALL = 0.5;

/**
 * @param {import('./cells.mjs').HasCell} cell
 * @param {Side[]} sides
 * @param {import('./cells.mjs').Size} size
 */
export async function measureHas({ name, nodes }, sides, { calls }) {
	/** @type {Record<string, { ns: import('../../harness/stats.mjs').Spread, commands: Record<string, number> }>} */
	const measured = {};
	for (const { name, redis, group } of sides) {
		const ids = Array.from({ length: calls }, (_, call) => group.ids[call % group.ids.length]);
		// Not counted: the first call may load a script.
		await group.nodes.sender.call('timeHas', group.ids);
		const before = await redis.commandCounts();
		const times = await group.nodes.sender.call('timeHas', ids);
		const after = await redis.commandCounts();
		const perCall = Object.entries(after).map(
			([command, count]) => /** @type {const} */ ([command, Math.round((count - (before[command] ?? 0)) / calls)]),
		);
		const commands = Object.fromEntries(perCall.filter(([, count]) => count >= MIN_PER_CALL));
		measured[name] = { ns: spread(times), commands };
	}
	const names = sides.map(({ name }) => name);
	return {
		name,
		nodes,
		calls,
		ns: mapKeys(names, (side) => measured[side].ns),
		/** Number of commands per call, with those in scripts. */
		commands: mapKeys(names, (side) => measured[side].commands),
	};
}
