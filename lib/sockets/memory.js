// The memory of a chunk, by which it is recognized on its way from the stream to the socket.

/** @typedef {{ buffer: ArrayBufferLike, byteOffset: number, byteLength: number }} Memory */

/**
 * Returns the memory of a chunk. A byte stream would take it away from the chunk itself.
 *
 * @param {Uint8Array} chunk
 * @returns {Memory}
 */
export function memoryOf({ buffer, byteOffset, byteLength }) {
	return { buffer, byteOffset, byteLength };
}

/**
 * Returns true when a value is a view of exactly this memory.
 *
 * @param {Memory} memory
 * @param {Memory | string} written
 */
export function isSameMemory({ buffer, byteOffset, byteLength }, written) {
	return (
		typeof written !== 'string' &&
		written.buffer === buffer &&
		written.byteOffset === byteOffset &&
		written.byteLength === byteLength
	);
}
