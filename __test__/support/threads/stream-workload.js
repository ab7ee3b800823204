// Random operations of one thread, without pause, on sessions whose ids all threads use. The workload checks every message of
// its own sessions on arrival. {@link assertConsistent} checks the reports of all threads afterwards.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

import { openByteStream, openStream } from '../streams.js';
import { randomNumbers } from './random-numbers.js';
import { read, write } from './verifiable-messages.js';

/**
 * @typedef {object} WorkloadOptions
 * @property {number} thread its number, from 0
 * @property {number} operations
 * @property {number} seed
 * @property {string[]} ids sessions that every thread creates, replaces and deletes repeatedly
 * @property {string[]} lasting sessions that exist from the start and stay open; `lasting-2-1` belongs to thread 2
 * @property {string} channel name of the BroadcastChannel on which the threads announce lasting sessions created later
 */

/**
 * The messages of one stream. A session that is created again has another stream.
 *
 * @typedef {object} Stream
 * @property {string} id
 * @property {number} closed how often it was closed
 * @property {boolean} lasting
 * @property {number} after number of the last message that its own thread had sent when it was created
 * @property {number[][]} numbers of the messages it received, for each sender
 */

/**
 * @typedef {object} Report
 * @property {(string[] | undefined)[]} sent recipients of each message, by its number
 * @property {Record<string, number>} since for each lasting session, the number of the first message that this thread sent
   after it knew of the session
 * @property {Stream[]} streams
 * @property {string[]} problems found during the run
 */

/** Number of operations in one turn of the event loop. */
const OPERATIONS_PER_TURN = 40;
const TURNS_UNFLUSHED = 25;
/** Number of lasting sessions that each thread adds during the run. */
const LATE_SESSIONS = 5;
const KEPT_CHUNKS = 20_000;

export class StreamWorkload {
	#manager;
	#options;
	#random;
	/** @type {Report} */
	#report = { sent: [], since: {}, streams: [], problems: [] };
	/** Chunks, with their text at the time of arrival. @type {{ chunk: Uint8Array, text: string }[]} */
	#kept = [];
	/** @type {string[]} */
	#lasting;

	/**
	 * @param {any} manager
	 * @param {WorkloadOptions} options
	 */
	constructor(manager, options) {
		this.#manager = manager;
		this.#options = options;
		this.#random = randomNumbers(options.seed);
		this.#lasting = [...options.lasting];
		for (const id of options.lasting) {
			this.#report.since[id] = 0;
			if (id.startsWith(`lasting-${options.thread}-`)) this.#create(id, true);
		}
	}

	/** Runs the operations. Call it when all threads have created their workloads. */
	async run() {
		const { operations, thread, channel } = this.#options;
		const news = new BroadcastChannel(channel);
		news.onmessage = (/** @type {any} */ { data }) => this.#learn(data);
		for (let done = 0, turns = 0; done < operations; turns++) {
			for (let n = 0; n < OPERATIONS_PER_TURN && done < operations; n++, done++) this.#operation();
			if (turns > 0 && turns % Math.ceil(operations / OPERATIONS_PER_TURN / LATE_SESSIONS) === 0) {
				const id = `late-${thread}-${turns}`;
				this.#create(id, true);
				news.postMessage(id);
				this.#learn(id);
			}
			// Without this flush, the mailbox of a thread that gets no CPU time for a while would overflow.
			if (turns % TURNS_UNFLUSHED === 0) await this.#manager.flush();
			else await turn();
		}
		await this.#manager.flush();
		news.close();
	}

	/** Returns the report. Call it when all threads have flushed. */
	async report() {
		// After this turn, the chunks that are queued in streams are read.
		await turn();
		for (const { chunk, text } of this.#kept) {
			if (decode(chunk) !== text) this.#problem(`a chunk was overwritten: ${text} became ${decode(chunk)}`);
		}
		this.#kept = [];
		return this.#report;
	}

