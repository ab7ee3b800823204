// The memory that chunks share. A slab is a buffer that holds the chunks of several messages, and it lives as long as one
// of them. A client that reads nothing could keep a whole slab for each of its chunks. So a session compares the slabs with
// its chunks in them. When its client does not read and the slabs are much larger, its chunks are copies.

import { markAsUntransferable } from '#platform';

/** @typedef {Uint8Array<ArrayBuffer>} Chunk */

/** Number of bytes of all slabs that this thread has allocated. It only increases. */
export let allocatedBytes = 0;

/**
 * Maximum number of bytes by which the slabs that were allocated since the queue of a session was empty may exceed twice
 * the bytes of its chunks in them. The queue may also keep the slabs in use at that time: 8 KiB and 40 KiB of the encoder,
 * and 16 KiB of a drained mailbox. A chunk in the slab of 40 KiB has more than 1 KiB. So an unread queue keeps at most twice
 * its bytes and 64 KiB.
 */
export const MAX_WASTED_BYTES = 1024;

/**
 * Counts a new slab. From now on, chunks may be views of it.
 *
 * @param {number} size in bytes
 */
export function countSlab(size) {
	allocatedBytes += size;
}

/** The chunk that was copied last. @type {Chunk | undefined} */
let original;
/** Its copy. All sessions that need one share it. */
let copy = new Uint8Array(0);

/**
 * Returns a chunk with the same content whose buffer is at most twice as long as the chunk.
 *
 * @param {Chunk} chunk
 * @returns {Chunk}
 */
export function withoutSlab(chunk) {
	if (chunk.length * 2 >= chunk.buffer.byteLength) return chunk;
	// The length differs when the consumer of a stream has detached the buffer of the copy.
	if (chunk !== original || copy.length !== chunk.length) {
		copy = chunk.slice();
		markAsUntransferable(copy.buffer);
		original = chunk;
	}
	return copy;
}
