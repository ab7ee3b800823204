// One session of this thread: its id, the stream that is fed, and how.

import { invalidArgument } from '../errors.js';

/** @import { SessionController } from '../../index.js' */
/** @import { Policy } from './policy/policy.js' */

export class Session {
	/** What Rust knows it by, once it is registered. */
	key = 0;
	/** When that was, by `performance.now()`; 0 where nobody has listened to it. */
	openedAt = 0;
	/** Whether the stream had ended by itself when it was to be closed. */
	hadEnded = false;
	/** Whether it is forgotten. */
	isClosed = false;
	/** What `desiredSize` says when nothing is queued. */
	#highWaterMark;

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 * @param {Policy} policy
	 */
	constructor(id, controller, policy) {
		this.id = id;
		this.controller = controller;
		this.policy = policy;
		// The `enqueue` of a byte stream takes the chunk's buffer away, so that it has to be the chunk's alone.
		this.exclusive = !policy.pool || 'byobRequest' in controller;
		this.#highWaterMark = desiredSizeOf(controller);
	}

	/**
	 * Queues a chunk that was made for this and other sessions.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	enqueue(chunk) {
		this.controller.enqueue(this.exclusive ? chunk.slice() : chunk);
	}

	/** Queues what waits to be. Nothing does here. */
	flush() {}

	/** How many bytes of what it was fed its client has not read, as far as that is counted. */
	get queuedBytes() {
		return 0;
	}

	/** Whether its client has read all, as far as can be told: of one that has left without a word, it cannot. */
	get isDrained() {
		const desiredSize = desiredSizeOf(this.controller);
		return typeof desiredSize !== 'number' || desiredSize >= Number(this.#highWaterMark);
	}

	/** Ends the stream behind what is queued. One that has ended already is no error. */
	close() {
		try {
			this.controller.close();
		} catch {
			// Closed, errored or cancelled before.
			this.hadEnded = true;
		}
	}

	/**
	 * Ends the stream at once: what is queued is dropped, and whoever reads it gets the error.
	 *
	 * @param {Error} error
	 */
	abort(error) {
		const controller = /** @type {SessionController & Partial<ReadableStreamDefaultController>} */ (this.controller);
		const canFail = typeof controller.error === 'function';
		try {
			if (canFail) controller.error?.(error);
			else controller.close();
		} catch {
			// A double in a test: there is nothing more to be done.
		}
		// One that was open says `null` now.
		this.hadEnded = canFail && controller.desiredSize === 0;
	}
}

/** @param {SessionController} controller */
function desiredSizeOf(controller) {
	return /** @type {Partial<ReadableStreamDefaultController>} */ (controller).desiredSize;
}

/**
 * @param {unknown} id
 * @param {unknown} controller
 */
export function checkSession(id, controller) {
	if (typeof id !== 'string') throw invalidArgument('create: "id" must be a string', id);
	const { enqueue, close } = /** @type {Partial<SessionController>} */ (controller ?? {});
	if (typeof enqueue !== 'function' || typeof close !== 'function') {
		throw invalidArgument(
			'create: "controller" must have the methods enqueue() and close(), as the controller of a ReadableStream does',
			controller,
		);
	}
}
