// What a session costs beside its messages: `create` with `delete`, and `has`.

import { copy, makeIds } from './material.mjs';
import { interleave } from './rounds.mjs';
import { managers, titles } from './sides.mjs';
import { ratios, spread } from './stats.mjs';

/** @typedef {import('./sides.mjs').Manager} Manager */
/** @typedef {keyof typeof managers} SideName */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {number} others how many sessions are there meanwhile
 * @property {(manager: Manager, known: string[]) => Promise<number>} time gives nanoseconds an operation
 */

/** @type {SideName[]} */
const SIDES = ['old', 'upstream', 'ours'];
const OPERATIONS = 1_000;
const STREAMS = 200;
const BATCHES = 4;

/** A stream is made of dearer things than its registration: this controller leaves only the manager's share. */
class IdleController {
	enqueue() {}
	close() {}
}

/** @type {Row[]} */
export const lifecycleRows = [
	...[0, 1_000, 10_000].map((others) => ({
		name: `create + delete beside ${others.toLocaleString('en')}`,
		others,
		time: timeCreateDelete,
	})),
	{ name: 'new ReadableStream + create + delete beside 1,000', others: 1_000, time: timeStreams },
	...[1, 1_000, 10_000].map((others) => ({
		name: `has, a known id of ${others.toLocaleString('en')}`,
		others,
		time: timeHasKnown,
	})),
	...[1, 1_000, 10_000].map((others) => ({
		name: `has, an unknown id beside ${others.toLocaleString('en')}`,
		others,
		time: timeHasUnknown,
	})),
];

/**
 * @param {Row[]} rows
 * @param {import('./rounds.mjs').Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureLifecycle(rows, budget, log) {
	const results = [];
	for (const { name, others, time } of rows) {
		const known = makeIds(others);
		/** @param {SideName} side */
		const turn = (side) => {
			const manager = managers[side]();
			for (const id of known) manager.create(copy(id), new IdleController());
			return async () => {
				// Not counted: it takes the caches back from the other sides and the garbage collector.
				await time(manager, known);
				let ns = 0;
				for (let batch = 0; batch < BATCHES; batch++) ns += (await time(manager, known)) / BATCHES;
				await checkRegistry(side, manager, known);
				return ns;
			};
		};
		const samples = await interleave({ old: turn('old'), upstream: turn('upstream'), ours: turn('ours') }, budget);
		const result = {
			name,
			others,
			rounds: samples.ours.length,
			ns: { old: spread(samples.old), upstream: spread(samples.upstream), ours: spread(samples.ours) },
			vsUpstream: ratios(samples.upstream, samples.ours),
			vsOld: ratios(samples.old, samples.ours),
		};
		log(`${name}: ${result.ns.ours.median.toFixed(0)} ns, ${result.vsUpstream.median.toFixed(2)}x of upstream`);
		results.push(result);
	}
	return results;
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
 * Each time with other ids: a Map that gets the same one again and again degenerates, which would flatter us.
 *
 * @param {Manager} manager
 */
async function timeCreateDelete(manager) {
	const ids = makeIds(OPERATIONS);
	// What deletes has other string objects than what created: two requests.
	const again = ids.map(copy);
	const controller = new IdleController();
	const start = performance.now();
	for (let index = 0; index < OPERATIONS; index++) {
		manager.create(ids[index], controller);
		manager.delete(again[index]);
	}
	return perOperation(start, OPERATIONS);
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
 * @param {string[]} known
 */
function timeHasKnown(manager, known) {
	const asked = Array.from({ length: OPERATIONS }, () => copy(known[Math.floor(Math.random() * known.length)]));
	return timeHas(manager, asked, true);
}

/** @param {Manager} manager */
function timeHasUnknown(manager) {
	return timeHas(manager, makeIds(OPERATIONS), false);
}

/**
 * @param {Manager} manager
 * @param {string[]} asked
 * @param {boolean} expected
 */
async function timeHas(manager, asked, expected) {
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

/**
 * @param {number} start
 * @param {number} count
 */
function perOperation(start, count) {
	return ((performance.now() - start) * 1e6) / count;
}