	#operation() {
		const choice = this.#random(100);
		if (choice < 16) this.#create(this.#anyId(), false);
		else if (choice < 26) this.#manager.delete(this.#anyId());
		else if (choice < 46) this.#send(undefined);
		else if (choice < 96) this.#send(this.#someIds());
		else if (choice < 99) this.#manager.has(this.#anyId());
		else this.#look();
	}

	#look() {
		const ids = this.#manager.ids();
		if (new Set(ids).size !== ids.length) this.#problem(`ids() contains a duplicate: ${ids}`);
		const missing = this.#lasting.filter((id) => !ids.includes(id));
		if (missing.length > 0) this.#problem(`ids() lacks ${missing}`);
	}

	/** @param {string[] | undefined} to */
	#send(to) {
		const number = this.#report.sent.push(to) - 1;
		this.#manager.send(to, write({ sender: this.#options.thread, number, to }));
	}

	/**
	 * @param {string} id
	 * @param {boolean} lasting
	 * @param {{ sender: number, number: number }} [during] the message of another thread that is being delivered
	 */
	#create(id, lasting, during) {
		/** @type {Stream} */
		const stream = { id, closed: 0, lasting, after: this.#report.sent.length - 1, numbers: [] };
		this.#report.streams.push(stream);
		const take = (/** @type {Uint8Array} */ chunk) => this.#take(stream, chunk, during);
		const close = () => {
			stream.closed++;
		};
		const kind = this.#random(4);
		if (kind > 1) this.#manager.create(id, { enqueue: take, close });
		else this.#manager.create(id, readAll(kind === 0 ? openStream() : openByteStream(), take, close));
	}

	/**
	 * @param {Stream} stream
	 * @param {Uint8Array} chunk
	 * @param {{ sender: number, number: number } | undefined} during
	 */
	#take(stream, chunk, during) {
		const text = decode(chunk);
		const message = read(text);
		if (message === undefined) return this.#problem(`${stream.id} got wrong bytes: ${text}`);
		const { sender, number, to } = message;
		if (to && !to.includes(stream.id)) this.#problem(`${stream.id} got a message of ${to}`);
		if (stream.closed > 0) this.#problem(`${stream.id} got a message after it was closed`);
		if (sender === during?.sender && number <= during.number) {
			this.#problem(`${stream.id} was created while ${number} of ${sender} was delivered, and got ${number}`);
		}
		stream.numbers[sender] ??= [];
		stream.numbers[sender].push(number);
		if (this.#kept.length < KEPT_CHUNKS) this.#kept.push({ chunk, text });
		else if (this.#random(100) === 0) this.#kept[this.#random(KEPT_CHUNKS)] = { chunk, text };
		// Only for messages of others: messages of this thread would overtake the one that is being delivered.
		if (sender !== this.#options.thread && this.#random(20) === 0) this.#callBack(stream, { sender, number });
	}

	/**
	 * Calls the manager from `enqueue`, as a controller may.
	 *
	 * @param {Stream} stream
	 * @param {{ sender: number, number: number }} during
	 */
	#callBack(stream, during) {
		switch (this.#random(4)) {
			case 0:
				if (!stream.lasting) this.#manager.delete(stream.id);
				return;
			case 1:
				return this.#create(this.#anyId(), false, during);
			case 2:
				return this.#send(undefined);
			default:
				return this.#send(this.#someIds());
		}
	}

	/** @param {string} id */
	#learn(id) {
		this.#lasting.push(id);
		this.#report.since[id] = this.#report.sent.length;
	}

	#anyId() {
		const { ids } = this.#options;
		return ids[this.#random(ids.length)];
	}

	#someIds() {
		const all = [...this.#options.ids, ...this.#lasting.slice(-20), 'unknown'];
		return Array.from({ length: 1 + this.#random(4) }, () => all[this.#random(all.length)]);
	}

	/** @param {string} what */
	#problem(what) {
		if (this.#report.problems.length < 20) this.#report.problems.push(what.slice(0, 300));
	}
}

/**
 * Checks the reports of all threads.
 *
 * @param {Report[]} reports of each thread
 * @param {string[]} ids of the sessions at the end
 */
export function assertConsistent(reports, ids) {
	for (const [thread, { problems }] of reports.entries()) {
		assert.deepEqual(problems, [], `thread ${thread} found problems`);
	}
	const streams = reports.flatMap(({ streams }, thread) => streams.map((stream) => ({ thread, ...stream })));
	assertEnds(streams, ids);
	const expected = new ExpectedNumbers(reports);
	for (const { thread, id, numbers, lasting, after } of streams) {
		for (const [sender, report] of reports.entries()) {
			const got = numbers[sender] ?? [];
			const what = `${id} of thread ${thread}, messages of thread ${sender}`;
			const wanted = expected.for(sender, id);
			if (got.length > 0) assertUnbroken(got, wanted, report.sent, what);
			if (sender === thread) assert.ok(!(got[0] <= after), `${what}: got ${got[0]}, sent before it was created`);
			if (lasting) assertAllSince(got, wanted, report.since[id] ?? Infinity, what);
		}
	}
}

/**
 * @param {(Stream & { thread: number })[]} streams
 * @param {string[]} ids
 */
function assertEnds(streams, ids) {
	const open = streams.filter(({ closed }) => closed === 0);
	const twice = streams.filter(({ closed }) => closed > 1);
	assert.deepEqual(
		open.map(({ id }) => id).sort(),
		[...ids].sort(),
		'the streams that are open are those of the registry',
	);
	assert.deepEqual(twice, [], 'no stream is closed twice');
	for (const { id, lasting, closed } of streams) assert.ok(!(lasting && closed), `${id} is lasting, and was closed`);
}

/**
 * Checks that nothing is missing between two received messages: the session existed all the time between them.
 *
 * @param {number[]} got
 * @param {number[]} wanted numbers of all messages to its id or to all
 * @param {Report['sent']} sent
 * @param {string} what
 */
function assertUnbroken(got, wanted, sent, what) {
	const start = lowerBound(wanted, got[0]);
	for (let index = 0; index < got.length; index++) {
		if (got[index] === wanted[start + index]) continue;
		/** @param {number[]} numbers @param {number} at */
		const around = (numbers, at) =>
			numbers.slice(Math.max(0, at - 3), at + 5).map((number) => `${number} to ${sent[number] ?? 'all'}`);
		const [is, was] = [around(got, index), around(wanted, start + index)].map((numbers) => numbers.join('; '));
		assert.fail(`${what}: number ${index} of ${got.length} is wrong: (${is}) in place of (${was})`);
	}
}

/**
 * @param {number[]} got
 * @param {number[]} wanted
 * @param {number} since
 * @param {string} what
 */
function assertAllSince(got, wanted, since, what) {
	const first = wanted[lowerBound(wanted, since)];
	if (first === undefined) return;
	assert.ok(got[0] <= first, `${what}: the first message received is ${got[0]}, expected ${first}`);
	assert.equal(got.at(-1), wanted.at(-1), `${what}: the last message received`);
}

/** The numbers of each sender's messages to an id. */
class ExpectedNumbers {
	/** @type {Map<string, number[]>[]} */
	#for;
	/** @type {number[][]} */
	#toAll;

	/** @param {Report[]} reports */
	constructor(reports) {
		this.#toAll = reports.map(({ sent }) => [...sent.keys()].filter((number) => sent[number] === undefined));
		this.#for = reports.map(({ sent }, sender) => {
			/** @type {Map<string, number[]>} */
			const numbers = new Map();
			sent.forEach((to, number) => {
				for (const id of new Set(to)) {
					if (!numbers.has(id)) numbers.set(id, []);
					numbers.get(id)?.push(number);
				}
			});
			for (const [id, named] of numbers) numbers.set(id, [...named, ...this.#toAll[sender]].sort(ascending));
			return numbers;
		});
	}

	/**
	 * @param {number} sender
	 * @param {string} id
	 */
	for(sender, id) {
		return this.#for[sender].get(id) ?? this.#toAll[sender];
	}
}

/** @param {number} a @param {number} b */
const ascending = (a, b) => a - b;

/**
 * Returns the index of the first number that is not smaller than `number`.
 *
 * @param {number[]} numbers ascending
 * @param {number} number
 */
function lowerBound(numbers, number) {
	let [low, high] = [0, numbers.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (numbers[middle] < number) low = middle + 1;
		else high = middle;
	}
	return low;
}

/**
 * @param {{ controller: any, reader: ReadableStreamDefaultReader<Uint8Array> }} stream
 * @param {(chunk: Uint8Array) => void} take
 * @param {() => void} close
 */
function readAll({ controller, reader }, take, close) {
	const read = async () => {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return close();
			take(value);
		}
	};
	read();
	return controller;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** @param {Uint8Array} chunk */
const decode = (chunk) => decoder.decode(chunk);
