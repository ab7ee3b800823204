// Counts the bytes that are queued in a stream.
//
// A stream reports the size of its queue in units of its own (WHATWG Streams, "queuing strategies"): chunks, bytes, or the
// result of its `size()`. So this class keeps the units and the bytes of each chunk until that many units have left the
// queue. Chunks that other code enqueues (a transport enqueues a few) count as the newest ones.

/** @import { SessionController } from '../../../index.js' */

/** A smaller number of units counts as zero: sizes need not be integers, so their sums have rounding errors. */
const MIN_UNITS = 1e-6;

/** Maximum number of unused elements at the front of a list of sizes. When there are more, the list is shortened. */
const MAX_UNUSED = 64;

export class StreamQueue {
	#controller;
	/** The high-water mark: the `desiredSize` of the empty queue. */
	#highWaterMark;
	/** Units and bytes of each chunk that may be queued, alternating, oldest first, from `#first` on. @type {number[]} */
	#sizes = [];
	#first = 0;
	/** Sums of the sizes of these chunks. */
	#units = 0;
	#bytes = 0;
	/** Sum of the units of all chunks that were ever queued. */
	#unitsEver = 0;
	/** Units that were queued, and that had left the queue, at the last call of `hasStalled`. */
	#lastQueued = 0;
	#lastLeft = 0;

	/**
	 * Creates the queue of a stream that is empty.
	 *
	 * @param {SessionController} controller
	 * @returns {StreamQueue | undefined} `undefined` when the controller has no finite `desiredSize`
	 */
	static of(controller) {
		const { desiredSize } = /** @type {ReadableStreamDefaultController} */ (controller);
		return Number.isFinite(desiredSize) ? new StreamQueue(controller, Number(desiredSize)) : undefined;
	}

	/**
	 * @param {SessionController} controller
	 * @param {number} highWaterMark
	 */
	constructor(controller, highWaterMark) {
		this.#controller = /** @type {ReadableStreamDefaultController} */ (controller);
		this.#highWaterMark = highWaterMark;
	}

	/**
	 * Enqueues a chunk and counts it.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	enqueue(chunk) {
		// Read before `enqueue`: a byte stream transfers the buffer, and the length becomes 0.
		const bytes = chunk.length;
		const { desiredSize: before } = this.#controller;
		const unitsEverBefore = this.#unitsEver;
		this.#raiseHighWaterMark(before);
		this.#controller.enqueue(chunk);
		const { desiredSize: after } = this.#controller;
		if (before === null || after === null) return;
		// Excludes the chunks that were enqueued during this call (by `pull`).
		const units = before - after - (this.#unitsEver - unitsEverBefore);
		// A waiting reader has taken the chunk.
		if (units <= 0) return;
		// The queue was empty before this chunk.
		if (isZero(this.#highWaterMark - (after + units))) this.#clear();
		this.#sizes.push(units, bytes);
		this.#units += units;
		this.#unitsEver += units;
		this.#bytes += bytes;
	}

	/** Number of bytes that are queued. */
	get bytes() {
		const queued = this.#queued;
		if (queued === 0) this.#clear();
		else this.#forgetAllBut(queued);
		return this.#bytes;
	}

	/** True when no chunk is queued. */
	get isEmpty() {
		return this.#queued === 0;
	}

	/**
	 * True when the stream has ended or its queue is exactly full: `desiredSize` is 0 in both cases. Only `enqueue` tells the
	 * difference.
	 */
	get mayHaveEnded() {
		return this.#controller.desiredSize === 0;
	}

	/** Returns true when chunks were queued at the last call and none has left the queue since. */
	hasStalled() {
		const queued = this.#queued;
		this.#forgetAllBut(queued);
		const left = this.#unitsEver - queued;
		const stalled = queued > 0 && this.#lastQueued > 0 && isZero(Math.abs(left - this.#lastLeft));
		this.#lastQueued = queued;
		this.#lastLeft = left;
		return stalled;
	}

	/** Number of units that are queued. */
	get #queued() {
		const { desiredSize } = this.#controller;
		if (desiredSize === null) return 0;
		this.#raiseHighWaterMark(desiredSize);
		const queued = this.#highWaterMark - desiredSize;
		return isZero(queued) ? 0 : queued;
	}

	/**
	 * Corrects the high-water mark, which was too low when the queue was not empty at the registration of the stream.
	 *
	 * @param {number | null} desiredSize
	 */
	#raiseHighWaterMark(desiredSize) {
		if (desiredSize !== null && desiredSize > this.#highWaterMark) this.#highWaterMark = desiredSize;
	}

	/**
	 * Forgets the oldest chunks, which have left the queue.
	 *
	 * @param {number} queued units that are still queued
	 */
	#forgetAllBut(queued) {
		const sizes = this.#sizes;
		// A chunk that is read in part counts as queued.
		while (this.#first < sizes.length && this.#units - sizes[this.#first] >= queued - MIN_UNITS) {
			this.#units -= sizes[this.#first];
			this.#bytes -= sizes[this.#first + 1];
			this.#first += 2;
		}
		if (this.#first > MAX_UNUSED && this.#first * 2 > sizes.length) {
			sizes.splice(0, this.#first);
			this.#first = 0;
		}
	}

	/** Forgets all chunks. */
	#clear() {
		if (this.#sizes.length > 0) this.#sizes = [];
		this.#first = 0;
		this.#units = 0;
		this.#bytes = 0;
	}
}

/** @param {number} units */
function isZero(units) {
	return units < MIN_UNITS;
}
