// What a drained mailbox is written to by Rust (`src/binding/mail.rs`), and read from: numbers, and the texts for streams one
// behind the other. There is one for the thread; it is read before it is filled again.

import { Buffer } from 'node:buffer';
import { markAsUntransferable } from 'node:worker_threads';

/** @import { NativeMailbox } from '../native/binding.js' */

/** What stands first in each row of numbers. */
export const ROW = /** @type {const} */ ({
	UNICAST: 0,
	MULTICAST: 1,
	BROADCAST: 2,
	CLOSE: 3,
	FLUSH: 4,
	NOTIFY: 5,
	CLOSE_REGISTRATIONS: 6,
	REPLY: 7,
	REPORT: 8,
});

/** How a question is answered. */
export const OUTCOME = /** @type {const} */ ({ DONE: 0, FAILED: 1, VALUE: 2 });

/** What `drain` returns instead of a number of rows: the first number says how many bytes are needed, and the second how many numbers. */
const NO_ROOM = -1;
/** Likewise: what there was is lost, and the sessions until the one whose key is the first number are to be closed for it. */
export const OVERFLOWED = -2;

/** Drains of few bytes are written one behind the other into memory of this size. */
const SHARED_BYTES = 8 * 1024;
/** Larger ones get memory of their own: no more than Rust takes at once, so that a small chunk does not hold much. */
const LARGEST_SHARED = 1024;

class DrainedMessages {
	// Nothing at first: the first texts find it full.
	#bytes = Buffer.alloc(0);
	#memory = new ArrayBuffer(0);
	#used = 0;
	#table = new Float64Array(256);
	#read = 0;

	/**
	 * @param {NativeMailbox} mailbox
	 * @returns {number} of rows, or OVERFLOWED
	 */
	fillFrom(mailbox) {
		this.#read = 0;
		// What is behind a stream has taken the memory away.
		if (this.#memory.byteLength < this.#used) this.#renew(0);
		let rows = mailbox.drain(this.#bytes, this.#used, this.#table);
		if (rows === NO_ROOM) {
			this.#makeRoomFor(this.#table[0], this.#table[1]);
			rows = mailbox.drain(this.#bytes, this.#used, this.#table);
		}
		return rows;
	}

	/** The next number. */
	number() {
		return this.#table[this.#read++];
	}

	/**
	 * The next numbers.
	 *
	 * @param {number} count
	 */
	numbers(count) {
		this.#read += count;
		return this.#table.subarray(this.#read - count, this.#read);
	}

	/**
	 * The next text. It shares its buffer with others and must not be written.
	 *
	 * @param {number} length
	 * @returns {Uint8Array<ArrayBuffer> | undefined} nothing where what is behind a stream has taken the memory away
	 */
	chunk(length) {
		const start = this.#used;
		this.#used += length;
		try {
			return new Uint8Array(this.#memory, start, length);
		} catch {
			return undefined;
		}
	}

	/**
	 * @param {number} bytes
	 * @param {number} numbers
	 */
	#makeRoomFor(bytes, numbers) {
		if (numbers > this.#table.length) this.#table = new Float64Array(numbers * 2);
		if (this.#bytes.length - this.#used < bytes) this.#renew(bytes <= LARGEST_SHARED ? SHARED_BYTES : bytes);
	}

	/** @param {number} size in bytes */
	#renew(size) {
		// Each byte is written before it is handed out.
		this.#bytes = Buffer.allocUnsafeSlow(size);
		this.#memory = this.#bytes.buffer;
		markAsUntransferable(this.#memory);
		this.#used = 0;
	}
}

export const drained = new DrainedMessages();
