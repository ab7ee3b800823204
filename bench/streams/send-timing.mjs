// How one `send` is checked and timed: whom it is for, how many sends one turn has, and what is on the clock.

import { collectAll, collectYoung } from '../harness/gc.mjs';

/** @typedef {import('../harness/test-data.mjs').Text} Text */
/** @typedef {import('./session-set.mjs').SessionSet} SessionSet */

/** @typedef {'all' | 'one' | 'a tenth'} Kind of target: `all` is a broadcast, the others are lists of ids */

/**
 * The target of one `send`.
 *
 * @typedef {object} Target
 * @property {string[] | undefined} ids the argument of `send`; `undefined` for a broadcast
 * @property {number[]} indexes of its sessions
 */

/**
 * @typedef {object} Plan
 * @property {number} sends number of sends per batch
 * @property {number} batches number of timed batches per turn
 * @property {boolean} warmUp true when the turn begins with a batch that is not counted
 * @property {() => void} clean collects the garbage between turns
 */

const MAX_SENDS = 64;
const MAX_DELIVERIES = 256;
const MAX_BATCHES = 8;
const MANY_READS = 5_000;
const MAX_BATCH_NS = 20e6;
const MAX_TURN_NS = 2e6;
const MAX_WARM_UP_NS = 100e6;
const MAX_BATCH_BYTES = 16 * 2 ** 20;
const MAX_YOUNG_BYTES = 4 * 2 ** 20;

/**
 * Returns the targets that the sends of a batch go through.
 *
 * @param {Kind} kind
 * @param {string[]} ids
 * @returns {Target[]}
 */
export function targetsOf(kind, ids) {
	const indexes = ids.map((_, index) => index);
	if (kind === 'all') return [{ ids: undefined, indexes }];
	if (kind === 'a tenth') {
		const tenth = indexes.filter((index) => index % 10 === 5);
		return [{ ids: tenth.map((index) => ids[index]), indexes: tenth }];
	}
	// Spread over all sessions: an implementation may be faster for the first or the last ones.
	const count = Math.min(ids.length, MAX_SENDS);
	return Array.from({ length: count }, (_, nth) => {
		const index = Math.floor(((nth + 0.5) * ids.length) / count);
		return { ids: [ids[index]], indexes: [index] };
	});
}

/**
 * Decides how much one turn does. It estimates upstream's time, so that a slow cell does not use up the time of the run, and
 * upstream's buffers do not fill the memory.
 *
 * @param {number} sessions
 * @param {Kind} kind
 * @param {Text} text
 * @param {boolean} cold
 * @returns {Plan}
 */
export function planOf(sessions, kind, text, cold) {
	const targets = kind === 'one' ? 1 : kind === 'all' ? sessions : sessions / 10;
	const bytes = targets * text.bytes.length;
	const compared = kind === 'all' ? 0 : sessions * targets;
	const ns = sessions * 15 + compared * 2.5 + targets * 1000 + bytes * 0.3;
	const sends = atLeastOne(Math.min(MAX_DELIVERIES / targets, MAX_BATCH_BYTES / bytes, MAX_BATCH_NS / ns), MAX_SENDS);
	const batches = cold
		? 1
		: atLeastOne(Math.min(MAX_TURN_NS / (sends * ns), MAX_YOUNG_BYTES / (sends * bytes)), MAX_BATCHES);
	const warmUp = !cold && sends * ns < MAX_WARM_UP_NS;
	const clean = sends * batches * bytes > MAX_YOUNG_BYTES ? collectAll : collectYoung;
	return { sends, batches, warmUp, clean };
}

/**
 * Returns the whole number from 1 to `max`.
 *
 * @param {number} number
 * @param {number} max
 */
function atLeastOne(number, max) {
	return Math.max(1, Math.min(max, Math.floor(number)));
}

/**
 * Sends once, and checks that each target received exactly that and no other session anything.
 *
 * @param {string} title
 * @param {SessionSet} set
 * @param {Target} target
 * @param {Text} text
 */
export async function checkSend(title, set, target, text) {
	timeSends(set, [target], text);
	await checkDelivered(title, set, target, text);
}

/**
 * Checks what was sent before. Nothing has been read yet, so `desiredSize` shows how many chunks each stream received.
 *
 * @param {string} title
 * @param {SessionSet} set
 * @param {Target} target
 * @param {Text} text
 */
export async function checkDelivered(title, set, target, text) {
	const expected = new Set(target.indexes);
	for (const [index, { desiredSize }] of set.controllers.entries()) {
		if (desiredSize !== (expected.has(index) ? 0 : 1)) {
			throw new Error(`${title}: session ${index} has ${1 - Number(desiredSize)} chunks`);
		}
	}
	for (const index of target.indexes) {
		const { value } = await set.readers[index].read();
		if (!(value instanceof Uint8Array) || Buffer.compare(value, text.bytes) !== 0) {
			throw new Error(`${title}: session ${index} received other bytes than were sent`);
		}
	}
	checkEmpty(title, set);
}

/**
 * @param {string} title
 * @param {SessionSet} set
 */
export function checkEmpty(title, set) {
	const index = set.controllers.findIndex(({ desiredSize }) => desiredSize !== 1);
	if (index !== -1) throw new Error(`${title}: session ${index} has a chunk that was not sent to it`);
}

/**
 * Times one turn while readers wait for the chunks. Only the calls of `send` are on the clock.
 *
 * @param {SessionSet} set
 * @param {Target[]} batch
 * @param {Text} text
 * @param {Pick<Plan, 'batches' | 'warmUp'>} plan
 * @returns {Promise<number>} nanoseconds per send
 */
export async function timeTurn(set, batch, text, { batches, warmUp }) {
	let totalMs = 0;
	// Batch 0 is not counted: it fills the caches again after the other implementations and the garbage collection.
	for (let index = warmUp ? 0 : 1; index <= batches; index++) {
		const reads = batch.flatMap(({ indexes }) => indexes.map((at) => set.readers[at].read()));
		settleReads(reads);
		const ms = timeSends(set, batch, text);
		if (index > 0) totalMs += ms;
		for (const read of reads) {
			const { value } = await read;
			if (value.byteLength !== text.bytes.length) throw new Error('a chunk of another length');
		}
	}
	return (totalMs * 1e6) / (batches * batch.length);
}

/**
 * Moves many pending reads to the old generation. Otherwise they fill the young generation, and the clock would mostly show
 * the time to copy them. In a server readers have usually waited for long, so their promises are old.
 *
 * @param {unknown[]} reads
 */
export function settleReads(reads) {
	if (reads.length < MANY_READS) return;
	// An object that survives two collections is moved.
	collectYoung();
	collectYoung();
}

/**
 * The code that is timed. Returns milliseconds.
 *
 * @param {SessionSet} set
 * @param {Target[]} batch
 * @param {Text} text
 */
function timeSends({ manager, controllers }, batch, text) {
	if (manager === undefined) return timeFloor(controllers, batch, text);
	const start = performance.now();
	for (const { ids } of batch) manager.send(ids, text.value);
	return performance.now() - start;
}

/**
 * @param {ReadableStreamDefaultController[]} controllers
 * @param {Target[]} batch
 * @param {Text} text
 */
function timeFloor(controllers, batch, text) {
	const chunk = new Uint8Array(text.bytes);
	const sends = batch.map(({ indexes }) => indexes.map((index) => controllers[index]));
	const start = performance.now();
	for (const targets of sends) {
		for (const controller of targets) controller.enqueue(chunk);
	}
	return performance.now() - start;
}
