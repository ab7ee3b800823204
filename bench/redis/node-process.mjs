// A node: a process with one manager (the floor has none), and real streams whose readers read chunks as they come. Performs
// the calls of the main process (node-handle.mjs). A process can also be several nodes, each with a manager and one session.

import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { numberIn, shortEvent } from '../harness/events.mjs';
import { collectYoung } from '../harness/gc.mjs';
import { copy } from '../harness/test-data.mjs';
import { managers } from './implementations.mjs';
import { mainThreadNs } from './main-thread-cpu.mjs';

/** @typedef {import('./implementations.mjs').NodeKind} NodeKind */

/**
 * How fast messages are sent: `perMs` in each millisecond, and more at once when the timer fires late; or `perTurn` in each
 * turn of the event loop.
 *
 * @typedef {{ perMs: number } | { perTurn: number }} Pace
 */

/**
 * @typedef {object} Sending
 * @property {string[] | undefined} ids the session of each message, from the first again after the last; `undefined` for
 *   broadcasts
 * @property {string[]} [texts] the text of each message, from the first again after the last; default short numbered events
 * @property {number} count number of messages
 * @property {Pace} pace
 */

/**
 * The number and length of the chunks; or the text that each session has to receive, by index; or the number of numbered
 * events. Some of these events may be missing.
 *
 * @typedef {{ chunks: number, length: number } | { texts: string[] } | { numbered: number }} Expected
 */

const [kind, url, nodes, folder] = /** @type {[NodeKind, string, string, string]} */ (process.argv.slice(2));
const all = await Promise.all(Array.from({ length: Number(nodes) }, (_, index) => managers[kind](url, index, folder)));
/** The node that sends. */
const [manager] = all;

/** Long enough for the replies to what was sent, and for the event loop to become idle. */
const IDLE_MS = 20;

/** Number of chunks, or of texts, that have not arrived completely. */
let missing = 0;
/** Expected length of each chunk. */
let length = 0;
/** @type {{ texts: string[], received: number[] } | undefined} */
let check;
/** The last number of each session, when numbered events are expected. @type {number[] | undefined} */
let numbers;
/** When the last chunk was read. */
let lastArrival = 0;
/**
 * When each chunk was read: first the first chunk of each session, then the second of each, and so on; or, with numbered events, by
 * their numbers. 0 for a chunk that has not arrived.
 */
let arrivals = new Float64Array();
/** Number of chunks of each session. @type {number[]} */
let counts = [];
/** Resolves to the time when the last chunk was read. @type {{ promise: Promise<number>, resolve: (at: number) => void }} */
let allReceived = deferred();
/** When each message was sent. */
let sendTimes = new Float64Array();

