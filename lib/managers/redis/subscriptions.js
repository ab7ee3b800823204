// Routes notifications to the streams of `subscriptions/listen` of several machines: those of this process at once, the
// others through Redis.

import { Backplane, handled } from '../../backplane/backplane.js';
import { redisSubscriptionOptions } from '../../options/options.js';
import { RoutedSubscriptionManager } from '../routed-subscriptions.js';

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../../index.js' */
/** @import { BackplaneStats, RedisSubscriptionManagerOptions } from '../../../redis.js' */

export class RedisSubscriptionManager extends RoutedSubscriptionManager {
	#backplane;

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
	 * @override
	 * @param {Subscription} subscription
	 * @param {SubscriptionCallbacks} callbacks
	 * @returns {Promise<boolean>}
	 */
	async create(subscription, callbacks) {
		this.#backplane.check();
		return super.create(subscription, callbacks);
	}

	/**
	 * @override
	 * @param {JSONRPCRequest} notification
	 * @returns {Promise<void>}
	 */
	send(notification) {
		this.#backplane.check();
		const delivered = super.send(notification);
		return handled(both(delivered, this.#backplane.accepted('send', [notification])));
	}

	/** Resolves when all that this thread has sent is with the registrations of this process, and in Redis. */
	flush() {
		this.#backplane.check();
		return handled(this.#backplane.membership.mailbox.flush());
	}

	/** Resolves when what others send reaches this process. */
	ready() {
		this.#backplane.check();
		return this.#backplane.ready();
	}

	/**
	 * What this process does in Redis.
	 *
	 * @returns {{ backplane: BackplaneStats }}
	 */
	stats() {
		return { backplane: this.#backplane.stats() };
	}

	/**
	 * Closes a subscription; or all of this thread, and leaves, where none is named.
	 *
	 * @override
	 * @param {Parameters<RoutedSubscriptionManager['close']> | []} named
	 * @returns {Promise<any>}
	 */
	async close(...named) {
		if (named.length > 0) return super.close(.../** @type {Parameters<RoutedSubscriptionManager['close']>} */ (named));
		if (!this.#isClosed) await super.closeAll();
		this.#isClosed = true;
		await this.#backplane.close();
	}

	#isClosed = false;
}

/** @param {Promise<void>[]} promises */
async function both(...promises) {
	await Promise.all(promises);
}
