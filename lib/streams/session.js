// One session of this thread: its id and its stream.

import { invalidArgument } from '../errors.js';
import { allocatedBytes, MAX_WASTED_BYTES, withoutSlab } from './slabs.js';

/** @import { SessionController } from '../../index.js' */
/** @import { Policy } from './policy/policy.js' */
/** @import { SessionSocket } from './direct.js' */

export class Session {
	/** The key of the session in Rust; 0 until it is registered. */
	key = 0;
	/** Time of the registration by `performance.now()`; 0 when no diagnostics channel had a subscriber. */
	openedAt = 0;
	/** True when the stream had already ended before the manager closed it. */
	hadEnded = false;
	/** True when the manager has closed the session. */
	isClosed = false;
	/** The socket of a direct session. @type {SessionSocket | undefined} */
	socket;
	/** The `desiredSize` of the stream with an empty queue. */
	#highWaterMark;
	/** `allocatedBytes` when the queue of the stream was last checked. */
	#checkedAt = allocatedBytes;
	/** Number of bytes of the chunks that share slabs, since the last check. */
	#sharedBytes = 0;
	/** Number of bytes by which the slabs exceed twice the bytes of these chunks, since the queue was last empty. */
	#wastedBytes = 0;

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 * @param {Policy} policy
	 */
	constructor(id, controller, policy) {
		this.id = id;
		this.controller = controller;
		this.policy = policy;
		// `enqueue` of a byte stream transfers the buffer of the chunk, so the chunk needs a buffer of its own.
		this.copiesChunks = !policy.pool || 'byobRequest' in controller;
		this.#highWaterMark = desiredSizeOf(controller);
	}

	/**
	 * Enqueues a chunk that other sessions may share.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	enqueue(chunk) {
		this.controller.enqueue(this.own(chunk));
	}

	/**
	 * Returns the chunk, or a copy when the stream must not get a chunk that shares memory with others.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	own(chunk) {
		if (this.copiesChunks) return chunk.slice();
		// Once per slab, because reading `desiredSize` costs as much as a tenth of an `enqueue`.
		if (this.#checkedAt !== allocatedBytes) this.#countWaste();
		if (this.#wastedBytes > MAX_WASTED_BYTES) return withoutSlab(chunk);
		this.#sharedBytes += chunk.length;
		return chunk;
	}

	#countWaste() {
		// Never negative: the chunks of a slab that was used well may have been read, and then make up for nothing.
		const wasted = Math.max(0, allocatedBytes - this.#checkedAt - 2 * this.#sharedBytes);
		this.#wastedBytes = this.#mayHoldChunks() ? this.#wastedBytes + wasted : 0;
		this.#checkedAt = allocatedBytes;
		this.#sharedBytes = 0;
	}

	/** Returns true when chunks may be queued in the stream. The queue of a controller without `desiredSize` is not known. */
	#mayHoldChunks() {
		const desiredSize = desiredSizeOf(this.controller);
		if (typeof desiredSize !== 'number') return false;
		const highWaterMark = Number(this.#highWaterMark);
		// The queue was not empty when the session was created.
		if (desiredSize > highWaterMark) this.#highWaterMark = desiredSize;
		return desiredSize < highWaterMark || desiredSize === Infinity;
	}

	/** Enqueues the chunks that wait for the end of the turn. A plain session has none. */
	flush() {}

	/** True when chunks wait for the end of the turn. */
	get hasWaitingChunks() {
		return false;
	}

	/** Bytes that the client has not read yet; 0 where the session does not count them. */
	get queuedBytes() {
		return this.socket?.queuedBytes ?? 0;
	}

	/** True when the queue of the stream is empty. The queue of a client that left unnoticed may never become empty. */
	get isDrained() {
		if (this.socket !== undefined) return this.socket.isDrained;
		const desiredSize = desiredSizeOf(this.controller);
		return typeof desiredSize !== 'number' || desiredSize >= Number(this.#highWaterMark);
	}

	/**
	 * Closes the stream after its queued chunks. A stream that has already ended is not an error. A controller without
	 * `close` has nothing to call.
	 */
	close() {
		try {
			this.controller.close?.();
		} catch {
			// The stream was closed, errored or cancelled before.
			this.hadEnded = true;
		}
	}

	/**
	 * Ends the stream with an error. Its queued chunks are dropped, and its reader gets the error.
	 *
	 * @param {Error} error
	 */
	abort(error) {
		this.socket?.abort(error);
		const controller = /** @type {SessionController & Partial<ReadableStreamDefaultController>} */ (this.controller);
		const canError = typeof controller.error === 'function';
		try {
			if (canError) controller.error?.(error);
			else controller.close?.();
		} catch {
			// The `error` of a ReadableStream never throws. For another controller, there is no other way to end its stream.
		}
		// After `error`, `desiredSize` is null if the stream was open, and 0 if it was closed.
		this.hadEnded = canError && controller.desiredSize === 0;
	}
}

/** @param {SessionController} controller */
function desiredSizeOf(controller) {
	return /** @type {Partial<ReadableStreamDefaultController>} */ (controller).desiredSize;
}

/**
 * Throws a TypeError when the arguments of `create` cannot make a session.
 *
 * @param {unknown} id
 * @param {unknown} controller
 */
export function checkSession(id, controller) {
	if (typeof id !== 'string') throw invalidArgument('create: "id" must be a string', id);
	const { enqueue, close } = /** @type {Partial<SessionController>} */ (controller ?? {});
	if (typeof enqueue !== 'function') {
		throw invalidArgument(
			'create: "controller" must have the method enqueue(), as the controller of a ReadableStream does',
			controller,
		);
	}
	if (close !== undefined && typeof close !== 'function') {
		throw invalidArgument('create: "controller.close" must be a method or undefined', close);
	}
}
