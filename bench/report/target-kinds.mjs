// The kinds of targets, and how each finds its value in the results.

import { TOLERANCE } from '../comparison/measure.mjs';
import { cellName } from '../delivery/cells.mjs';
import { sessionCount } from '../harness/test-data.mjs';

/** @typedef {import('./results.mjs').Measured} Measured */

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {'at least' | 'at most' | 'more than' | 'less than'} bound
 * @property {number} target
 * @property {'x' | 'ns' | 'count'} unit
 * @property {(measured: Measured) => number | undefined} valueIn returns `undefined` when the row was not measured
 */

const CORES_FOR_REQUESTS = 4;

/**
 * @param {number} target
 * @param {string} text
 * @param {string} kind
 * @param {number} sessions
 * @returns {Target}
 */
export function sendVsUpstream(target, text, kind, sessions) {
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
export function sendVsFloor(sessions) {
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
export function timeAtMost(target, name) {
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
export function speedVsUpstream(target, name) {
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
export function timeVsUpstream(target, name) {
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
export function acrossThreads(target, sessions, burst, pace) {
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
export function timeWithoutOptions(operation) {
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
export function coalesceVsUpstream(target, cell) {
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
export function senderCpuVsPubSub(kind, perSecond) {
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
export function bystanderCpuVsSingleChannel(perSecond) {
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
 * The total CPU time of a server with native delivery divided by that of another one.
 *
 * @param {'at most' | 'less than'} bound
 * @param {number} target
 * @param {'upstream' | 'axum'} other
 * @param {number} clients
 * @param {number} burst
 * @returns {Target}
 */
export function deliveryVs(bound, target, other, clients, burst) {
	const row = cellName('cpu', 'main', clients, 'short', burst);
	return {
		name: `${row}: CPU time of the server per message, native delivery / ${other}`,
		bound,
		target,
		unit: 'x',
		valueIn: ({ delivery }) => inverse(rowNamed(row, delivery?.cpu)?.vs.native?.[other]?.median),
	};
}

/**
 * The CPU time of the thread that has the clients, with native delivery. Messages are sent one at a time.
 *
 * @param {number} target in nanoseconds
 * @param {import('../delivery/managers.mjs').From} from
 * @param {number} clients
 * @returns {Target}
 */
export function deliveryMainThread(target, from, clients) {
	const row = cellName('cpu', from, clients, 'short', 1);
	return {
		name: `${row}: CPU time of the clients' thread per message, native delivery`,
		bound: 'at most',
		target,
		unit: 'ns',
		valueIn: ({ delivery }) => rowNamed(row, delivery?.cpu)?.ns.native?.main.median,
	};
}

/**
 * @param {number} target in nanoseconds
 * @param {number} clients
 * @returns {Target}
 */
export function deliveryTurn(target, clients) {
	const row = cellName('turns', 'main', clients, 'short', 1);
	return {
		name: `${row}: the turn of the broadcast, native delivery`,
		bound: 'at most',
		target,
		unit: 'ns',
		valueIn: ({ delivery }) => rowNamed(row, delivery?.turns)?.ns.native?.broadcast.median,
	};
}

/**
 * For machines with a core for each of: the event loop, the writer, the clients and the requests.
 *
 * @param {number} target
 * @param {number} clients
 * @returns {Target}
 */
export function deliveryRequests(target, clients) {
	const row = cellName('requests', 'main', clients, 'short', 1);
	return {
		name: `${row}: p99 with native delivery, during broadcasts / idle, on ${CORES_FOR_REQUESTS} cores or more`,
		bound: 'at most',
		target,
		unit: 'x',
		valueIn({ about, delivery }) {
			if (about.cores < CORES_FOR_REQUESTS) return undefined;
			return rowNamed(row, delivery?.requests)?.vsIdle.native?.median;
		},
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

/**
 * @template {{ name: string }} Row
 * @param {string} wanted
 * @param {Row[] | undefined} rows
 */
function rowNamed(wanted, rows) {
	return rows?.find(({ name }) => name === wanted);
}

/** @param {number | undefined} ratio */
function inverse(ratio) {
	return ratio === undefined ? undefined : 1 / ratio;
}

/** @param {number[]} numbers */
export function min(numbers) {
	return numbers.length === 0 ? undefined : Math.min(...numbers);
}

/** @param {number[]} numbers */
export function max(numbers) {
	return numbers.length === 0 ? undefined : Math.max(...numbers);
}
