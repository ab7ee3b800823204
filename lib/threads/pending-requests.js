// Requests of this thread to other threads or to Redis that have no reply yet.

import { timers } from '#platform';
import { OUTCOME } from './drained-messages.js';
import { revive } from './failure.js';

/** Interval of a timer that only keeps the thread alive: the longest that Node allows. */
const NEVER_MS = 2 ** 31 - 1;

/** Owners of open requests. The set keeps them from being garbage collected. @type {Set<object>} */
const waiting = new Set();

export class PendingRequests {
	/** @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void }>} by the number of the request */
	#open = new Map();
	#owner;

	/** @param {object} owner the membership through which the replies come */
	constructor(owner) {
		this.#owner = owner;
	}

	/**
	 * Returns a promise for the reply. It rejects with the error that the other side reports.
	 *
	 * @param {number} request 0 for none
	 * @returns {Promise<any> | undefined} `undefined` for none
	 */
	replyTo(request) {
		if (request === 0) return undefined;
		waiting.add(this.#owner);
		return new Promise((resolve, reject) => this.#open.set(request, { resolve, reject }));
	}

	/**
	 * Returns a promise for the reply, and keeps the thread alive until the reply comes.
	 *
	 * @param {number} request 0 for none
	 */
	async replyKeepingAlive(request) {
		const reply = this.replyTo(request);
		if (reply === undefined) return undefined;
		const hold = timers.setInterval(() => {}, NEVER_MS);
		try {
			return await reply;
		} finally {
			timers.clearInterval(hold);
		}
	}

	/**
	 * Rejects all open requests.
	 *
	 * @param {Error} error
	 */
	fail(error) {
		const open = [...this.#open.values()];
		this.#open.clear();
		waiting.delete(this.#owner);
		for (const { reject } of open) reject(error);
	}

	/**
	 * Settles the promise of a request.
	 *
	 * @param {number} request
	 * @param {number} outcome
	 * @param {string} text a described error, or JSON
	 */
	settle(request, outcome, text) {
		const pending = this.#open.get(request);
		this.#open.delete(request);
		if (this.#open.size === 0) waiting.delete(this.#owner);
		if (outcome === OUTCOME.FAILED) pending?.reject(revive(text));
		else pending?.resolve(outcome === OUTCOME.VALUE ? JSON.parse(text) : undefined);
	}
}
