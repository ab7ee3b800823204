// Joins the messages that one turn of the event loop sends to a stream into one chunk (option `coalesce`). Sessions that
// got the same messages share the chunk.

import { markAsUntransferable } from '#platform';
import { withoutContext } from '../util/async-context.js';

/** @typedef {Uint8Array<ArrayBuffer>} Chunk */

/** @typedef {{ waiting: Burst | undefined, flush: () => void }} Waiting a session that has chunks to enqueue */

const EMPTY = new Uint8Array(0);

/**
 * The chunks that one or more sessions have to enqueue, in order: a linked list from the newest chunk to the oldest.
 * Sessions with the same chunks share the list, so that it is joined once.
 */
export class Burst {
	/** @type {Chunk | undefined} */
	#joined;
	/** Result of the last `followedBy`. The next session that gets the same chunk shares it. @type {Burst | undefined} */
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
		/** Length in bytes. */
		this.length = (before?.length ?? 0) + chunk.length;
	}

	/**
	 * Returns this burst with one more chunk at its end.
	 *
	 * @param {Chunk} chunk
	 */
	followedBy(chunk) {
		if (this.#next?.endsWith(chunk) !== true) this.#next = new Burst(this, chunk);
		return this.#next;
	}

	/**
	 * Returns true when this is the last chunk of the burst.
	 *
	 * @param {Chunk} chunk
	 */
	endsWith(chunk) {
		return this.#chunk === chunk;
	}

	/** All chunks joined into one. It is empty, and so shorter than `length`, when the buffer of a chunk was detached. */
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
		if (!this.#isWhole()) return EMPTY;
		const joined = new Uint8Array(this.length);
		// Several streams may share it, as they share the chunk of a message.
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
	/** The burst of one chunk that the last session began with. The next session shares it. @type {Burst | undefined} */
	#first;

	/**
	 * Adds a chunk to those that a session has to enqueue.
	 *
	 * @param {Waiting} session enqueues them in its `flush()`, which is called in a microtask at the latest
	 * @param {Chunk} chunk
	 */
	add(session, chunk) {
		if (session.waiting !== undefined) {
			session.waiting = session.waiting.followedBy(chunk);
			return;
		}
		if (this.#first?.endsWith(chunk) !== true) this.#first = new Burst(undefined, chunk);
		session.waiting = this.#first;
		if (this.#waiting.push(session) === 1) queueMicrotask(() => this.flush());
	}

	/** Makes all waiting sessions enqueue their chunks now. */
	flush() {
		if (this.#waiting.length === 0) return;
		const waiting = this.#waiting;
		this.#waiting = [];
		this.#first = undefined;
		withoutContext(() => {
			for (const session of waiting) session.flush();
		});
	}
}
