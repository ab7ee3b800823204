// What the package has to reach before it is released.

import { burstCells } from '../options/coalesce-bursts.mjs';
import { beforeCells } from '../options/cost.mjs';
import { commandsOfABroadcast } from '../redis/commands.mjs';

/** @typedef {import('../run.mjs').Results} Results */

/**
 * @typedef {object} Goal
 * @property {string} name
 * @property {'at least' | 'at most' | 'more than' | 'less than'} bound
 * @property {number} target
 * @property {'x' | 'ns' | 'times'} unit
 * @property {(results: Results) => number | undefined} measured nothing, where the row was left out
 */

/** @type {Goal[]} */
const goals = [
	faster(1.2, '100 B', 'one', 1),
	faster(1.5, '100 B', 'everyone', 1),
	faster(2, '100 B', 'everyone', 2),
	faster(2, '100 B', 'everyone', 10),
	faster(2, '100 B', 'everyone', 100),
	faster(1.8, '100 B', 'everyone', 1_000),
	faster(8, '100 B', 'one', 1_000),
	faster(100, '100 B', 'one', 10_000),
	faster(4, '4 KB', 'everyone', 1_000),
	faster(20, '64 KB', 'everyone', 1_000),
	...[10, 100, 1_000, 10_000].map(nearFloor),
	// With ids at hand upstream's are the 30 and 50 ns that these were set beside; see lifecycle.mjs.
	within(120, 'has, ids at hand, of 1,000'),
	within(300, 'create + delete, ids at hand, beside 1,000'),
	notSlower(1.5, 'getClientInfo of 1,000'),
	notSlower(1.5, 'getClientCapabilities of 1,000'),
	notSlower(1.5, 'getLogLevel of 1,000'),
	notSlower(2, 'getSubscriptions of a URI with 10 ids'),
	fasterThan(100, 'delete of a session with 3 URIs, 10,000 being known'),
	fasterThan(50, 'a notification to 10 of 10,000 registrations'),
	notSlower(1.3, 'a notification to 10 of 10 registrations'),
	acrossThreads(1, 1, 1, 'one at a time'),
	acrossThreads(1, 1, 1, 'back to back'),
	// Not one at a time: that costs what waking a thread costs, and even the floor is hardly three times as fast.
	acrossThreads(3, 1, 10, 'back to back'),
	acrossThreads(4, 1, 100, 'one at a time'),
	acrossThreads(4, 1, 100, 'back to back'),
	acrossThreads(1.5, 10, 10, 'one at a time'),
	acrossThreads(1.5, 10, 10, 'back to back'),
	{
		name: 'the most that a scope of one thread costs a send, to a manager without a scope',
		bound: 'at most',
		target: 1.05,
		unit: 'x',
		measured: ({ alone }) =>
			extreme(
				'max',
				alone.map(({ vsPlain }) => vsPlain.median),
			),
	},
	{
		name: 'redis: commands for a broadcast to 10,000 sessions on 2 nodes, beside the reads that wait for it',
		bound: 'at most',
		target: 1,
		unit: 'times',
		measured: ({ redis }) =>
			redis?.commands?.sessions === 10_000 ? commandsOfABroadcast(redis.commands.counts.ours) : undefined,
	},
	...beforeCells(false).map(({ name }) => asBefore(name)),
	...burstCells(false).map(({ name }) => inBursts(1.7, name)),
	overRedis('one', 1_000),
	overRedis('one', 10_000),
	overRedis('everyone', 1_000),
	passedBy(1_000),
	passedBy(10_000),
	{
		name: 'the least ratio of all sends, to either upstream',
		bound: 'more than',
		target: 1,
		unit: 'x',
		measured: ({ sends }) =>
			extreme(
				'min',
				sends.flatMap((row) => [row.vsUpstream.median, row.vsOld.median]),
			),
	},
];

/** @param {Results} results */
export function judge(results) {
	return goals.map(({ name, bound, target, unit, measured: measure }) => {
		const measured = measure(results) ?? null;
		return { name, bound, target, unit, measured, passed: measured === null ? null : holds(measured, bound, target) };
	});
}

/**
 * @param {number} measured
 * @param {Goal['bound']} bound
 * @param {number} target
 */
function holds(measured, bound, target) {
	if (bound === 'at most') return measured <= target;
	if (bound === 'less than') return measured < target;
	return bound === 'at least' ? measured >= target : measured > target;
}

/**
 * @param {number} target
 * @param {string} text
 * @param {string} kind
 * @param {number} sessions
 * @returns {Goal}
 */
function faster(target, text, kind, sessions) {
	return {
		name: `send ${text} to ${kind} of ${sessions.toLocaleString('en')}, against upstream`,
		bound: 'at least',
		target,
		unit: 'x',
		measured: (results) => find(results, text, kind, sessions)?.vsUpstream.median,
	};
}

