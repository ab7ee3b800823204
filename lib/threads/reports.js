// Reports gaps and errors of the backplane to the callbacks of the managers and to diagnostics channels.

import { backplaneError, backplaneGap } from '../diagnostics.js';
import { inThisContext } from '../util/async-context.js';
import { callSafely } from '../util/call-safely.js';

/** @import { BackplaneGap } from '../../redis.js' */

/** @typedef {(value: any) => void} Callback */

/** The callbacks for one kind of report. A callback that several managers share is called once for each report. */
class Callbacks {
	/**
	 * By callback: the number of open managers that have set it, and the callback in the context of the first of them.
	 *
	 * @type {Map<Callback, { users: number, call: Callback | undefined }>}
	 */
	#entries = new Map();

	/** @param {Callback | undefined} callback */
	add(callback) {
		if (callback === undefined) return;
		const { users, call } = this.#entries.get(callback) ?? { users: 0, call: inThisContext(callback) };
		this.#entries.set(callback, { users: users + 1, call });
	}

	/** @param {Callback | undefined} callback */
	remove(callback) {
		const entry = callback && this.#entries.get(callback);
		if (entry !== undefined && --entry.users === 0) this.#entries.delete(/** @type {Callback} */ (callback));
	}

	/** @param {unknown} value */
	call(value) {
		for (const { call } of this.#entries.values()) callSafely(() => call?.(value));
	}
}

export class Reports {
	#onGap = new Callbacks();
	#onError = new Callbacks();

	/**
	 * Adds the callbacks of a manager.
	 *
	 * @param {((gap: BackplaneGap) => void) | undefined} onGap
	 * @param {((error: Error) => void) | undefined} onError
	 */
	add(onGap, onError) {
		this.#onGap.add(onGap);
		this.#onError.add(onError);
	}

	/**
	 * Removes the callbacks of a manager that is closed.
	 *
	 * @param {((gap: BackplaneGap) => void) | undefined} onGap
	 * @param {((error: Error) => void) | undefined} onError
	 */
	remove(onGap, onError) {
		this.#onGap.remove(onGap);
		this.#onError.remove(onError);
	}

	/**
	 * Reports messages of another node that are lost.
	 *
	 * @param {BackplaneGap} gap
	 */
	gap(gap) {
		if (backplaneGap.hasSubscribers) backplaneGap.publish(gap);
		this.#onGap.call(gap);
	}

	/**
	 * Reports an error of the connection to Redis.
	 *
	 * @param {Error} error
	 */
	error(error) {
		if (backplaneError.hasSubscribers) backplaneError.publish({ error });
		this.#onError.call(error);
	}
}
