// Reads the messages of a drained mailbox. Rust (`src/binding/drain.rs`) writes a table of numbers, and the texts for streams
// one after another into a buffer. A thread has one table for all its mailboxes, and reads it before the next drain.

import { Buffer, markAsUntransferable } from '#platform';
import { countSlab } from '../streams/slabs.js';

/** @import { NativeMailbox } from '../native/binding.js' */

/** The first number of each row: the kind of the message. */
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
	CAUGHT_UP: 9,
});

/** The outcome of a request. */
export const OUTCOME = /** @type {const} */ ({ DONE: 0, FAILED: 1, VALUE: 2 });

/** Result of `drain`: too little room. The first two numbers of the table are the bytes and the numbers that it needs. */
const NO_ROOM = -1;
/** Result of `drain`: the mailbox was full and messages are lost. Sessions up to the key in the table must be closed. */
export const OVERFLOWED = -2;

/** In place of the length of a text: its receivers have lost the message. */
const LOST = -1;

/** Size in bytes of the buffer that several small drains share. */
const SHARED_BYTES = 8 * 1024;
/**
 * Maximum size in bytes of a drain that uses the shared buffer. A larger drain gets a buffer of its own. Rust limits the size
 * of a drain, so that an unread small chunk does not keep a large buffer in memory.
 */
const MAX_SHARED_DRAIN = 1024;

class DrainedMessages {
	// Empty at first, so that the first drain allocates it.
	#bytes = Buffer.alloc(0);
	#memory = new ArrayBuffer(0);
	#used = 0;
	/** Where the texts of this drain begin. */
	#start = 0;
	#table = new Float64Array(256);
	#read = 0;

	/**
	 * Drains a mailbox.
	 *
	 * @param {NativeMailbox} mailbox
	 * @returns {number} the number of rows, or OVERFLOWED
	 */
	fillFrom(mailbox) {
		this.#read = 0;
		// The consumer of a stream has detached the buffer.
		if (this.#memory.byteLength < this.#used) this.#renew(0);
		let rows = mailbox.drain(this.#bytes, this.#used, this.#table);
		if (rows === NO_ROOM) {
			this.#makeRoomFor(this.#table[0], this.#table[1]);
			rows = mailbox.drain(this.#bytes, this.#used, this.#table);
		}
		this.#start = this.#used;
		return rows;
	}

	/** Number of bytes of the texts that were read since the drain. */
	get bytes() {
		return this.#used - this.#start;
	}

	/** Returns the next number. */
	number() {
		return this.#table[this.#read++];
	}

	/**
	 * Returns the next numbers.
	 *
	 * @param {number} count
	 */
	numbers(count) {
		this.#read += count;
		return this.#table.subarray(this.#read - count, this.#read);
	}

	/**
	 * Returns the next text as a chunk. It shares its buffer with other chunks and must not be modified.
	 *
	 * @param {number} length LOST when the message was larger than the mailbox
	 * @returns {Uint8Array<ArrayBuffer> | undefined}
	 *   `undefined` when the message is lost, or when the consumer of a stream has detached the buffer
	 */
	chunk(length) {
		if (length === LOST) return undefined;
		const start = this.#used;
		this.#used += length;
		try {
			return new Uint8Array(this.#memory, start, length);
		} catch {
			return undefined;
		}
	}

	/**
	 * Makes the buffer and the table large enough for a drain.
	 *
	 * @param {number} bytes
	 * @param {number} numbers
	 */
	#makeRoomFor(bytes, numbers) {
		if (numbers > this.#table.length) this.#table = new Float64Array(numbers * 2);
		if (this.#bytes.length - this.#used < bytes) this.#renew(bytes <= MAX_SHARED_DRAIN ? SHARED_BYTES : bytes);
	}

	/**
	 * Replaces the buffer.
	 *
	 * @param {number} size in bytes
	 */
	#renew(size) {
		// Uninitialized memory is safe here: each byte is written before a chunk shows it.
		this.#bytes = Buffer.allocUnsafeSlow(size);
		this.#memory = this.#bytes.buffer;
		markAsUntransferable(this.#memory);
		this.#used = 0;
		countSlab(size);
	}
}

export const drained = new DrainedMessages();