const calls = {
	/** Opens sessions, and resolves when other nodes can send to them. @param {string[]} ids */
	async open(ids) {
		/** @type {unknown[]} */
		const created = [];
		for (const [index, id] of ids.entries()) {
			const manager = all[index % all.length];
			// With `start` and `cancel`, like the streams of the HTTP and SSE transports.
			const stream = new ReadableStream({
				start(controller) {
					created.push(manager?.create(copy(id), controller));
				},
				cancel() {
					manager?.delete(id);
				},
			});
			readAll(index, stream.getReader());
		}
		counts = ids.map(() => 0);
		await Promise.all(created);
		await Promise.all(all.map((manager) => manager?.ready?.()));
		await Promise.all(all.map((manager) => manager?.flush?.()));
	},

	/** @param {string} id */
	has: (id) => manager?.has(id),

	/** Calls `has` for one id after the other, and returns the time of each call in nanoseconds. @param {string[]} ids */
	async timeHas(ids) {
		const times = [];
		for (const id of ids) {
			const start = now();
			if (!(await manager?.has(id))) throw new Error(`has() is false for ${id}`);
			times.push(now() - start);
		}
		return times;
	},

	/** Prepares for chunks. Collects the garbage of the turn before first. @param {Expected} expected */
	expect(expected) {
		if (missing > 0) throw new Error(`${missing} chunks have not arrived`);
		collectYoung();
		counts.fill(0);
		allReceived = deferred();
		check = undefined;
		numbers = undefined;
		if ('texts' in expected) {
			check = { texts: expected.texts, received: expected.texts.map(() => 0) };
			missing = expected.texts.filter((text) => text !== '').length;
		} else if ('numbered' in expected) {
			numbers = counts.map(() => -1);
			missing = expected.numbered;
			arrivals = new Float64Array(missing);
		} else {
			length = expected.length;
			missing = expected.chunks;
			arrivals = new Float64Array(expected.chunks);
		}
		if (missing === 0) allReceived.resolve(now());
	},

	/** Resolves to the time when the last expected chunk was read. */
	received: () => allReceived.promise,

	/** Returns when each chunk was read; see `arrivals` above. */
	arrivals: () => arrivals,

	/** Returns the number of chunks that have not arrived, and when the last one was read. */
	progress: () => ({ missing, lastArrival }),

	/** Expects no more chunks. */
	giveUp() {
		missing = 0;
	},

	/** Sends messages, and resolves when Redis has them. @param {Sending} sending */
	async send({ ids, count, pace, texts = shortEvents(count) }) {
		collectYoung();
		const lists = ids?.map((id) => [id]);
		/** @type {unknown[]} */
		const sent = [];
		sendTimes = new Float64Array(count);
		const start = performance.now();
		for (let next = 0; next < count; ) {
			let due = next;
			if ('perMs' in pace) {
				await wait(1);
				due = Math.floor(performance.now() - start) * pace.perMs;
			} else {
				await nextTurn();
				due += pace.perTurn;
			}
			for (; next < Math.min(due, count); next++) {
				sendTimes[next] = now();
				if (manager !== undefined) sent.push(manager.send(lists?.[next % lists.length], texts[next % texts.length]));
			}
		}
		const ms = performance.now() - start;
		await Promise.all(sent);
		await manager?.flush?.();
		return { ms };
	},

	/** Returns when each message was sent. */
	sendTimes: () => sendTimes,

	/** Returns the CPU time since the process started, in nanoseconds. */
	async cpu() {
		await wait(IDLE_MS);
		const { user, system } = process.cpuUsage();
		return { main: mainThreadNs(), all: (user + system) * 1e3 };
	},
};

/** @param {number} count */
function shortEvents(count) {
	return Array.from({ length: count }, (_, number) => shortEvent(number));
}

/** Returns nanoseconds on the clock that all processes of a machine share. */
function now() {
	return Number(process.hrtime.bigint());
}

function deferred() {
	/** @type {(at: number) => void} */
	let resolve = () => {};
	/** @type {Promise<number>} */
	const promise = new Promise((settle) => {
		resolve = settle;
	});
	return { promise, resolve };
}

/**
 * @param {number} index
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 */
async function readAll(index, reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		if (missing === 0) throw new Error(`session ${index} received more than was sent: ${Buffer.from(next.value)}`);
		lastArrival = now();
		if (numbers) checkNumber(numbers, index, next.value);
		else if (check) compare(check, index, next.value);
		else count(index, next.value);
		if (missing === 0) allReceived.resolve(now());
	}
	throw new Error(`the stream of session ${index} has ended`);
}

/**
 * @param {number} index
 * @param {Uint8Array} chunk
 */
function count(index, { byteLength }) {
	if (byteLength !== length) throw new Error(`session ${index} received a chunk of ${byteLength} bytes`);
	arrivals[counts[index]++ * counts.length + index] = now();
	missing--;
}

/**
 * Checks that the events of a session arrive in order, and none twice. Numbers may be missing.
 *
 * @param {number[]} numbers
 * @param {number} index
 * @param {Uint8Array} chunk
 */
function checkNumber(numbers, index, chunk) {
	const number = numberIn(Buffer.from(chunk).toString());
	if (!(number > numbers[index])) throw new Error(`session ${index} received ${number} after ${numbers[index]}`);
	numbers[index] = number;
	arrivals[number] = now();
	missing--;
}

/**
 * @param {NonNullable<typeof check>} check
 * @param {number} index
 * @param {Uint8Array} chunk
 */
function compare({ texts, received }, index, chunk) {
	const text = Buffer.from(chunk).toString();
	if (text === '' || !texts[index].startsWith(text, received[index])) {
		throw new Error(`session ${index} received ${JSON.stringify(text)}`);
	}
	received[index] += text.length;
	if (received[index] === texts[index].length) missing--;
}

process.on('message', async (/** @type {{ id: number, method: keyof typeof calls, argument: any }} */ call) => {
	try {
		process.send?.({ id: call.id, result: await calls[call.method](call.argument) });
	} catch (error) {
		process.send?.({ id: call.id, error: String(/** @type {Error} */ (error).stack) });
	}
});
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });
