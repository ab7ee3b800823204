// `create`, `delete` and `has`: the cost of a session apart from its messages.
//
// In most rows each operation has a string object of its own, like the id in a request header: its first lookup computes the
// hash. Rows with "reused string" in their names pass the same string objects again, whose hash V8 has stored. A transport does so when it
// calls `delete` with the id that it created the stream with.

import { managers, titles } from '../harness/implementations.mjs';
import { nsPerOperation } from '../harness/operations.mjs';
import { copy, makeIds, sessionCount } from '../harness/test-data.mjs';

/** @typedef {import('../harness/operations.mjs').Operation} Operation */
/** @typedef {import('../harness/operations.mjs').Implementation} Implementation */
/** @typedef {import('../harness/operations.mjs').Turn} Turn */
/** @typedef {import('../harness/implementations.mjs').Manager} Manager */

const GROUP = 'Sessions: `create`, `delete`, `has`';
const OPERATIONS = 1_000;
const STREAMS = 200;

/** Takes the place of a stream's controller: creating a stream takes much longer than registering it. */
class IdleController {
	enqueue() {}
	close() {}
}

/** @type {Operation[]} */
export const lifecycleOperations = [
	operation('create + delete, reused strings, with 1,000 other sessions', 1_000, (manager) => {
		const ids = makeIds(OPERATIONS);
		return () => timeCreateDelete(manager, ids, ids);
	}),
	...[0, 1_000, 10_000].map((others) =>
		operation(`create + delete, with ${others.toLocaleString('en')} other sessions`, others, (manager) => () => {
			// New ids in each turn: a Map that has the same id added and deleted again and again degenerates, which would
			// favor this package. `create` and `delete` have different string objects, like those of two requests.
			const ids = makeIds(OPERATIONS);
			return timeCreateDelete(manager, ids, ids.map(copy));
		}),
	),
	operation('new ReadableStream + create + delete, with 1,000 other sessions', 1_000, (manager) => () => {
		return timeStreams(manager);
	}),
	operation('has, known id, reused string, 1,000 sessions', 1_000, (manager, ids) => () => {
		return timeHas(manager, ids, true);
	}),
	...[1, 1_000, 10_000].map((sessions) =>
		operation(`has, known id, ${sessionCount(sessions)}`, sessions, (manager, ids) => () => {
			const asked = Array.from({ length: OPERATIONS }, () => copy(ids[Math.floor(Math.random() * ids.length)]));
			return timeHas(manager, asked, true);
		}),
	),
	...[1, 1_000, 10_000].map((sessions) =>
		operation(`has, unknown id, ${sessionCount(sessions)}`, sessions, (manager) => () => {
			return timeHas(manager, makeIds(OPERATIONS), false);
		}),
	),
];

/**
 * @param {string} name
 * @param {number} sessions number of sessions that exist during the turns
 * @param {(manager: Manager, ids: string[]) => Turn} makeTurn
 * @returns {Operation}
 */
function operation(name, sessions, makeTurn) {
	/** @param {Implementation} implementation */
	const prepare = (implementation) => () => {
		const ids = makeIds(sessions);
		const manager = managers[implementation]();
		for (const id of ids) manager.create(id, new IdleController());
		const turn = makeTurn(manager, ids);
		return async () => {
			const ns = await turn();
			await checkRegistry(implementation, manager, ids);
			return ns;
		};
	};
	return { group: GROUP, name, prepare: { old: prepare('old'), upstream: prepare('upstream'), ours: prepare('ours') } };
}

/**
 * @param {Implementation} implementation
 * @param {Manager} manager
 * @param {string[]} ids
 */
async function checkRegistry(implementation, manager, ids) {
	const [unknown] = makeIds(1);
	const wrong = (await manager.has(unknown)) || (ids.length > 0 && !(await manager.has(ids[0])));
	if (wrong) throw new Error(`${titles[implementation]}: has() gives the wrong result`);
}

/**
 * @param {Manager} manager
 * @param {string[]} ids to create
 * @param {string[]} sameIds to delete
 * @param {object} [controller]
 */
export async function timeCreateDelete(manager, ids, sameIds, controller = new IdleController()) {
	const start = performance.now();
	for (let index = 0; index < ids.length; index++) {
		manager.create(ids[index], controller);
		manager.delete(sameIds[index]);
	}
	return nsPerOperation(start, ids.length);
}

/** @param {Manager} manager */
async function timeStreams(manager) {
	const ids = makeIds(STREAMS);
	const sameIds = ids.map(copy);
	const start = performance.now();
	for (let index = 0; index < STREAMS; index++) {
		const id = ids[index];
		new ReadableStream({
			start(controller) {
				manager.create(id, controller);
			},
			cancel() {
				manager.delete(id);
			},
		});
		manager.delete(sameIds[index]);
	}
	return nsPerOperation(start, STREAMS);
}

/**
 * @param {Manager} manager
 * @param {string[]} ids
 * @param {boolean} expected
 */
export async function timeHas(manager, ids, expected) {
	/** @type {Promise<boolean>[]} */
	const results = new Array(ids.length);
	const start = performance.now();
	for (let index = 0; index < ids.length; index++) results[index] = manager.has(ids[index]);
	const ns = nsPerOperation(start, ids.length);
	for (const result of results) {
		if ((await result) !== expected) throw new Error('has() gives the wrong result');
	}
	return ns;
}
