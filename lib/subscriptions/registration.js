// One stream of `subscriptions/listen`: its callbacks, called one after the other.

/** @import { JSONRPCRequest, SubscriptionCallbacks } from '../../index.js' */

export class Registration {
	/** Settles when the stream is closed; `undefined` until it is pending to close. @type {Promise<boolean> | undefined} */
	closing;
	/** Settles behind what is queued, with whether the stream was acknowledged. @type {Promise<boolean>} */
	#last = Promise.resolve(true);
	#callbacks;

	/**
	 * @param {number} key what Rust knows it by
	 * @param {string | number} id
	 * @param {string} origin
	 * @param {SubscriptionCallbacks} callbacks
	 */
	constructor(key, id, origin, callbacks) {
		this.key = key;
		this.id = id;
		this.origin = origin;
		this.#callbacks = callbacks;
	}

	/**
	 * To be called first, and once. Whatever is delivered meanwhile, from within the callback even, waits behind it.
	 *
	 * @returns {Promise<void>} rejects with what the callback failed with; what is queued is then dropped
	 */
	acknowledge() {
		/** @type {(error: unknown) => void} */
		let failed = () => {};
		/** @type {() => void} */
		let done = () => {};
		const acknowledged = /** @type {Promise<void>} */ (
			new Promise((resolve, reject) => {
				done = resolve;
				failed = reject;
			})
		);
		this.#last = acknowledged.then(
			() => true,
			() => false,
		);
		try {
			Promise.resolve(this.#callbacks.acknowledge()).then(done, failed);
		} catch (error) {
			failed(error);
		}
		return acknowledged;
	}

	/** Settles when all that is queued now is delivered. */
	settled() {
		return this.#last;
	}

	/**
	 * @param {JSONRPCRequest} notification
	 * @returns {Promise<unknown>} rejects with what the callback failed with; what is queued behind it is still delivered
	 */
	deliver(notification) {
		const delivery = this.#last.then(async (active) => {
			// Asked to close in the meantime: dropped, and no failure.
			if (active && this.closing === undefined) await this.#callbacks.send(notification);
			return active;
		});
		this.#last = delivery.catch(() => true);
		return delivery;
	}

	/**
	 * Behind the delivery under way. To be called once; what it returns is `closing` from then on.
	 *
	 * @param {'closed' | 'cancelled'} reason
	 * @param {() => void} closed called when it is closed, or has failed to
	 * @returns {Promise<boolean>}
	 */
	close(reason, closed) {
		this.closing = this.#close(reason, closed);
		return this.closing;
	}

	/**
	 * @param {'closed' | 'cancelled'} reason
	 * @param {() => void} closed
	 */
	async #close(reason, closed) {
		try {
			await this.#last;
			await this.#callbacks.close(reason);
			return true;
		} finally {
			closed();
		}
	}
}
