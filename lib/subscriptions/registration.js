// One stream of `subscriptions/listen`. Calls its callbacks one after another, each when the previous one has settled.

import { captureContext } from '../util/async-context.js';

/** @import { JSONRPCRequest, SubscriptionCallbacks } from '../../index.js' */

export class Registration {
	/** Settles when the stream is closed. `undefined` until `close` is called. @type {Promise<boolean> | undefined} */
	closing;
	/**
	 * Resolves when everything queued so far has settled: to false when the acknowledgement failed, otherwise to true.
	 *
	 * @type {Promise<boolean>}
	 */
	#queueEnd = Promise.resolve(true);
	#callbacks;
	/** Runs a callback in the async context of `create`. */
	#inContext = captureContext();

	/**
	 * @param {number} key identifies the registration in Rust
	 * @param {string | number} id
	 * @param {string} origin
	 * @param {SubscriptionCallbacks} callbacks
	 * @param {object} [owner]
	 */
	constructor(key, id, origin, callbacks, owner) {
		this.key = key;
		this.id = id;
		this.origin = origin;
		this.owner = owner;
		this.#callbacks = callbacks;
	}

	/**
	 * Calls the callback `acknowledge`. Must be called first, and once. Deliveries wait until it has settled, even those
	 * that begin within the callback.
	 *
	 * @returns {Promise<void>} rejects with the error of the callback; queued deliveries are then dropped
	 */
	acknowledge() {
		/** @type {(error: unknown) => void} */
		let reject = () => {};
		/** @type {() => void} */
		let resolve = () => {};
		const acknowledged = /** @type {Promise<void>} */ (
			new Promise((onDone, onFailed) => {
				resolve = onDone;
				reject = onFailed;
			})
		);
		// Set before the callback runs, so that a delivery from within it is queued behind the acknowledgement.
		this.#queueEnd = acknowledged.then(
			() => true,
			() => false,
		);
		try {
			Promise.resolve(this.#callbacks.acknowledge()).then(resolve, reject);
		} catch (error) {
			reject(error);
		}
		return acknowledged;
	}

	/** Resolves when everything queued so far has settled. */
	settled() {
		return this.#queueEnd;
	}

	/**
	 * Queues a call of the callback `send`.
	 *
	 * @param {JSONRPCRequest} notification
	 * @returns {Promise<unknown>} rejects with the error of the callback; later deliveries continue
	 */
	deliver(notification) {
		const delivery = this.#queueEnd.then(async (active) => {
			// A delivery that is still queued when `close` is called is dropped. That is not an error.
			if (active && this.closing === undefined) await this.#inContext(() => this.#callbacks.send(notification));
			return active;
		});
		this.#queueEnd = delivery.catch(() => true);
		return delivery;
	}

	/**
	 * Calls the callback `close` after the current delivery, and drops the queued ones. Must be called once. Stores the
	 * promise that it returns in `closing`.
	 *
	 * @param {'closed' | 'cancelled'} reason
	 * @param {() => void} onClosed called when the callback has settled
	 * @returns {Promise<boolean>}
	 */
	close(reason, onClosed) {
		this.closing = this.#close(reason, onClosed);
		return this.closing;
	}

	/**
	 * @param {'closed' | 'cancelled'} reason
	 * @param {() => void} onClosed
	 */
	async #close(reason, onClosed) {
		try {
			await this.#queueEnd;
			await this.#inContext(() => this.#callbacks.close(reason));
			return true;
		} finally {
			onClosed();
		}
	}
}
