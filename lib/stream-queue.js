// How much of what a stream was fed is still queued in it.
//
// A stream says how much in units of its own: chunks, or bytes, or what its `size()` makes of a chunk. So the units that each
// chunk took are kept with its bytes until as many have left the queue. What others enqueue themselves (a transport does, a
// little) is taken for the newest.

/** @import { SessionController } from '../index.js' */

/** Asks a stream whether it takes anything. */
const NOTHING = new Uint8Array(0);

/** Of the places in front that are free again, how many are kept before the others move up. */
const MOST_FREE = 64;

export class StreamQueue {
	#controller;
	/** What `desiredSize` says when nothing is queued: the high-water mark. */
	#mark;
	/** Of the chunks that may be queued, oldest first from `#first` on: units and bytes, one behind the other. @type {number[]} */
	#sizes = [];
	#first = 0;
	/** Of these chunks. */
	#units = 0;
	#bytes = 0;
	/** Of all chunks that had to queue. */
	#unitsEver = 0;
	/** When it was last asked whether it stands still. */
	#then = { queued: 0, left: 0 };
	/** When the stream was last found to be open. */
	#open = { unitsEver: -1, desiredSize: 0 };

	/**
	 * @param {SessionController} controller whose stream is empty
	 * @returns {StreamQueue | undefined} nothing where the controller does not tell
	 */
	static of(controller) {
		const { desiredSize } = /** @type {ReadableStreamDefaultController} */ (controller);
		return typeof desiredSize === 'number' ? new StreamQueue(controller, desiredSize) : undefined;
	}

	/**
	 * @param {SessionController} controller
	 * @param {number} mark
	 */
	constructor(controller, mark) {
		this.#controller = /** @type {ReadableStreamDefaultController} */ (controller);
		this.#mark = mark;
	}

	/** @param {Uint8Array<ArrayBuffer>} chunk */
	enqueue(chunk) {
		// A byte stream takes it away.
		const bytes = chunk.length;
		const { desiredSize: before } = this.#controller;
		const ever = this.#unitsEver;
		this.#controller.enqueue(chunk);
		const { desiredSize: after } = this.#controller;
		if (before === null || after === null) return;
		// Less those that it was fed from within (`pull`).
		const units = before - after - (this.#unitsEver - ever);
		// A reader was waiting for it.
		if (units <= 0) return;
		if (after + units >= this.#mark) this.#clear();
		this.#sizes.push(units, bytes);
		this.#units += units;
		this.#unitsEver += units;
		this.#bytes += bytes;
	}

	/** How many bytes are queued. */
	get bytes() {
		const queued = this.#queued;
		if (queued <= 0) this.#clear();
		else this.#forgetAllBut(queued);
		return this.#bytes;
	}

	get isEmpty() {
		return this.#queued <= 0;
	}

	/**
	 * A stream that has ended says that it wants 0, and so does one whose queue is just full. Then it is given an empty chunk,
	 * once until something moves.
	 *
	 * @throws {unknown} when the stream has ended
	 */
	assertOpen() {
		const { desiredSize } = this.#controller;
		const { unitsEver } = this.#open;
		if (desiredSize !== 0 || this.isEmpty) return;
		if (unitsEver === this.#unitsEver && desiredSize === this.#open.desiredSize) return;
		this.enqueue(NOTHING);
		this.#open = { unitsEver: this.#unitsEver, desiredSize: this.#controller.desiredSize ?? 0 };
	}

	/** Whether something was queued when this was last asked, and nothing has left the queue since. */
	hasStoodStill() {
		const queued = this.#queued;
		this.#forgetAllBut(queued);
		const left = this.#unitsEver - queued;
		const stood = queued > 0 && this.#then.queued > 0 && left === this.#then.left;
		this.#then = { queued, left };
		return stood;
	}

	/** In units. */
	get #queued() {
		const { desiredSize } = this.#controller;
		if (desiredSize === null) return 0;
		// Something was queued already when the stream was registered.
		if (desiredSize > this.#mark) this.#mark = desiredSize;
		return this.#mark - desiredSize;
	}

	/** @param {number} queued in units */
	#forgetAllBut(queued) {
		const sizes = this.#sizes;
		// One that is read in part is queued.
		while (this.#first < sizes.length && this.#units - sizes[this.#first] >= queued) {
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
