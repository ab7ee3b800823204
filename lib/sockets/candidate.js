// A session whose stream may reach a socket unchanged, until that is proven or refuted.
//
// A chunk that the stream gets is followed on its way. Two things must hold for all chunks between two moments at which
// nothing was on its way: each arrives at `response.write` as the same memory, at once; and the bytes that the socket gets
// are these chunks and nothing else. Then nothing lies between the stream and the socket that changes, copies or joins
// messages, and the session becomes direct.

import { bodyOfChunks, bytesOf } from './body.js';
import { Hooks } from './hooks.js';
import {
	hasEnded,
	hasPlainReader,
	headOf,
	isChunked,
	isHeadSent,
	isQuiet,
	isUntouched,
	obstacleInHead,
} from './internals.js';
import { isSameMemory, memoryOf } from './memory.js';

/** @import { ServerResponse } from 'node:http' */
/** @import { Socket } from 'node:net' */
/** @import { FallbackReason } from '../../node.js' */
/** @import { Memory } from './memory.js' */

/** Maximum number of bytes that are kept for a proof. After more, the next quiet moment begins a new one. */
const MAX_PROOF_BYTES = 1024 * 1024;

/**
 * Number of chunks that may arrive too late before a session stays on the ordinary way. The first one does with a
 * `for await` loop.
 */
const MAX_LATE = 4;

/**
 * Time after which a chunk that has left the stream cannot arrive any more, while the response has nothing to write. Some
 * adapters wait for a timer before they write the head.
 */
const LOST_AFTER_MS = 1_000;

/** Number of quiet moments without a proof after which none is expected any more. */
const MAX_UNPROVEN = 100;

/**
 * A chunk on its way from the stream to the response.
 *
 * @typedef {object} Outstanding
 * @property {Memory} memory
 * @property {number} at time of `enqueue`
 * @property {boolean} isTest true when it must arrive at once, because nothing else was on its way
 * @property {boolean} hasArrived
 */

/**
 * What the candidate reports, each at most once.
 *
 * @typedef {object} Verdict
 * @property {(candidate: Candidate) => boolean} proven
 *   Called at each quiet moment from the proof on, until it returns true: the session is direct now.
 * @property {(reason: FallbackReason) => void} refuted
 */

export class Candidate {
	/** Chunks that have not arrived at the response, oldest first. @type {Outstanding[]} */
	#outstanding = [];
	/** The body that was given to the response since the last quiet moment. @type {Buffer[]} */
	#written = [];
	/** What the socket was given since then. @type {Buffer[]} */
	#sent = [];
	#sentBytes = 0;
	/** The head that the next bytes of the socket begin with. */
	#expectsHead = false;
	/** True when everything since the last quiet moment is known. */
	#isComplete;
	/** True when a chunk has arrived in time since the last quiet moment. */
	#hasTest = false;
	#isProven = false;
	/** The `desiredSize` of the stream when its queue is empty. */
	highWaterMark = 0;
	/** Chunks so far that have arrived too late. */
	#late = 0;
	/** Quiet moments so far at which nothing was proven. */
	#unproven = 0;
	#isDone = false;
	#hooks = new Hooks();
	#verdict;

