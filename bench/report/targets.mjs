// The targets that the package has to reach before a release, and whether a run reached them.

import { comparisonCells } from '../comparison/measure.mjs';
import { burstCells } from '../options/coalesce-bursts.mjs';
import { commandsPerBroadcast } from '../redis/commands.mjs';
import { nodeTargets } from './node-targets.mjs';
import {
	acrossThreads,
	bystanderCpuVsSingleChannel,
	coalesceVsUpstream,
	deliveryMainThread,
	deliveryRequests,
	deliveryTurn,
	deliveryVs,
	max,
	min,
	senderCpuVsPubSub,
	sendVsFloor,
	sendVsUpstream,
	speedVsUpstream,
	timeAtMost,
	timeVsUpstream,
	timeWithoutOptions,
} from './target-kinds.mjs';

/** @typedef {import('./target-kinds.mjs').Target} Target */

/** @typedef {import('./results.mjs').Measured} Measured */

/** @type {Target[]} */
const targets = [
	sendVsUpstream(1.2, '100 B', 'one', 1),
	sendVsUpstream(1.5, '100 B', 'all', 1),
	sendVsUpstream(2, '100 B', 'all', 2),
	sendVsUpstream(2, '100 B', 'all', 10),
	sendVsUpstream(2, '100 B', 'all', 100),
	sendVsUpstream(1.8, '100 B', 'all', 1_000),
	sendVsUpstream(8, '100 B', 'one', 1_000),
	sendVsUpstream(100, '100 B', 'one', 10_000),
	sendVsUpstream(4, '4 KB', 'all', 1_000),
	sendVsUpstream(20, '64 KB', 'all', 1_000),
	...[10, 100, 1_000, 10_000].map(sendVsFloor),
	// Set when upstream took 30 ns and 50 ns in these rows.
	timeAtMost(120, 'has, known id, reused string, 1,000 sessions'),
	timeAtMost(300, 'create + delete, reused strings, with 1,000 other sessions'),
	timeVsUpstream(1.5, 'getClientInfo of 1,000 sessions'),
	timeVsUpstream(1.5, 'getClientCapabilities of 1,000 sessions'),
	timeVsUpstream(1.5, 'getLogLevel of 1,000 sessions'),
	timeVsUpstream(2, 'getSubscriptions of a URI that 10 sessions watch'),
	speedVsUpstream(100, 'delete a session that watches 3 of 10,000 URIs'),
	speedVsUpstream(50, 'notify 10 of 10,000 registrations'),
	timeVsUpstream(1.3, 'notify 10 of 10 registrations'),
	acrossThreads(1, 1, 1, 'one at a time'),
	acrossThreads(1, 1, 1, 'back to back'),
	// Only back to back: one at a time, most of the time is the wakeup of a thread, and the floor is hardly 3 times as fast.
	acrossThreads(3, 1, 10, 'back to back'),
	acrossThreads(4, 1, 100, 'one at a time'),
	acrossThreads(4, 1, 100, 'back to back'),
	acrossThreads(1.5, 10, 10, 'one at a time'),
	acrossThreads(1.5, 10, 10, 'back to back'),
	{
		name: 'send in a scope of one thread: highest time with / without a scope',
		bound: 'at most',
		target: 1.05,
		unit: 'x',
		valueIn: ({ singleThreadScope }) => max(singleThreadScope.map(({ vsPlain }) => vsPlain.median)),
	},
	{
		name: 'redis: commands for a broadcast to 10,000 sessions on 2 nodes, without blocking reads',
		bound: 'at most',
		target: 1,
		unit: 'count',
		valueIn: ({ redis }) =>
			redis?.commands?.sessions === 10_000 ? commandsPerBroadcast(redis.commands.counts.ours) : undefined,
	},
	...comparisonCells(false, false).map(({ name }) => timeWithoutOptions(name)),
	...burstCells(false).map(({ name }) => coalesceVsUpstream(1.7, name)),
	...nodeTargets,
	senderCpuVsPubSub('one', 1_000),
	senderCpuVsPubSub('one', 10_000),
	senderCpuVsPubSub('all', 1_000),
	bystanderCpuVsSingleChannel(1_000),
	bystanderCpuVsSingleChannel(10_000),
	deliveryMainThread(300, 'main', 200),
	deliveryVs('at most', 0.55, 'upstream', 200, 1),
	deliveryVs('less than', 1, 'axum', 200, 1),
	deliveryVs('at most', 0.3, 'upstream', 200, 10),
	deliveryVs('at most', 0.15, 'upstream', 2_000, 10),
	deliveryTurn(500_000, 2_000),
	deliveryRequests(1.5, 2_000),
	deliveryMainThread(100, 'worker', 200),
	deliveryMainThread(100, 'redis', 200),
	{
		name: 'send: lowest ratio of all rows, either version of upstream / this package',
		bound: 'more than',
		target: 1,
		unit: 'x',
		valueIn: ({ sends }) => min(sends.flatMap((row) => [row.vsUpstream.median, row.vsOld.median])),
	},
];

/** @param {Measured} measured */
export function checkTargets(measured) {
	return targets.map(({ name, bound, target, unit, valueIn }) => {
		const value = valueIn(measured) ?? null;
		return { name, bound, target, unit, value, passed: value === null ? null : isWithin(value, bound, target) };
	});
}

/**
 * @param {number} value
 * @param {Target['bound']} bound
 * @param {number} target
 */
function isWithin(value, bound, target) {
	if (bound === 'at most') return value <= target;
	if (bound === 'less than') return value < target;
	return bound === 'at least' ? value >= target : value > target;
}
