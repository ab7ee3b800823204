// Reports gaps and errors of the backplane to the callbacks of the managers and to diagnostics channels.

import { backplaneError, backplaneGap } from '../diagnostics.js';
import { inThisContext } from '../util/async-context.js';
import { callSafely } from '../util/call-safely.js';

/** @import { BackplaneGap } from '../../redis.js' */
/** @import { BackplaneUnavailableError } from '../errors.js' */

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

/** The shortest time between two calls of `onError` for the same cause. */
const SAME_CAUSE_MS = 1_000;

/** Number of causes at which those of the past are forgotten. */
const MAX_CAUSES = 32;

export class Reports {
	/** The time of the last call of `onError` for each cause. @type {Map<string, number>} */
	#reportedAt = new Map();
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
	 * Reports an error of the connection to Redis, or of a call that needs Redis. The diagnostics channel gets each error,
	 * and `onError` one per second with the same cause. A loss and a delay are different causes.
	 *
	 * @param {BackplaneUnavailableError} error
	 * @param {boolean} [isLoss]
	 */
	error(error, isLoss = error.unsent !== undefined) {
		if (backplaneError.hasSubscribers) backplaneError.publish({ error });
		if (this.#isDue(error, isLoss)) this.#onError.call(error);
	}

	/**
	 * @param {BackplaneUnavailableError} error
	 * @param {boolean} isLoss
	 */
	#isDue({ cause }, isLoss) {
		const { code = '' } = /** @type {{ code?: string } | undefined} */ (cause) ?? {};
		const key = isLoss ? `loss ${code}` : code;
		const now = performance.now();
		const last = this.#reportedAt.get(key);
		if (last !== undefined && now - last < SAME_CAUSE_MS) return false;
		if (this.#reportedAt.size >= MAX_CAUSES) this.#reportedAt.clear();
		this.#reportedAt.set(key, now);
		return true;
	}
}
