// What happens between machines, for those who want to hear of it.

import { attempt } from './attempt.js';
import { backplaneError, backplaneGap } from './diagnostics.js';

/** @import { BackplaneGap } from '../redis.js' */

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
		for (const onGap of this.#onGap) attempt(() => onGap(gap));
	}

	/** @param {Error} error */
	error(error) {
		if (backplaneError.hasSubscribers) backplaneError.publish({ error });
		for (const onError of this.#onError) attempt(() => onError(error));
	}
}
