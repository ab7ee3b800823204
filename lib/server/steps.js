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
	 */
	begin(name, step) {
		if (this.#pending.has(name)) return;
		const pending = this.#run(step).then(() => {
			this.#pending.delete(name);
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
		for (const name of this.#pending.keys()) {
			const error = new Error(`shutdown: ${name} has not finished in time`);
			this.errors.push(Object.assign(error, { code: /** @type {const} */ ('ERR_SHUTDOWN_TIMEOUT') }));
		}
	}
}
