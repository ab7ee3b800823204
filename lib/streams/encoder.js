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

/**
 * Number of bytes that a slab has in addition to its size. `write` stops before a character that does not fit, and a
 * character has at most 4 bytes. So a text was written as a whole when it leaves as many bytes free.
 */
const SLACK = 4;
const encoder = new TextEncoder();

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
	 * @param {string} text that fits into an empty slab
	 * @returns {Uint8Array<ArrayBuffer>}
	 */
	encode(text) {
		// The length and not the size, because the length is 0 when the buffer was detached.
		if (text.length > this.bytes.length - SLACK - this.used) this.#renew();
		// At least as fast as `TextEncoder.encodeInto` on Node 20 to 26, and it needs no view of the free part. The text is not
		// measured before, because `Buffer.byteLength` takes longer than `write` on Node 24.
		const length = this.bytes.write(text, this.used);
		if (length > this.bytes.length - SLACK - this.used) {
			// The text is not ASCII, and too few bytes are left for it.
			this.#renew();
			return this.encode(text);
		}
		const start = this.used;
		this.used = start + length;
		return new Uint8Array(this.memory, start, length);
	}

	#renew() {
		const size = this.size + SLACK;
		this.memory = new ArrayBuffer(size);
		markAsUntransferable(this.memory);
		this.bytes = Buffer.from(this.memory);
		this.used = 0;
		countSlab(size);
	}
}

/** The same size as Node's pool for small Buffers. */
const small = new Slab(8 * 1024);
const LONGEST_SMALL_UNITS = 1024;

/** For texts that would fill a small slab too quickly. */
const large = new Slab(40 * 1024);
/** A UTF-16 unit has at most 3 bytes in UTF-8. */
const LONGEST_LARGE_UNITS = Math.floor((40 * 1024) / 3);

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
	return encodeAlone(text);
}

/**
 * Encodes a text into a buffer of its own, which is exactly as long as the chunk.
 *
 * @param {string} text
 */
function encodeAlone(text) {
	// Long enough for ASCII. `Buffer.byteLength` would take longer than `encodeInto` on Node 24.
	const bytes = allocate(text.length);
	const { read, written } = encoder.encodeInto(text, bytes);
	if (read === text.length) return bytes;
	const rest = text.slice(read);
	const longer = allocate(written + Buffer.byteLength(rest));
	longer.set(bytes.subarray(0, written));
	encoder.encodeInto(rest, longer.subarray(written));
	return longer;
}

/**
 * Returns uninitialized memory. Each of its bytes must be written before others see it.
 *
 * @param {number} size in bytes
 * @returns {Uint8Array<ArrayBuffer>}
 */
function allocate(size) {
	const { buffer } = Buffer.allocUnsafeSlow(size);
	markAsUntransferable(buffer);
	return new Uint8Array(buffer);
}
