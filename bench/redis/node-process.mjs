// A node: a process with a manager of one side, or with none for the floor, and real streams whose readers read as it comes.
// What it does it is told by the benchmark (nodes.mjs), a call at a time.

import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { copy } from '../harness/test-data.mjs';
import { collectYoung } from '../harness/interleave.mjs';
import { mainThreadNs } from './cpu.mjs';
import { managers } from './implementations.mjs';

/** @typedef {import('./implementations.mjs').Player} Player */

/**
 * How fast is sent: so many in each millisecond, late ones at once when the timer is late; or, with no clock, so many in each
 * turn of the event loop.
 *
 * @typedef {{ aMs: number } | { aTurn: number }} Pace
 */

/**
 * @typedef {object} Sending
 * @property {string[] | undefined} ids one after the other, and from the first again; `undefined`: each to everyone
 * @property {string[]} texts one after the other, likewise
 * @property {number} count of the messages
 * @property {Pace} pace
 */

/** @typedef {{ chunks: number, length: number } | { texts: string[] }} Expected so many of that length, or by place */

const [player, url] = /** @type {[Player, string]} */ (process.argv.slice(2));
const manager = await managers[player](url);

/** Long enough for the answers to what was sent, and for the event loop to be idle. */
const IDLE_MS = 20;

/** How much is still to come, and who waits for that. */
let left = 0;
/** The length that each chunk has to have, or what each session has to get and how much of it has come. */
let length = 0;
/** @type {{ texts: string[], received: number[] } | undefined} */
let check;
/** @type {Float64Array} when each chunk was read, by its place and number there: each session has its own order */
let arrivals = new Float64Array();
/** @type {number[]} */
let counts = [];
/** @type {{ promise: Promise<number>, resolve: (at: number) => void }} */
let whole = never();
/** @type {Float64Array} when each message was sent */
let sends = new Float64Array();

const calls = {
	/** Sessions of this node. @param {string[]} ids */
	async open(ids) {
		/** @type {unknown[]} */
		const created = [];
		for (const [place, id] of ids.entries()) {
			// With `start` and `cancel`, as the HTTP and SSE transports make them.
			const stream = new ReadableStream({
				start(controller) {
					created.push(manager?.create(copy(id), controller));
				},
				cancel() {
					manager?.delete(id);
				},
			});
			read(place, stream.getReader());
		}
		counts = ids.map(() => 0);
		await Promise.all(created);
		await manager?.ready?.();
		// So that other nodes know of them.
		await manager?.flush?.();
	},

	/** @param {string} id */
	has: (id) => manager?.has(id),

	/** Collects garbage first: what an earlier turn has left is not to be cleared away on this one's time. @param {Expected} expected */
	expect(expected) {
		if (left > 0) throw new Error(`${left} chunks have not arrived`);
		collectYoung();
		counts.fill(0);
		whole = never();
		if ('texts' in expected) {
			check = { texts: expected.texts, received: expected.texts.map(() => 0) };
			left = expected.texts.filter((text) => text !== '').length;
		} else {
			check = undefined;
			length = expected.length;
			left = expected.chunks;
			arrivals = new Float64Array(expected.chunks);
		}
		if (left === 0) whole.resolve(now());
	},

	/** Resolves to when the last chunk was read. */
	received: () => whole.promise,

	/** When each chunk was read: of each session its first, then of each its second, and so on. */
	arrivals: () => arrivals,

	/** Resolves when all is out. @param {Sending} sending */
	async send({ ids, texts, count, pace }) {
		collectYoung();
		const lists = ids?.map((id) => [id]);
		/** @type {unknown[]} */
		const sent = [];
		sends = new Float64Array(count);
		const start = performance.now();
		for (let next = 0; next < count; ) {
			let due = next;
			if ('aMs' in pace) {
				await wait(1);
				due = Math.floor(performance.now() - start) * pace.aMs;
			} else {
				await nextTurn();
				due += pace.aTurn;
			}
			for (; next < Math.min(due, count); next++) {
				sends[next] = now();
				if (manager !== undefined) sent.push(manager.send(lists?.[next % lists.length], texts[next % texts.length]));
			}
		}
		const ms = performance.now() - start;
		await Promise.all(sent);
		await manager?.flush?.();
		return { ms };
	},

	/** When each message was sent. */
	sends: () => sends,

	/** CPU time since the process began, in nanoseconds. */
	async cpu() {
		await wait(IDLE_MS);
		const { user, system } = process.cpuUsage();
		return { main: mainThreadNs(), all: (user + system) * 1e3 };
	},

	stats: () => manager?.stats?.(),

	close: () => manager?.close?.(),
};

/** On the clock that all processes of a machine have in common, in nanoseconds. */
function now() {
	return Number(process.hrtime.bigint());
}

function never() {
	/** @type {(at: number) => void} */
	let resolve = () => {};
	/** @type {Promise<number>} */
	const promise = new Promise((settle) => {
		resolve = settle;
	});
	return { promise, resolve };
}

/**
 * @param {number} place
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 */
async function read(place, reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		if (left === 0) throw new Error(`session ${place} got more than was sent: ${Buffer.from(next.value)}`);
		if (check === undefined) count(place, next.value);
		else compare(check, place, next.value);
		if (left === 0) whole.resolve(now());
	}
	if (!leaving) throw new Error(`the stream of session ${place} has ended`);
}

/**
 * @param {number} place
 * @param {Uint8Array} chunk
 */
function count(place, { byteLength }) {
	if (byteLength !== length) throw new Error(`session ${place} got a chunk of ${byteLength} bytes`);
	arrivals[counts[place]++ * counts.length + place] = now();
	left--;
}

/**
 * @param {NonNullable<typeof check>} check
 * @param {number} place
 * @param {Uint8Array} chunk
 */
function compare({ texts, received }, place, chunk) {
	const text = Buffer.from(chunk).toString();
	if (text === '' || !texts[place].startsWith(text, received[place])) {
		throw new Error(`session ${place} got ${JSON.stringify(text)}`);
	}
	received[place] += text.length;
	if (received[place] === texts[place].length) left--;
}

let leaving = false;
process.on('message', async (/** @type {{ id: number, method: keyof typeof calls, argument: any }} */ call) => {
	leaving ||= call.method === 'close';
	try {
		process.send?.({ id: call.id, result: await calls[call.method](call.argument) });
	} catch (error) {
		process.send?.({ id: call.id, error: String(/** @type {Error} */ (error).stack) });
	}
});
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });
