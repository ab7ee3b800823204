// Counts the sessions that stay on the ordinary way, by reason, and reports each on its diagnostics channel.

import { deliveryFallback } from '../diagnostics.js';

/** @import { FallbackReason } from '../../node.js' */

export class Fallbacks {
	/** @type {Partial<Record<FallbackReason, number>>} */
	#counts = {};

	/**
	 * @param {{ id: string, key: number }} session
	 * @param {FallbackReason} reason
	 */
	add({ id, key }, reason) {
		this.#counts[reason] = (this.#counts[reason] ?? 0) + 1;
		if (deliveryFallback.hasSubscribers) deliveryFallback.publish({ id, key, reason });
	}

	/** Returns the counts of the reasons that have occurred. */
	counts() {
		return { ...this.#counts };
	}
}
