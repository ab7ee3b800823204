// The subscription manager for several machines. It delivers notifications to the subscriptions of this process directly,
// and to other nodes through Redis.

import { Backplane, handled } from '../../backplane/backplane.js';
import { redisSubscriptionOptions } from '../../options/options.js';
import { closeHere } from '../abstract/subscriptions.js';
import { RoutedSubscriptionManager } from '../routed-subscriptions.js';

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../../index.js' */
/** @import { BackplaneStats, RedisSubscriptionManagerOptions } from '../../../redis.js' */

export class RedisSubscriptionManager extends RoutedSubscriptionManager {
	#backplane;
	/** True when its subscriptions are closed. */
	#isClosed = false;

	/**
	 * @param {string} url
	 * @param {RedisSubscriptionManagerOptions} [options]
	 */
	constructor(url, options) {
		const className = new.target.name;
		const backplane = new Backplane(redisSubscriptionOptions(url, options, className), className);
		super(backplane.membership.registrations, backplane.membership);
		this.#backplane = backplane;
	}

	/**
	 * Registers a subscription and acknowledges it. Returns false when its origin and id are registered already.
	 *
	 * @override
	 * @param {Subscription} subscription
	 * @param {SubscriptionCallbacks} callbacks
	 * @returns {Promise<boolean>}
	 */
	async create(subscription, callbacks) {
		this.#backplane.checkOpen();
		return super.create(subscription, callbacks);
	}

	/**
	 * Sends a notification to every subscription that it matches.
	 *
	 * @override
	 * @param {JSONRPCRequest} notification
	 * @returns {Promise<void>}
	 */
	send(notification) {
		this.#backplane.checkOpen();
		/** @type {Promise<void> | undefined} */
		let delivered;
		const accepted = this.#backplane.accepted('send', [notification], () => {
			delivered = super.send(notification);
		});
		return handled(both(delivered, accepted));
	}

	/** Resolves when the other threads of this process and Redis have every notification that this thread has sent. */
	flush() {
		this.#backplane.checkOpen();
		return handled(this.#backplane.membership.mailbox.flush());
	}

	/** Resolves when this process receives what other nodes send. */
	ready() {
		this.#backplane.checkOpen();
		return this.#backplane.ready();
	}

	/**
	 * Returns the counters of this process.
	 *
	 * @returns {{ backplane: BackplaneStats }}
	 */
	stats() {
		return { backplane: this.#backplane.stats() };
	}

	/**
	 * Closes one subscription. Without arguments, closes all subscriptions and this manager; when it is the last open manager
	 * of this process, the process leaves Redis. Afterwards `create`, `send`, `flush` and `ready` fail.
	 *
	 * @override
	 * @param {Parameters<RoutedSubscriptionManager['close']> | []} args
	 * @returns {Promise<any>}
	 */
	async close(...args) {
		if (args.length > 0) return super.close(.../** @type {Parameters<RoutedSubscriptionManager['close']>} */ (args));
		if (!this.#isClosed) await super.closeAll();
		this.#isClosed = true;
		await this.#backplane.close();
	}

	/**
	 * Closes the subscriptions of this thread. A `close()` after it does not close those of other threads.
	 *
	 * @override
	 * @param {'closed' | 'cancelled'} reason
	 */
	async [closeHere](reason) {
		await super[closeHere](reason);
		this.#isClosed = true;
	}
}

/**
 * Resolves, without a value, when both promises have resolved.
 *
 * @param {(Promise<void> | undefined)[]} promises
 */
async function both(...promises) {
	await Promise.all(promises);
}
