// What a session costs beside its messages: `create` with `delete`, and `has`.
//
// Two regimes. "Ids at hand" are the same string objects again, whose hash V8 has computed: what a transport that keeps
// the id of its stream does on `delete`. Without that word each operation has a string object of its own, as a request's
// header gives it, and whoever looks it up first pays for reading it.

import { copy, makeIds } from '../harness/test-data.mjs';
import { perOperation } from '../harness/operations.mjs';
import { managers, titles } from '../harness/implementations.mjs';

/** @typedef {import('../harness/operations.mjs').Operation} Operation */
/** @typedef {import('../harness/operations.mjs').SideName} SideName */
/** @typedef {import('../harness/implementations.mjs').Manager} Manager */

const GROUP = 'Sessions: `create`, `delete`, `has`';
const OPERATIONS = 1_000;
const STREAMS = 200;

/** A stream is made of dearer things than its registration: this controller leaves only the manager's share. */
class IdleController {
	enqueue() {}
	close() {}
}

/** @type {Operation[]} */
export const lifecycleRows = [
	row('create + delete, ids at hand, beside 1,000', 1_000, (manager) => {
		const ids = makeIds(OPERATIONS);
		return () => timeCreateDelete(manager, ids, ids);
	}),
	...[0, 1_000, 10_000].map((others) =>
		row(`create + delete beside ${others.toLocaleString('en')}`, others, (manager) => () => {
			// Other ids each time: a Map that gets the same one again and again degenerates, which would flatter us. And
			// what deletes has other string objects than what created: two requests.
			const ids = makeIds(OPERATIONS);
			return timeCreateDelete(manager, ids, ids.map(copy));
		}),
	),
	row('new ReadableStream + create + delete beside 1,000', 1_000, (manager) => () => timeStreams(manager)),
	row('has, ids at hand, of 1,000', 1_000, (manager, known) => () => timeHas(manager, known, true)),
	...[1, 1_000, 10_000].map((others) =>
		row(`has, a known id of ${others.toLocaleString('en')}`, others, (manager, known) => () => {
			const asked = Array.from({ length: OPERATIONS }, () => copy(known[Math.floor(Math.random() * known.length)]));
			return timeHas(manager, asked, true);
		}),
	),
	...[1, 1_000, 10_000].map((others) =>
		row(
			`has, an unknown id beside ${others.toLocaleString('en')}`,
			others,
			(manager) => () => timeHas(manager, makeIds(OPERATIONS), false),
		),
	),
];

/**
 * @param {string} name
 * @param {number} others how many sessions are there meanwhile
 * @param {(manager: Manager, known: string[]) => import('../harness/operations.mjs').Turn} prepare
 * @returns {Operation}
 */
function row(name, others, prepare) {
	/** @param {SideName} side */
	const ready = (side) => () => {
		const known = makeIds(others);
		const manager = managers[side]();
		for (const id of known) manager.create(id, new IdleController());
		const turn = prepare(manager, known);
		return async () => {
			const ns = await turn();
			await checkRegistry(side, manager, known);
			return ns;
		};
	};
	return { group: GROUP, name, sides: { old: ready('old'), upstream: ready('upstream'), ours: ready('ours') } };
}

/**
 * @param {SideName} side
 * @param {Manager} manager
 * @param {string[]} known
 */
async function checkRegistry(side, manager, known) {
	const [stranger] = makeIds(1);
	const wrong = (await manager.has(stranger)) || (known.length > 0 && !(await manager.has(known[0])));
	if (wrong) throw new Error(`${titles[side]}: has() gives the wrong answer`);
}

/**
 * @param {Manager} manager
 * @param {string[]} ids
 * @param {string[]} again the same
 * @param {IdleController} [controller]
 */
export async function timeCreateDelete(manager, ids, again, controller = new IdleController()) {
	const start = performance.now();
	for (let index = 0; index < ids.length; index++) {
		manager.create(ids[index], controller);
		manager.delete(again[index]);
	}
	return perOperation(start, ids.length);
}

/** @param {Manager} manager */
async function timeStreams(manager) {
	const ids = makeIds(STREAMS);
	const again = ids.map(copy);
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
		manager.delete(again[index]);
	}
	return perOperation(start, STREAMS);
}

/**
 * @param {Manager} manager
 * @param {string[]} asked
 * @param {boolean} expected
 */
export async function timeHas(manager, asked, expected) {
	/** @type {Promise<boolean>[]} */
	const answers = new Array(asked.length);
	const start = performance.now();
	for (let index = 0; index < asked.length; index++) answers[index] = manager.has(asked[index]);
	const ns = perOperation(start, asked.length);
	for (const answer of answers) {
		if ((await answer) !== expected) throw new Error('has() gives the wrong answer');
	}
	return ns;
}
