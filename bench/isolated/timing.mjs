// One turn of an isolated copy at a cell: checks its results, then returns the nanoseconds per operation.

import { asciiTexts, cjkText, copy, makeIds } from '../harness/test-data.mjs';
import { timeCreateDelete, timeHas } from '../streams/lifecycle.mjs';
import { checkDelivered, planOf, settleReads, targetsOf, timeTurn } from '../streams/send-timing.mjs';

/** @typedef {import('../streams/session-set.mjs').SessionSet} SessionSet */
/** @typedef {import('../streams/send-timing.mjs').Target} Target */
/** @typedef {import('../streams/send-timing.mjs').Plan} Plan */
/** @typedef {import('../harness/test-data.mjs').Text} Text */
/** @typedef {import('./cells.mjs').Cell} Cell */
/** @typedef {import('./cells.mjs').Send} Send */

/**
 * @typedef {object} Timing
 * @property {(title: string, set: SessionSet) => Promise<void>} check
 * @property {(set: SessionSet) => Promise<number>} turn resolves to the nanoseconds per operation
 * @property {() => void} [clean]
 */

const OPERATIONS = 1_000;
const TEXTS = [...asciiTexts, cjkText];

/** A controller without a stream, so that only the manager's share is measured. It reports demand, like a stream's. */
class IdleController {
	desiredSize = 1;
	enqueue() {}
	close() {}
	error() {}
}

/**
 * @param {Cell} cell
 * @param {string[]} ids of the sessions
 * @returns {Timing}
 */
export function timingOf({ sessions, operation }, ids) {
	if (operation.what === 'send') return timingOfSend(operation, sessions, ids);
	const check = checkHas(ids);
	if (operation.what === 'has') {
		const asked = Array.from({ length: OPERATIONS }, () => ids[Math.floor(Math.random() * ids.length)]);
		// New string objects in each turn, like those of requests.
		return { check, turn: ({ manager }) => timeHas(required(manager), asked.map(copy), true) };
	}
	return {
		check,
		turn({ manager }) {
			const others = makeIds(OPERATIONS);
			return timeCreateDelete(required(manager), others, others.map(copy), new IdleController());
		},
	};
}

/**
 * @param {Send} operation
 * @param {number} sessions
 * @param {string[]} ids
 * @returns {Timing}
 */
function timingOfSend({ mode, kind, text: textName, cold = false }, sessions, ids) {
	const text = /** @type {Text} */ (TEXTS.find(({ name }) => name === textName));
	const targets = targetsOf(kind, ids);
	const plan = planOf(sessions, kind, text, cold);
	const batch = Array.from({ length: plan.sends }, (_, index) => targets[index % targets.length]);
	const time = { sends: timeTurn, microtasks: timeWithMicrotasks, queued: timeQueued }[mode];
	return {
		async check(title, set) {
			if (set.manager === undefined) return;
			set.manager.send(targets[0].ids, text.value);
			// With `coalesce` and `sliceMs`, chunks are delivered after `send` has returned.
			await /** @type {any} */ (set.manager).flush?.();
			await checkDelivered(title, set, targets[0], text);
		},
		turn: (set) => time(set, batch, text, plan),
		clean: plan.clean,
	};
}

/**
 * @param {string[]} ids
 * @returns {Timing['check']}
 */
function checkHas(ids) {
	return async (title, { manager }) => {
		const [known, unknown] = await Promise.all([ids[0], ...makeIds(1)].map((id) => required(manager).has(id)));
		if (!known || unknown) throw new Error(`${title}: has() gives the wrong result`);
	};
}

/** @param {SessionSet['manager']} manager */
function required(manager) {
	if (manager === undefined) throw new Error('this cell needs a manager');
	return manager;
}

/**
 * @param {SessionSet} set without a manager, the time is that of the loop
 * @param {Target[]} batch
 * @param {Text} text
 * @param {Plan} plan
 */
async function timeWithMicrotasks({ manager, readers }, batch, text, { batches, warmUp }) {
	let totalMs = 0;
	for (let index = warmUp ? 0 : 1; index <= batches; index++) {
		const reads = manager ? batch.flatMap(({ indexes }) => indexes.map((at) => readers[at].read())) : [];
		settleReads(reads);
		const start = performance.now();
		for (const { ids } of batch) {
			manager?.send(ids, text.value);
			await microtasksDone();
		}
		if (index > 0) totalMs += performance.now() - start;
		await checkReads(reads, text);
	}
	return (totalMs * 1e6) / (batches * batch.length);
}

/** Resolves when the queue of microtasks is empty: Node runs `nextTick` callbacks after the last one. */
function microtasksDone() {
	return new Promise(nextTick);
}

/** @param {(value: undefined) => void} resolve */
function nextTick(resolve) {
	process.nextTick(resolve, undefined);
}

/**
 * @param {SessionSet} set
 * @param {Target[]} batch
 * @param {Text} text
 * @param {Plan} plan
 */
async function timeQueued({ manager, readers }, batch, text, { batches, warmUp }) {
	let totalMs = 0;
	for (let index = warmUp ? 0 : 1; index <= batches; index++) {
		const start = performance.now();
		for (const { ids } of batch) manager?.send(ids, text.value);
		if (index > 0) totalMs += performance.now() - start;
		await checkReads(
			batch.flatMap(({ indexes }) => indexes.map((at) => readers[at].read())),
			text,
		);
	}
	return (totalMs * 1e6) / (batches * batch.length);
}

/**
 * @param {ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>[]} reads
 * @param {Text} text
 */
async function checkReads(reads, text) {
	for (const read of reads) {
		const { value } = await read;
		if (value?.byteLength !== text.bytes.length) throw new Error('a chunk of another length');
	}
}
