// What one turn of the event loop sends to a stream goes into it as one chunk. Sessions that were sent the same share it.

import { markAsUntransferable } from 'node:worker_threads';

/** @typedef {Uint8Array<ArrayBuffer>} Chunk */

/** Who has something waiting. */
/** @typedef {{ waiting: Burst | undefined, flush: () => void }} Waiting */

const NOTHING = new Uint8Array(0);

/** Chunks that one or more streams are to get, in order. Those that go on alike are one, so that it is joined once. */
export class Burst {
	/** @type {Chunk | undefined} */
	#joined;
	/** How the last stream has gone on. @type {Burst | undefined} */
	#next;
	#before;
	#chunk;

	/**
	 * @param {Burst | undefined} before
	 * @param {Chunk} chunk
	 */
	constructor(before, chunk) {
		this.#before = before;
		this.#chunk = chunk;
		this.messages = (before?.messages ?? 0) + 1;
		/** In bytes. */
		this.length = (before?.length ?? 0) + chunk.length;
	}

	/** @param {Chunk} chunk */
	followedBy(chunk) {
		if (this.#next?.isOf(chunk) !== true) this.#next = new Burst(this, chunk);
		return this.#next;
	}

	/** @param {Chunk} chunk */
	isOf(chunk) {
		return this.#chunk === chunk;
	}

	/** All of them. It is shorter than `length` where the memory of one was taken away. */
	get chunk() {
		this.#joined ??= this.#before === undefined ? this.#chunk : this.#join();
		return this.#joined;
	}

	#isWhole() {
		let length = 0;
		/** @type {Burst | undefined} */
		let burst = this;
		for (; burst !== undefined; burst = burst.#before) length += burst.#chunk.length;
		return length === this.length;
	}

	#join() {
		if (!this.#isWhole()) return NOTHING;
		const joined = new Uint8Array(this.length);
		// As the chunk of a message is: several streams may share it.
		markAsUntransferable(joined.buffer);
		let end = this.length;
		/** @type {Burst | undefined} */
		let burst = this;
		while (burst !== undefined) {
			end -= burst.#chunk.length;
			joined.set(burst.#chunk, end);
			burst = burst.#before;
		}
		return joined;
	}
}

export class Coalescing {
	/** @type {Waiting[]} */
	#waiting = [];
	/** With which the last stream has begun. @type {Burst | undefined} */
	#first;

	/**
	 * @param {Waiting} session gets it by `flush()`, at the latest in a microtask
	 * @param {Chunk} chunk
	 */
	add(session, chunk) {
		if (session.waiting !== undefined) {
			session.waiting = session.waiting.followedBy(chunk);
			return;
		}
		if (this.#first?.isOf(chunk) !== true) this.#first = new Burst(undefined, chunk);
		session.waiting = this.#first;
		if (this.#waiting.push(session) === 1) queueMicrotask(() => this.flush());
	}

	flush() {
		const waiting = this.#waiting;
		this.#waiting = [];
		this.#first = undefined;
		for (const session of waiting) session.flush();
	}
}
