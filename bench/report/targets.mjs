// The targets that the package has to reach before a release, and whether a run reached them.

import { comparisonCells, TOLERANCE } from '../comparison/measure.mjs';
import { sessionCount } from '../harness/test-data.mjs';
import { burstCells } from '../options/coalesce-bursts.mjs';
import { commandsPerBroadcast } from '../redis/commands.mjs';

/** @typedef {import('./results.mjs').Measured} Measured */

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {'at least' | 'at most' | 'more than' | 'less than'} bound
 * @property {number} target
 * @property {'x' | 'ns' | 'count'} unit
 * @property {(measured: Measured) => number | undefined} valueIn returns `undefined` when the row was not measured
 */

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
	timeAtMost(120, 'has, known id with reused string, of 1,000 sessions'),
	timeAtMost(300, 'create + delete, with reused strings, beside 1,000 sessions'),
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
	senderCpuVsPubSub('one', 1_000),
	senderCpuVsPubSub('one', 10_000),
	senderCpuVsPubSub('all', 1_000),
	bystanderCpuVsSingleChannel(1_000),
	bystanderCpuVsSingleChannel(10_000),
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

/**
 * @param {number} target
 * @param {string} text
 * @param {string} kind
 * @param {number} sessions
 * @returns {Target}
 */
function sendVsUpstream(target, text, kind, sessions) {
	return {
		name: `${sendName(text, kind, sessions)}: upstream / this package`,
		bound: 'at least',
		target,
		unit: 'x',
		valueIn: (measured) => findSend(measured, text, kind, sessions)?.vsUpstream.median,
	};
}

/**
 * @param {number} sessions
 * @returns {Target}
 */
function sendVsFloor(sessions) {
	return {
		name: `${sendName('100 B', 'all', sessions)}: this package / the floor`,
		bound: 'at most',
		target: 1.5,
		unit: 'x',
		valueIn: (measured) => findSend(measured, '100 B', 'all', sessions)?.vsFloor.median,
	};
}

/**
 * @param {number} target in nanoseconds
 * @param {string} name
 * @returns {Target}
 */
function timeAtMost(target, name) {
	return {
		name,
		bound: 'at most',
		target,
		unit: 'ns',
		valueIn: (measured) => findOperation(measured, name)?.ns.ours.median,
	};
}

/**
 * @param {number} target
 * @param {string} name
 * @returns {Target}
 */
function speedVsUpstream(target, name) {
	return {
		name: `${name}: upstream / this package`,
		bound: 'at least',
		target,
		unit: 'x',
		valueIn: (measured) => findOperation(measured, name)?.vsUpstream.median,
	};
}

/**
 * @param {number} target
 * @param {string} name
 * @returns {Target}
 */
function timeVsUpstream(target, name) {
	return {
		name: `${name}: this package / upstream`,
		bound: 'at most',
		target,
		unit: 'x',
		valueIn: (measured) => inverse(findOperation(measured, name)?.vsUpstream.median),
	};
}

/**
 * The lowest ratio of all its rows to either channel.
 *
 * @param {number} target
 * @param {number} sessions
 * @param {number} burst
 * @param {Measured['threads'][number]['pace']} pace
 * @returns {Target}
 */
function acrossThreads(target, sessions, burst, pace) {
	const messages = burst === 1 ? 'single messages' : `bursts of ${burst}`;
	const count = sessions === 1 ? '1 session' : `${sessions} sessions`;
	return {
		name: `100 B to ${count} in a worker thread, ${messages}, ${pace}: lowest ratio, either channel / this package`,
		bound: 'at least',
		target,
		unit: 'x',
		valueIn({ threads }) {
			const rows = threads.filter(
				(row) =>
					row.workers === 1 &&
					row.text === '100 B' &&
					row.sessions === sessions &&
					row.burst === burst &&
					row.pace === pace,
			);
			return min(rows.flatMap((row) => [row.vsBroadcastChannel.median, row.vsMessagePort.median]));
		},
	};
}

/**
 * @param {string} operation
 * @returns {Target}
 */
function timeWithoutOptions(operation) {
	return {
		name: `${operation}: now without options / before there were options`,
		bound: 'at most',
		target: 1 + TOLERANCE,
		unit: 'x',
		valueIn: ({ comparison }) =>
			comparison?.isRequested ? undefined : comparison?.rows.find(({ name }) => name === operation)?.vsBefore.median,
	};
}

/**
 * @param {number} target
 * @param {string} cell
 * @returns {Target}
 */
function coalesceVsUpstream(target, cell) {
	return {
		name: `${cell}: CPU time of the server per message, upstream / this package`,
		bound: 'at least',
		target,
		unit: 'x',
		valueIn: ({ options }) => options?.bursts.find(({ name }) => name === cell)?.vsUpstream.median,
	};
}

/**
 * @param {'one' | 'all'} kind
 * @param {number} perSecond
 * @returns {Target}
 */
function senderCpuVsPubSub(kind, perSecond) {
	return {
		name:
			`redis: message to ${kind} of the sessions of another process, ${perSecond.toLocaleString('en')} per second: CPU time of ` +
			"the sender's main thread, this package / pub/sub in JS",
		bound: 'less than',
		target: 0.1,
		unit: 'x',
		valueIn: (measured) => inverse(findTraffic(measured, kind, perSecond)?.vsPubSub.cpu.sender.median),
	};
}

/**
 * @param {number} perSecond
 * @returns {Target}
 */
function bystanderCpuVsSingleChannel(perSecond) {
	return {
		name:
			`redis: message to another process, ${perSecond.toLocaleString('en')} per second: CPU time of the main thread of a node ` +
			'that it is not for, this package / one channel in JS',
		bound: 'less than',
		target: 0.1,
		unit: 'x',
		valueIn: (measured) => inverse(findTraffic(measured, 'one', perSecond)?.vsSingleChannel?.median),
	};
}

/**
 * @param {string} text
 * @param {string} kind
 * @param {number} sessions
 */
function sendName(text, kind, sessions) {
	return `send ${text} to ${kind} of ${sessionCount(sessions)}`;
}

/**
 * @param {Measured} measured
 * @param {string} text
 * @param {string} kind
 * @param {number} sessions
 */
function findSend({ sends }, text, kind, sessions) {
	return sends.find((row) => row.text === text && row.kind === kind && row.sessions === sessions && !row.cold);
}

/**
 * @param {Measured} measured
 * @param {string} name
 */
function findOperation({ operations }, name) {
	return operations.find((operation) => operation.name === name);
}

/**
 * @param {Measured} measured
 * @param {string} kind
 * @param {number} perSecond
 */
function findTraffic({ redis }, kind, perSecond) {
	return redis?.traffic.find((row) => row.kind === kind && row.perSecond === perSecond);
}

/** @param {number | undefined} ratio */
function inverse(ratio) {
	return ratio === undefined ? undefined : 1 / ratio;
}

/** @param {number[]} numbers */
function min(numbers) {
	return numbers.length === 0 ? undefined : Math.min(...numbers);
}

/** @param {number[]} numbers */
function max(numbers) {
	return numbers.length === 0 ? undefined : Math.max(...numbers);
}
