// What this thread has asked others, until they answer.

import timers from 'node:timers';
import { revive } from './failure.js';
import { OUTCOME } from './inbox.js';

/** Of a timer that is never due and only keeps the thread alive. The longest there is. */
const NEVER_MS = 2 ** 31 - 1;

/** Those who wait for an answer: perhaps nobody else holds them. @type {Set<object>} */
const waiting = new Set();

export class Questions {
	/** @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void }>} by the number their answer bears */
	#open = new Map();
	#owner;

	/** @param {object} owner through whom the answers come */
	constructor(owner) {
		this.#owner = owner;
	}

	/**
	 * @param {number} question 0 for none
	 * @returns {Promise<any> | undefined} rejects with what it failed with elsewhere
	 */
	answerTo(question) {
		if (question === 0) return undefined;
		waiting.add(this.#owner);
		return new Promise((resolve, reject) => this.#open.set(question, { resolve, reject }));
	}

	/**
	 * Likewise, and keeps the thread alive meanwhile: who waits for it may have nothing else that does.
	 *
	 * @param {number} question 0 for none
	 */
	async heldAnswerTo(question) {
		const answer = this.answerTo(question);
		if (answer === undefined) return undefined;
		const hold = timers.setInterval(() => {}, NEVER_MS);
		try {
			return await answer;
		} finally {
			timers.clearInterval(hold);
		}
	}

	/**
	 * @param {number} question
	 * @param {number} outcome
	 * @param {string} text a failure that is described, or JSON
	 */
	answered(question, outcome, text) {
		const asked = this.#open.get(question);
		this.#open.delete(question);
		if (this.#open.size === 0) waiting.delete(this.#owner);
		if (outcome === OUTCOME.FAILED) asked?.reject(revive(text));
		else asked?.resolve(outcome === OUTCOME.IS ? JSON.parse(text) : undefined);
	}
}
