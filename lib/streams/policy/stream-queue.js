// How much of what a stream was fed is still queued in it.
//
// A stream says how much in units of its own: chunks, or bytes, or what its `size()` makes of a chunk. So the units that each
// chunk took are kept with its bytes until as many have left the queue. What others enqueue themselves (a transport does, a
// little) is taken for the newest.

/** @import { SessionController } from '../../../index.js' */

/** A stream adds up what its `size()` says, which need not be whole: less than this is nothing. */
const LEAST_UNITS = 1e-6;

/** Of the places in front that are free again, how many are kept before the others move up. */
const MOST_FREE = 64;

export class StreamQueue {
	#controller;
	/** What `desiredSize` says when nothing is queued: the high-water mark. */
	#highWaterMark;
	/** Of the chunks that may be queued, oldest first from `#first` on: units and bytes, one behind the other. @type {number[]} */
	#sizes = [];
	#first = 0;
	/** Of these chunks. */
	#units = 0;
	#bytes = 0;
	/** Of all chunks that had to queue. */
	#unitsEver = 0;
	/** When it was last asked whether it stands still: how much was queued, and had left the queue. */
	#queuedThen = 0;
	#leftThen = 0;

	/**
	 * @param {SessionController} controller whose stream is empty
	 * @returns {StreamQueue | undefined} nothing where the controller does not tell, or never has enough
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

	/** @param {Uint8Array<ArrayBuffer>} chunk */
	enqueue(chunk) {
		// A byte stream takes it away.
		const bytes = chunk.length;
		const { desiredSize: before } = this.#controller;
		const ever = this.#unitsEver;
		this.#raiseMark(before);
		this.#controller.enqueue(chunk);
		const { desiredSize: after } = this.#controller;
		if (before === null || after === null) return;
		// Less those that it was fed from within (`pull`).
		const units = before - after - (this.#unitsEver - ever);
		// A reader was waiting for it.
		if (units <= 0) return;
		if (isNone(this.#highWaterMark - (after + units))) this.#clear();
		this.#sizes.push(units, bytes);
		this.#units += units;
		this.#unitsEver += units;
		this.#bytes += bytes;
	}

	/** How many bytes are queued. */
	get bytes() {
		const queued = this.#queued;
		if (queued === 0) this.#clear();
		else this.#forgetAllBut(queued);
		return this.#bytes;
	}

	get isEmpty() {
		return this.#queued === 0;
	}

	/**
	 * A stream that has ended says that it wants 0, as one does whose queue is just full. Who enqueues finds out, and after that
	 * it says less.
	 */
	get hasPerhapsEnded() {
		return this.#controller.desiredSize === 0;
	}

	/** Whether something was queued when this was last asked, and nothing has left the queue since. */
	hasStalled() {
		const queued = this.#queued;
		this.#forgetAllBut(queued);
		const left = this.#unitsEver - queued;
		const stood = queued > 0 && this.#queuedThen > 0 && isNone(Math.abs(left - this.#leftThen));
		this.#queuedThen = queued;
		this.#leftThen = left;
		return stood;
	}

	/** In units. */
	get #queued() {
		const { desiredSize } = this.#controller;
		if (desiredSize === null) return 0;
		this.#raiseMark(desiredSize);
		const queued = this.#highWaterMark - desiredSize;
		return isNone(queued) ? 0 : queued;
	}

	/**
	 * Something was queued already when the stream was registered.
	 *
	 * @param {number | null} desiredSize
	 */
	#raiseMark(desiredSize) {
		if (desiredSize !== null && desiredSize > this.#highWaterMark) this.#highWaterMark = desiredSize;
	}

	/** @param {number} queued in units */
	#forgetAllBut(queued) {
		const sizes = this.#sizes;
		// One that is read in part is queued.
		while (this.#first < sizes.length && this.#units - sizes[this.#first] >= queued - LEAST_UNITS) {
			this.#units -= sizes[this.#first];
			this.#bytes -= sizes[this.#first + 1];
			this.#first += 2;
		}
		if (this.#first > MOST_FREE && this.#first * 2 > sizes.length) {
			sizes.splice(0, this.#first);
			this.#first = 0;
		}
	}

	#clear() {
		if (this.#sizes.length > 0) this.#sizes = [];
		this.#first = 0;
		this.#units = 0;
		this.#bytes = 0;
	}
}

/** @param {number} units */
function isNone(units) {
	return units < LEAST_UNITS;
}
