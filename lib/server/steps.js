// The steps of a shutdown: what is still pending, and what has failed. No step ends the shutdown.

import { within } from '../streams/shutdown.js';

export class Steps {
	/** @type {Error[]} */
	errors = [];
	/** The promise of each pending step, by its name. @type {Map<string, Promise<void>>} */
	#pending = new Map();

	/**
	 * Begins a step, unless one of this name is pending.
	 *
	 * @param {string} name completes the sentence "… has not finished"
	 * @param {() => unknown} step
	 * @param {number} [ms] time after which the step is not waited for
	 */
	begin(name, step, ms) {
		if (this.#pending.has(name)) return;
		let isPending = true;
		const finished = this.#run(step).then(() => {
			isPending = false;
		});
		const pending = within(finished, ms).then(() => {
			this.#pending.delete(name);
			if (isPending) this.errors.push(timeout(name));
		});
		this.#pending.set(name, pending);
	}

	/** @param {() => unknown} step */
	async #run(step) {
		try {
			await step();
		} catch (error) {
			this.errors.push(error instanceof Error ? error : new Error('a step of the shutdown failed', { cause: error }));
		}
	}

	/**
	 * Resolves when all steps have finished, or after `ms` milliseconds.
	 *
	 * @param {number} ms
	 */
	finished(ms) {
		return within(Promise.all(this.#pending.values()), ms);
	}

	/** Adds an error for each step that is still pending. */
	giveUp() {
		for (const name of this.#pending.keys()) this.errors.push(timeout(name));
	}
}

/**
 * Returns the error for a step that took too long.
 *
 * @param {string} name completes the sentence "… has not finished"
 */
function timeout(name) {
	const error = new Error(`shutdown: ${name} has not finished in time`);
	return Object.assign(error, { code: /** @type {const} */ ('ERR_SHUTDOWN_TIMEOUT') });
}
