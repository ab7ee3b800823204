// What happens between machines, for those who want to hear of it.

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
		for (const onGap of this.#onGap) attempt(() => onGap(gap));
	}

	/** @param {Error} error */
	error(error) {
		for (const onError of this.#onError) attempt(() => onError(error));
	}
}

/**
 * What a callback throws disturbs nothing: there is nobody to catch it.
 *
 * @param {() => void} callback
 */
function attempt(callback) {
	try {
		callback();
	} catch {}
}
