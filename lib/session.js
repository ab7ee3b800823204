// One session of this thread: its id, the stream that is fed, and how.

import { invalidArgument } from './errors.js';

/** @import { SessionController } from '../index.js' */

export class Session {
	/** What Rust knows it by, once it is registered. */
	key = 0;
	/** Whether the stream had ended by itself when it was to be closed. */
	hadEnded = false;

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 * @param {boolean} pool whether its chunks may share memory with those of others
	 */
	constructor(id, controller, pool) {
		this.id = id;
		this.controller = controller;
		// The `enqueue` of a byte stream takes the chunk's buffer away, so that it has to be the chunk's alone.
		this.exclusive = !pool || 'byobRequest' in controller;
	}

	/**
	 * Queues a chunk that was made for this and other sessions.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	feed(chunk) {
		this.controller.enqueue(this.exclusive ? chunk.slice() : chunk);
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
