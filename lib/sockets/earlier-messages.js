// The messages that a direct session still gets through its stream, while Rust holds later ones. They are followed until
// Node.js has given them to the socket: an adapter may keep chunks for which the response has no room.

import { isSameMemory, memoryOf } from './memory.js';

/** @import { Memory } from './memory.js' */

export class EarlierMessages {
	/** The messages that have not arrived at the socket, oldest first. @type {Memory[]} */
	#outstanding = [];
	/** True when no more messages are added. */
	isComplete = false;

	/** True when all messages have arrived at the socket. */
	get haveArrived() {
		return this.isComplete && this.#outstanding.length === 0;
	}

	/**
	 * Adds a message that is enqueued in the stream.
	 *
	 * @param {Uint8Array} chunk not empty
	 */
	add(chunk) {
		this.#outstanding.push(memoryOf(chunk));
	}

	/**
	 * Records what the socket is given. The arguments are those of its `_writeGeneric`.
	 *
	 * @param {boolean} writev
	 * @param {any} data
	 */
	arrived(writev, data) {
		for (const part of writev ? data : [{ chunk: data }]) {
			if (this.#outstanding.length === 0) return;
			const index = this.#outstanding.findIndex((message) => isSameMemory(message, part.chunk));
			// The messages before it have arrived in another shape, or never arrive.
			this.#outstanding.splice(0, index + 1);
		}
	}
}
