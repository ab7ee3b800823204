// Reports gaps and errors of the backplane to the callbacks of the managers and to diagnostics channels.

import { backplaneError, backplaneGap } from '../diagnostics.js';
import { callSafely } from '../util/call-safely.js';

/** @import { BackplaneGap } from '../../redis.js' */

export class Reports {
	/** @type {((gap: BackplaneGap) => void)[]} */
	#onGap = [];
	/** @type {((error: Error) => void)[]} */
	#onError = [];

	/**
	 * Adds the callbacks of a manager.
	 *
	 * @param {((gap: BackplaneGap) => void) | undefined} onGap
	 * @param {((error: Error) => void) | undefined} onError
	 */
	add(onGap, onError) {
		if (onGap !== undefined && !this.#onGap.includes(onGap)) this.#onGap.push(onGap);
		if (onError !== undefined && !this.#onError.includes(onError)) this.#onError.push(onError);
	}

	/**
	 * Reports messages of another node that are lost.
	 *
	 * @param {BackplaneGap} gap
	 */
	gap(gap) {
		if (backplaneGap.hasSubscribers) backplaneGap.publish(gap);
		for (const onGap of this.#onGap) callSafely(() => onGap(gap));
	}

	/**
	 * Reports an error of the connection to Redis.
	 *
	 * @param {Error} error
	 */
	error(error) {
		if (backplaneError.hasSubscribers) backplaneError.publish({ error });
		for (const onError of this.#onError) callSafely(() => onError(error));
	}
}