	/**
	 * @param {ReadableStreamDefaultController} controller
	 * @param {ServerResponse} response
	 * @param {Verdict} verdict
	 */
	constructor(controller, response, verdict) {
		this.controller = controller;
		this.response = response;
		this.socket = /** @type {Socket} */ (response.socket);
		this.#verdict = verdict;
		this.#isComplete = headOf(response) === '' || isQuiet(response, this.socket);
		this.#expectsHead = !isHeadSent(response);
		this.#hooks.add(controller, 'enqueue', (original) => (chunk) => this.#enqueue(original, chunk));
		this.#hooks.add(response, 'write', (original) => (...args) => {
			if (!this.#isDone) this.#arrived(args[0], args[1]);
			return original(...args);
		});
		this.#hooks.add(this.socket, '_writeGeneric', (original) => (writev, data, encoding, callback) => {
			if (this.#isDone) return original(writev, data, encoding, callback);
			this.#recordSent(writev, data, encoding);
			return original(writev, data, encoding, (/** @type {unknown[]} */ ...args) => {
				try {
					callback(...args);
				} finally {
					if (!this.#isDone) this.#checkQuiet();
				}
			});
		});
		response.once('close', () => this.stop());
	}

	/** Ends the observation, and puts the methods back. */
	stop() {
		this.#isDone = true;
		this.#hooks.remove();
		this.#outstanding = [];
		this.#forgetProof();
	}

	/** @param {FallbackReason} reason */
	#refute(reason) {
		if (this.#isDone) return;
		this.stop();
		this.#verdict.refuted(reason);
	}

	/**
	 * Follows a chunk that the stream gets.
	 *
	 * @param {(chunk: unknown) => void} original
	 * @param {unknown} chunk
	 */
	#enqueue(original, chunk) {
		if (this.#isDone) return original(chunk);
		const before = Number(this.controller.desiredSize);
		this.highWaterMark = Math.max(this.highWaterMark, before);
		if (!(chunk instanceof Uint8Array) || chunk.length === 0) return original(chunk);
		const at = performance.now();
		const isResponseQuiet = isQuiet(this.response, this.socket);
		const wasQuiet = isResponseQuiet && this.#outstanding.length === 0;
		const isLost = isResponseQuiet && before === this.highWaterMark && this.#outstanding[0]?.at < at - LOST_AFTER_MS;
		if (isLost || (wasQuiet && !hasPlainReader(this.controller))) {
			this.#refute('transformed');
			return original(chunk);
		}
		const outstanding = { memory: memoryOf(chunk), at, isTest: false, hasArrived: false };
		this.#outstanding.push(outstanding);
		try {
			original(chunk);
		} catch (error) {
			this.#outstanding.splice(this.#outstanding.indexOf(outstanding), 1);
			throw error;
		}
		// A reader that waits takes the chunk at once. Otherwise the chunk is queued, and may take its time.
		outstanding.isTest = wasQuiet && this.controller.desiredSize === before;
		if (outstanding.isTest) this.#expectArrival(outstanding);
	}

	/**
	 * Checks that a chunk arrives before any other microtask runs. An adapter that waits for the chunk is called back by the
	 * first microtask. A TransformStream (from Node.js 24 on) or a `tee()` in between needs more.
	 *
	 * @param {Outstanding} outstanding
	 */
	#expectArrival(outstanding) {
		queueMicrotask(() => {
			if (outstanding.hasArrived) return;
			outstanding.isTest = false;
			if (++this.#late > MAX_LATE) this.#refute('transformed');
		});
	}

	/**
	 * Records a part of the body that is given to the response.
	 *
	 * @param {unknown} chunk
	 * @param {unknown} encoding
	 */
	#arrived(chunk, encoding) {
		const isText = typeof chunk === 'string';
		if (!isText && !(chunk instanceof Uint8Array)) return;
		const [next] = this.#outstanding;
		if (!isText && next !== undefined && isSameMemory(next.memory, chunk)) {
			next.hasArrived = true;
			this.#outstanding.shift();
			this.#hasTest ||= next.isTest;
		}
		if (!this.#isComplete) return;
		const bytes = isText
			? Buffer.from(chunk, typeof encoding === 'string' ? /** @type {BufferEncoding} */ (encoding) : 'utf8')
			: Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
		this.#written.push(bytes);
	}

	/**
	 * Records what the socket is given.
	 *
	 * @param {boolean} writev
	 * @param {any} data
	 * @param {BufferEncoding} encoding
	 */
	#recordSent(writev, data, encoding) {
		if (!this.#isComplete) return;
		for (const bytes of bytesOf(writev, data, encoding)) {
			this.#sent.push(bytes);
			this.#sentBytes += bytes.length;
		}
		if (this.#sentBytes > MAX_PROOF_BYTES) {
			this.#forgetProof();
			this.#isComplete = false;
		}
	}

	/** Judges what was written since the last quiet moment, if nothing is on its way now. */
	#checkQuiet() {
		const { response, socket } = this;
		if (hasEnded(response, socket)) return this.stop();
		if (this.#outstanding.length > 0 || !isQuiet(response, socket) || !isHeadSent(response)) return;
		const desiredSize = Number(this.controller.desiredSize);
		this.highWaterMark = Math.max(this.highWaterMark, desiredSize);
		// An empty chunk is queued.
		if (desiredSize < this.highWaterMark) return;
		const obstacle = obstacleInHead(response);
		if (obstacle !== undefined) return this.#refute(obstacle);
		if (!this.#hooks.areIntact || !isUntouched(response, socket)) return this.#refute('transformed');
		if (this.#isComplete) {
			const isExact = this.#isExact();
			if (!isExact && !this.#expectsHead) return this.#refute('transformed');
			this.#isProven ||= isExact && this.#hasTest;
		}
		this.#forgetProof();
		this.#isComplete = true;
		this.#expectsHead = false;
		if (!this.#isProven) {
			if (++this.#unproven > MAX_UNPROVEN) this.#refute('transformed');
		} else if (this.highWaterMark === 0) {
			// An empty queue would look like a closed stream.
			this.#refute('stream');
		} else if (this.#verdict.proven(this)) {
			this.stop();
		}
	}

	/** Returns true when the socket was given exactly what was given to the response. */
	#isExact() {
		let sent = Buffer.concat(this.#sent);
		if (this.#expectsHead) {
			const head = Buffer.from(headOf(this.response), 'latin1');
			if (!sent.subarray(0, head.length).equals(head)) return false;
			sent = sent.subarray(head.length);
		}
		const body = isChunked(this.response) ? bodyOfChunks(sent) : sent;
		return body?.equals(Buffer.concat(this.#written)) ?? false;
	}

	#forgetProof() {
		this.#written = [];
		this.#sent = [];
		this.#sentBytes = 0;
		this.#hasTest = false;
	}
}