/**
 * @param {number} sessions
 * @returns {Goal}
 */
function nearFloor(sessions) {
	return {
		name: `send 100 B to everyone of ${sessions.toLocaleString('en')}, against the floor`,
		bound: 'at most',
		target: 1.5,
		unit: 'x',
		measured: (results) => find(results, '100 B', 'everyone', sessions)?.vsFloor.median,
	};
}

/**
 * @param {number} target
 * @param {string} name
 * @returns {Goal}
 */
function within(target, name) {
	return { name, bound: 'at most', target, unit: 'ns', measured: (results) => row(results, name)?.ns.ours.median };
}

/**
 * @param {number} target
 * @param {string} name
 * @returns {Goal}
 */
function fasterThan(target, name) {
	const measured = (/** @type {Results} */ results) => row(results, name)?.vsUpstream.median;
	return { name: `${name}, against upstream`, bound: 'at least', target, unit: 'x', measured };
}

/**
 * @param {number} target
 * @param {string} name
 * @returns {Goal}
 */
function notSlower(target, name) {
	return {
		name: `${name}, ours / upstream's time`,
		bound: 'at most',
		target,
		unit: 'x',
		measured(results) {
			const ratio = row(results, name)?.vsUpstream.median;
			return ratio && 1 / ratio;
		},
	};
}

/**
 * The least of its rows, whichever their targets, against either of the others.
 *
 * @param {number} target
 * @param {number} sessions
 * @param {number} burst
 * @param {Results['threads'][number]['pace']} pace
 * @returns {Goal}
 */
function acrossThreads(target, sessions, burst, pace) {
	const what = burst === 1 ? 'single messages' : `bursts of ${burst}`;
	const whom = sessions === 1 ? '1 session' : `${sessions} sessions`;
	return {
		name: `100 B to ${whom} in a worker thread, ${what}, ${pace}, against either channel`,
		bound: 'at least',
		target,
		unit: 'x',
		measured({ threads }) {
			const rows = threads.filter((row) => row.workers === 1 && row.text === '100 B' && row.sessions === sessions);
			const ours = rows.filter((row) => row.burst === burst && row.pace === pace);
			return extreme(
				'min',
				ours.flatMap((row) => [row.vsBroadcastChannel.median, row.vsMessagePort.median]),
			);
		},
	};
}

/**
 * With every option off.
 *
 * @param {string} operation
 * @returns {Goal}
 */
function asBefore(operation) {
	return {
		name: `${operation}: with every option off / before there were any`,
		bound: 'at most',
		target: 1.03,
		unit: 'x',
		measured: ({ options }) => options?.before?.find(({ name }) => name === operation)?.vsBefore.median,
	};
}

/**
 * @param {number} target
 * @param {string} cell
 * @returns {Goal}
 */
function inBursts(target, cell) {
	return {
		name: `${cell}: server CPU a message, upstream / with coalesce`,
		bound: 'at least',
		target,
		unit: 'x',
		measured: ({ options }) => options?.bursts.find(({ name }) => name === cell)?.vsUpstream.median,
	};
}

/**
 * @param {'one' | 'everyone'} kind
 * @param {number} aSecond
 * @returns {Goal}
 */
function overRedis(kind, aSecond) {
	const what = `a message to ${kind} of another process, ${aSecond.toLocaleString('en')} a second`;
	return {
		name: `redis: the main thread's CPU time for ${what}: ours / pub/sub in JS`,
		bound: 'less than',
		target: 0.1,
		unit: 'x',
		measured({ redis }) {
			const row = redis?.traffic.find((row) => row.kind === kind && row.aSecond === aSecond);
			return row && 1 / row.vsPubSub.cpu.sender.median;
		},
	};
}

/**
 * @param {number} aSecond
 * @returns {Goal}
 */
function passedBy(aSecond) {
	return {
		name:
			`redis: the main thread's CPU time of a node for a message to one of another, ${aSecond.toLocaleString('en')} a second: ` +
			'ours / one channel in JS',
		bound: 'less than',
		target: 0.1,
		unit: 'x',
		measured({ redis }) {
			const ratio = redis?.traffic.find((row) => row.kind === 'one' && row.aSecond === aSecond)?.vsPlain?.median;
			return ratio && 1 / ratio;
		},
	};
}

/**
 * @param {Results} results
 * @param {string} name
 */
function row({ operations }, name) {
	return operations.find((operation) => operation.name === name);
}

/**
 * @param {Results} results
 * @param {string} text
 * @param {string} kind
 * @param {number} sessions
 */
function find({ sends }, text, kind, sessions) {
	return sends.find((row) => row.text === text && row.kind === kind && row.sessions === sessions && !row.cold);
}

/**
 * @param {'min' | 'max'} which
 * @param {number[]} numbers
 */
function extreme(which, numbers) {
	return numbers.length === 0 ? undefined : Math[which](...numbers);
}
