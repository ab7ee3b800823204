// What is measured: CPU time, turns of the event loop and requests, for numbers of clients, messages and places they are sent
// from.

import { SIZE_NAMES } from './messages.mjs';

/** @typedef {import('./managers.mjs').From} From */
/** @typedef {import('./messages.mjs').Size} Size */

/**
 * `cpu`: the CPU time of the server per delivered message; `turns`: the longest turn of its event loop; `requests`: the time
 * of other requests meanwhile.
 *
 * @typedef {'cpu' | 'turns' | 'requests'} Subject
 */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {Subject} subject
 * @property {From} from
 * @property {number} clients
 * @property {Size} size
 * @property {number} burst number of messages that are sent in one turn
 */

/** @typedef {ReturnType<typeof sizeOf>} RunSize */

/** @param {boolean} quick */
export function sizeOf(quick) {
	return quick
		? { quick, few: 20, many: 40, deliveries: 400, turns: 2, requestMs: 100, idleMs: 100, rounds: 1 }
		: { quick, few: 200, many: 2_000, deliveries: 20_000, turns: 8, requestMs: 800, idleMs: 400, rounds: 4 };
}

/** @type {Record<From, string>} */
const PLACES = { main: '', worker: ', from a worker', redis: ', from another process by Redis' };
/** @type {Record<Subject, string>} */
const SUBJECTS = { cpu: '', turns: ': turns of the event loop', requests: ': requests meanwhile' };
/** Small messages in one write are so cheap that more of them are needed. */
const BURST_SHARE = 2;
const MIN_BURSTS = 2;

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function deliveryCells(quick) {
	const { few, many } = sizeOf(quick);
	/** @type {Cell[]} */
	const cells = [];
	for (const clients of [few, many]) {
		for (const size of /** @type {Size[]} */ (['short', 'long'])) {
			for (const burst of [1, 10]) cells.push(cell('cpu', 'main', clients, size, burst));
		}
	}
	// After all others with that number of clients, since they lower the priority of the clients.
	cells.push(cell('turns', 'main', many, 'short', 1), cell('requests', 'main', many, 'short', 1));
	for (const from of /** @type {From[]} */ (['worker', 'redis'])) {
		for (const burst of [1, 10]) cells.push(cell('cpu', from, few, 'short', burst));
	}
	return cells;
}

/**
 * @param {Subject} subject
 * @param {From} from
 * @param {number} clients
 * @param {Size} size
 * @param {number} burst
 * @returns {Cell}
 */
function cell(subject, from, clients, size, burst) {
	return { name: cellName(subject, from, clients, size, burst), subject, from, clients, size, burst };
}

/**
 * @param {Subject} subject
 * @param {From} from
 * @param {number} clients
 * @param {Size} size
 * @param {number} burst
 */
export function cellName(subject, from, clients, size, burst) {
	const messages = burst === 1 ? 'single messages' : `bursts of ${burst}`;
	const to = `${SIZE_NAMES[size]} to ${clients.toLocaleString('en')} clients`;
	return `delivery: ${to}, ${messages}${PLACES[from]}${SUBJECTS[subject]}`;
}

/**
 * Returns the load of one turn of the measurement.
 *
 * @param {Cell} cell
 * @param {RunSize} runSize
 * @returns {import('./side.mjs').Load}
 */
export function loadOf({ clients, size, burst }, { deliveries }) {
	const wanted = deliveries * (burst === 1 ? 1 : BURST_SHARE);
	return { clients, size, burst, bursts: Math.max(MIN_BURSTS, Math.round(wanted / clients / burst)) };
}
