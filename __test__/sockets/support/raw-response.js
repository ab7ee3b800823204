// Reads one HTTP/1 response from a connection, and fails on the first byte that the standard does not allow.

import assert from 'node:assert/strict';

/** @import { ByteQueue } from './byte-queue.js' */

/**
 * How a response ended: `complete` with all that its head promises, `cut` where the connection ended before that.
 *
 * @typedef {'complete' | 'cut'} End
 */

const BODILESS = [204, 304];

export class RawResponse {
	status = 0;
	version = '';
	/** @type {Record<string, string>} */
	headers = {};
	/** @type {Record<string, string>} */
	trailers = {};
	/** Lengths of the chunks in the chunked framing. @type {number[]} */
	frames = [];
	/** @type {Buffer[]} */
	#body = [];
	#length = 0;
	/** @type {Set<() => void>} */
	#waiting = new Set();
	/** Resolves when the head has arrived. Rejects when it is malformed or the connection ends. @type {Promise<void>} */
	head;
	/** Resolves to the way in which the response ended. Rejects when it is malformed. @type {Promise<End>} */
	ended;
	/** @type {End | undefined} */
	end;

	/**
	 * @param {Promise<ByteQueue>} bytes resolves when the response before it has ended
	 * @param {{ method?: string, keep?: boolean }} [options] `keep`: keeps the body in memory
	 */
	constructor(bytes, { method = 'GET', keep = true } = {}) {
		this.head = bytes.then((queue) => this.#readHead(queue));
		this.ended = Promise.all([bytes, this.head])
			.then(([queue]) => this.#readBody(queue, method, keep))
			.then((end) => {
				this.end = end;
				return end;
			})
			.finally(() => this.#changed());
		// A test that awaits neither gets the failure from the one that it awaits later.
		this.head.catch(() => {});
		this.ended.catch(() => {});
	}

	/** Number of bytes of the body so far. */
	get length() {
		return this.#length;
	}

	/** The body so far. */
	get body() {
		if (this.#body.length > 1) this.#body = [Buffer.concat(this.#body)];
		return this.#body[0] ?? Buffer.alloc(0);
	}

	get text() {
		return this.body.toString('utf8');
	}

	/** Waits until the body has this number of bytes. Rejects when the response ends before. @param {number} length */
	async reaches(length) {
		await this.#until(() => this.#length >= length, `${length} bytes`);
	}

	/** Waits until the body contains a text. Rejects when the response ends before. @param {string} text */
	async contains(text) {
		const wanted = Buffer.from(text);
		await this.#until(() => this.body.includes(wanted), JSON.stringify(text));
	}

	/**
	 * @param {() => boolean} condition
	 * @param {string} wanted
	 */
	async #until(condition, wanted) {
		const { ended } = this;
		while (!condition()) {
			if (this.end !== undefined) {
				assert.fail(`the response ended (${this.end}) with ${this.#length} bytes, before ${wanted}`);
			}
			await Promise.race([new Promise((resolve) => this.#waiting.add(() => resolve(undefined))), ended]);
		}
	}

	#changed() {
		for (const wake of this.#waiting) wake();
		this.#waiting.clear();
	}

	/** @param {ByteQueue} bytes */
	async #readHead(bytes) {
		for (;;) {
			const first = await bytes.line();
			assert.ok(first !== undefined, 'the connection ended before a response');
			const match = /^HTTP\/(1\.[01]) (\d{3}) [\x20-\x7e]*$/.exec(first);
			assert.ok(match, `not a status line: ${JSON.stringify(first.slice(0, 80))}`);
			this.version = match[1];
			this.status = Number(match[2]);
			this.headers = await fields(bytes);
			// 100 Continue and 103 Early Hints precede the response.
			if (this.status >= 200) return;
		}
	}

	/**
	 * @param {ByteQueue} bytes
	 * @param {string} method
	 * @param {boolean} keep
	 * @returns {Promise<End>}
	 */
	async #readBody(bytes, method, keep) {
		if (method === 'HEAD' || BODILESS.includes(this.status)) return 'complete';
		const { 'transfer-encoding': encoding, 'content-length': length } = this.headers;
		if (encoding !== undefined) {
			assert.equal(encoding, 'chunked');
			assert.equal(length, undefined, 'a chunked response with a content-length');
			return this.#readChunks(bytes, keep);
		}
		const isWhole = await this.#readBytes(
			bytes,
			length === undefined ? Number.POSITIVE_INFINITY : Number(length),
			keep,
		);
		return isWhole || length === undefined ? 'complete' : 'cut';
	}

	/**
	 * @param {ByteQueue} bytes
	 * @param {boolean} keep
	 * @returns {Promise<End>}
	 */
	async #readChunks(bytes, keep) {
		for (;;) {
			const line = await bytes.line();
			if (line === undefined) return 'cut';
			assert.match(line, /^[0-9a-f]+$/i, `not the length of a chunk, after ${this.#length} bytes of the body`);
			const length = Number.parseInt(line, 16);
			if (length === 0) {
				this.trailers = await fields(bytes);
				return 'complete';
			}
			this.frames.push(length);
			if (!(await this.#readBytes(bytes, length, keep))) return 'cut';
			const end = await bytes.line();
			if (end === undefined) return 'cut';
			assert.equal(end, '', `bytes after a chunk of ${length}, after ${this.#length} bytes of the body`);
		}
	}

	/**
	 * Returns true when all of them have arrived.
	 *
	 * @param {ByteQueue} bytes
	 * @param {number} length
	 * @param {boolean} keep
	 */
	async #readBytes(bytes, length, keep) {
		for (let rest = length; rest > 0; ) {
			const piece = await bytes.some(rest);
			if (piece === undefined) return false;
			rest -= piece.length;
			this.#length += piece.length;
			if (keep) this.#body.push(piece);
			this.#changed();
		}
		return true;
	}
}

/** @param {ByteQueue} bytes */
async function fields(bytes) {
	/** @type {Record<string, string>} */
	const found = {};
	for (;;) {
		const line = await bytes.line();
		assert.ok(line !== undefined, 'the connection ended within header fields');
		if (line === '') return found;
		const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
		assert.ok(match, `not a header field: ${JSON.stringify(line.slice(0, 80))}`);
		found[match[1].toLowerCase()] = match[2];
	}
}
