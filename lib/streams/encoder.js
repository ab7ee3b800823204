// Encodes a message as one UTF-8 chunk that all its sessions share.
//
// Short texts are written one after another into slabs, as Node does for its own small Buffers. A chunk is a view of a
// slab. A slab lives as long as one of its chunks, and each of its bytes is written once.
//
// Because sessions share chunks, the buffers are marked as untransferable. Otherwise code that posts a chunk with a
// transfer list would detach the buffer for all other sessions. With the mark, `postMessage` throws a DataCloneError; on
// Node 20 it copies the buffer. Node 20, Node 22 and Bun ignore the mark in `enqueue` of a byte stream and in
// `ArrayBuffer.prototype.transfer`. A slab that was detached this way is replaced.

import { Buffer, markAsUntransferable } from '#platform';
import { countSlab } from './slabs.js';

/** A buffer that is filled from its start, and replaced by a new one when it is full. */
class Slab {
	// Empty at first, so that the first text allocates the buffer.
	memory = new ArrayBuffer(0);
	bytes = Buffer.from(this.memory);

	/** @param {number} size in bytes */
	constructor(size) {
		this.size = size;
		this.used = size;
	}

	/**
	 * @param {string} text of at most `size` bytes
	 * @returns {Uint8Array<ArrayBuffer>}
	 */
	encode(text) {
		if (!this.#hasRoomFor(text)) this.#renew();
		const start = this.used;
		// At least as fast as `TextEncoder.encodeInto` on Node 20 to 26, and it needs no view of the free part.
		const length = this.bytes.write(text, start);
		this.used = start + length;
		return new Uint8Array(this.memory, start, length);
	}

	/** @param {string} text */
	#hasRoomFor(text) {
		// The length and not the size, because the length is 0 when the buffer was detached.
		const free = this.bytes.length - this.used;
		// A UTF-16 unit takes at most three bytes. Only a text that may not fit is measured.
		return text.length * 3 <= free || (text.length <= free && Buffer.byteLength(text) <= free);
	}

	#renew() {
		this.memory = new ArrayBuffer(this.size);
		markAsUntransferable(this.memory);
		this.bytes = Buffer.from(this.memory);
		this.used = 0;
		countSlab(this.size);
	}
}

/** The same size as Node's pool for small Buffers. */
const small = new Slab(8 * 1024);
const LONGEST_SMALL_UNITS = 1024;

/** For texts that would fill a small slab too quickly. */
const large = new Slab(32 * 1024);
const LONGEST_LARGE_UNITS = 8 * 1024;

/**
 * Encodes a text as UTF-8. A lone surrogate becomes U+FFFD. The chunk shares its buffer with other chunks and must not be
 * modified.
 *
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encode(text) {
	if (text.length <= LONGEST_SMALL_UNITS) return small.encode(text);
	if (text.length <= LONGEST_LARGE_UNITS) return large.encode(text);
	const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
	bytes.write(text);
	markAsUntransferable(bytes.buffer);
	return new Uint8Array(bytes.buffer);
}
