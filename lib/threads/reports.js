// What happens between machines, for those who want to hear of it.

import { backplaneError, backplaneGap } from '../diagnostics.js';
import { callSafely } from '../util/call-safely.js';

/** @import { BackplaneGap } from '../../redis.js' */

export class Reports {
	/** @type {((gap: BackplaneGap) => void)[]} */
	#onGap = [];
	/** @type {((error: Error) => void)[]} */
	#onError = [];

	/**
	 * @param {((gap: BackplaneGap) => void) | undefined} onGap
	 * @param {((error: Error) => void) | undefined} onError
	 */
	add(onGap, onError) {
		if (onGap !== undefined && !this.#onGap.includes(onGap)) this.#onGap.push(onGap);
		if (onError !== undefined && !this.#onError.includes(onError)) this.#onError.push(onError);
	}

	/** @param {BackplaneGap} gap */
	gap(gap) {
		if (backplaneGap.hasSubscribers) backplaneGap.publish(gap);
		for (const onGap of this.#onGap) callSafely(() => onGap(gap));
	}

	/** @param {Error} error */
	error(error) {
		if (backplaneError.hasSubscribers) backplaneError.publish({ error });
		for (const onError of this.#onError) callSafely(() => onError(error));
	}
}
