// One side's turn at a cell: its answers first, then the nanoseconds of each operation.

import { timeCreateDelete, timeHas } from '../streams/lifecycle.mjs';
import { asciiTexts, copy, makeIds } from '../harness/test-data.mjs';
import { collectYoung } from '../harness/interleave.mjs';
import { checkDelivered, planOf, targetsOf, timeTurn } from '../streams/send.mjs';

/** @typedef {import('../streams/session-set.mjs').Crowd} Crowd */
/** @typedef {import('../harness/test-data.mjs').Text} Text */
/** @typedef {import('./cells.mjs').Cell} Cell */
/** @typedef {ReturnType<typeof targetsOf>[number]} Target */
/** @typedef {ReturnType<typeof planOf>} Plan */

const OPERATIONS = 1_000;
const MANY_READS = 5_000;

/** @param {(value: undefined) => void} resolve */
const whenDone = (resolve) => process.nextTick(resolve, undefined);

/** Neither stream nor reader: what is left is the manager's share. Like a stream's, it tells how much more it wants. */
class IdleController {
	desiredSize = 1;
	enqueue() {}
	close() {}
	error() {}
}

/**
 * @param {Cell} cell
 * @param {string[]} ids of the sessions there are
 * @returns {{ check: (title: string, crowd: Crowd) => Promise<void>, turn: (crowd: Crowd) => Promise<number>, clean?: () => void }}
 */
export function turnsOf({ sessions, does }, ids) {
	if (does.what === 'has') {
		const asked = Array.from({ length: OPERATIONS }, () => copy(ids[Math.floor(Math.random() * ids.length)]));
		// Other string objects each time, as requests give them.
		return { check: checkHas, turn: ({ manager }) => timeHas(managed(manager), asked.map(copy), true) };
	}
	if (does.what === 'create') {
		const turn = (/** @type {Crowd} */ { manager }) => {
			const others = makeIds(OPERATIONS);
			return timeCreateDelete(managed(manager), others, others.map(copy), new IdleController());
		};
		return { check: checkHas, turn };
	}
	const { manner, kind } = does;
	const text = /** @type {Text} */ (asciiTexts.find(({ name }) => name === does.text));
	const targets = targetsOf(kind, ids);
	const plan = planOf(sessions, kind, text, false);
	const batch = Array.from({ length: plan.sends }, (_, index) => targets[index % targets.length]);
	const time = { sends: timeTurn, microtasks: timeWithMicrotasks, queued: timeQueued }[manner];
	return {
		async check(title, crowd) {
			if (crowd.manager === undefined) return;
			crowd.manager.send(targets[0].list, text.value);
			// What `coalesce` and `sliceMs` have put off.
			await /** @type {any} */ (crowd.manager).flush();
			await checkDelivered(title, crowd, targets[0], text);
		},
		turn: (crowd) => time(crowd, batch, text, plan),
		clean: plan.clean,
	};

	/**
	 * @param {string} title
	 * @param {Crowd} crowd
	 */
	async function checkHas(title, { manager }) {
		const known = await Promise.all([ids[0], ...makeIds(1)].map((id) => managed(manager).has(id)));
		if (!known[0] || known[1]) throw new Error(`${title}: has() gives the wrong answer`);
	}
}

/** @param {Crowd['manager']} manager */
function managed(manager) {
	if (manager === undefined) throw new Error('a side without a manager cannot do that');
	return manager;
}

/**
 * @param {Crowd} crowd with no manager it does nothing, and is what the loop takes
 * @param {Target[]} batch
 * @param {Text} text
 * @param {Plan} plan
 */
async function timeWithMicrotasks({ manager, readers }, batch, text, { batches, warmUp }) {
	let total = 0;
	for (let index = warmUp ? 0 : 1; index <= batches; index++) {
		const reads = manager ? batch.flatMap(({ places }) => places.map((place) => readers[place].read())) : [];
		// As in send.mjs.
		if (reads.length >= MANY_READS) {
			collectYoung();
			collectYoung();
		}
		const start = performance.now();
		for (const { list } of batch) {
			manager?.send(list, text.value);
			// It comes when no microtask is left, those that have come of others included: the stream leaves some as well.
			await new Promise(whenDone);
		}
		if (index > 0) total += performance.now() - start;
		await checkReads(reads, text);
	}
	return (total * 1e6) / (batches * batch.length);
}

/**
 * @param {Crowd} crowd
 * @param {Target[]} batch
 * @param {Text} text
 * @param {Plan} plan
 */
async function timeQueued({ manager, readers }, batch, text, { batches, warmUp }) {
	let total = 0;
	for (let index = warmUp ? 0 : 1; index <= batches; index++) {
		const start = performance.now();
		for (const { list } of batch) manager?.send(list, text.value);
		if (index > 0) total += performance.now() - start;
		await checkReads(
			batch.flatMap(({ places }) => places.map((place) => readers[place].read())),
			text,
		);
	}
	return (total * 1e6) / (batches * batch.length);
}

/**
 * @param {Promise<ReadableStreamReadResult<Uint8Array>>[]} reads
 * @param {Text} text
 */
async function checkReads(reads, text) {
	for (const read of reads) {
		const { value } = await read;
		if (value?.byteLength !== text.bytes.length) throw new Error('a chunk of another length');
	}
}
