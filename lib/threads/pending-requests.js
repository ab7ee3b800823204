// What this thread has asked others, until they answer.

import timers from 'node:timers';
import { OUTCOME } from './drained-messages.js';
import { revive } from './failure.js';

/** Of a timer that is never due and only keeps the thread alive. The longest there is. */
const NEVER_MS = 2 ** 31 - 1;

/** Those who wait for an answer: perhaps nobody else holds them. @type {Set<object>} */
const waiting = new Set();

export class PendingRequests {
	/** @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void }>} by the number their answer bears */
	#open = new Map();
	#owner;

	/** @param {object} owner through whom the answers come */
	constructor(owner) {
		this.#owner = owner;
	}

	/**
	 * @param {number} request 0 for none
	 * @returns {Promise<any> | undefined} rejects with what it failed with elsewhere
	 */
	replyTo(request) {
		if (request === 0) return undefined;
		waiting.add(this.#owner);
		return new Promise((resolve, reject) => this.#open.set(request, { resolve, reject }));
	}

	/**
	 * Likewise, and keeps the thread alive meanwhile: who waits for it may have nothing else that does.
	 *
	 * @param {number} request 0 for none
	 */
	async replyKeepingAlive(request) {
		const answer = this.replyTo(request);
		if (answer === undefined) return undefined;
		const hold = timers.setInterval(() => {}, NEVER_MS);
		try {
			return await answer;
		} finally {
			timers.clearInterval(hold);
		}
	}

	/**
	 * @param {number} request
	 * @param {number} outcome
	 * @param {string} text a failure that is described, or JSON
	 */
	settle(request, outcome, text) {
		const pending = this.#open.get(request);
		this.#open.delete(request);
		if (this.#open.size === 0) waiting.delete(this.#owner);
		if (outcome === OUTCOME.FAILED) pending?.reject(revive(text));
		else pending?.resolve(outcome === OUTCOME.VALUE ? JSON.parse(text) : undefined);
	}
}
