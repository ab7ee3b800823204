// Measures the memory that the unread chunks of a stream keep: the buffers of the chunks, each counted once.

import assert from 'node:assert/strict';

/** What the docs of the option `pool` promise. */
const MAX_SHARED = 64 * 1024;

/**
 * Reads a stream to its end, and asserts that its chunks kept at most twice their bytes and 64 KiB in memory.
 *
 * @param {{ reader: ReadableStreamDefaultReader<Uint8Array> }} stream a closed stream that was not read
 * @returns {Promise<{ chunks: number, bytes: number, held: number }>}
 */
export async function assertKeepsLittle({ reader }) {
	const buffers = new Set();
	let chunks = 0;
	let bytes = 0;
	let held = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) break;
		chunks++;
		bytes += value.length;
		if (!buffers.has(value.buffer)) held += value.buffer.byteLength;
		buffers.add(value.buffer);
	}
	assert.ok(held <= 2 * bytes + MAX_SHARED, `${chunks} chunks with ${bytes} bytes keep ${held} bytes`);
	return { chunks, bytes, held };
}

/** Reads a stream as fast as it can. @param {{ reader: ReadableStreamDefaultReader<Uint8Array> }} stream */
export async function readAll({ reader }) {
	while (!(await reader.read()).done);
}
