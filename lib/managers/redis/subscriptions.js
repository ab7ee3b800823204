// The subscription manager for several machines. It delivers notifications to the subscriptions of this process directly,
// and to other nodes through Redis.

import { Backplane, handled } from '../../backplane/backplane.js';
import { redisSubscriptionOptions } from '../../options/options.js';
import { beginDelivery, RoutedSubscriptionManager } from '../routed-subscriptions.js';

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../../index.js' */
/** @import { BackplaneStats, RedisSubscriptionManagerOptions } from '../../../redis.js' */

export class RedisSubscriptionManager extends RoutedSubscriptionManager {
	#backplane;
	#owner;

	/**
	 * @param {string} url
	 * @param {RedisSubscriptionManagerOptions} [options]
	 */
	constructor(url, options) {
		const className = new.target.name;
		const backplane = new Backplane(redisSubscriptionOptions(url, options, className), className);
		const owner = {};
		super(backplane.membership.registrations, backplane.membership, owner);
		this.#backplane = backplane;
		this.#owner = owner;
	}

	/**
	 * Registers a subscription and acknowledges it. Returns false when its origin and id are registered already.
	 *
	 * @override
	 * @param {Subscription} subscription
	 * @param {SubscriptionCallbacks} callbacks
	 * @returns {Promise<boolean>}
	 */
	create(subscription, callbacks) {
		if (this.#backplane.isClosing) return this.#backplane.closed();
		return super.create(subscription, callbacks);
	}

	/**
	 * Sends a notification to every subscription that it matches. Resolves when Redis has it, or after `commandTimeoutMs`; at
	 * once while Redis cannot be used. Does not wait for callbacks, and ignores their errors, as @tmcp/session-manager-redis
	 * does.
	 *
	 * @override
	 * @param {JSONRPCRequest} notification
	 * @returns {Promise<void>}
	 */
	send(notification) {
		return handled(this.#send(notification));
	}

	/** @param {JSONRPCRequest} notification */
	async #send(notification) {
		const { membership } = this.#backplane;
		await this.#backplane.accepted('send', [notification], () => {
			beginDelivery(notification, membership.registrations, membership).forEach(handled);
		});
		await this.#backplane.published();
	}

	/** Resolves when the other threads of this process and Redis have every notification that this thread has sent. */
	flush() {
		return this.#backplane.flush();
	}

	/** Resolves when this process receives what other nodes send. */
	ready() {
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
	 * Closes one subscription. Without arguments, closes the subscriptions of this manager and the manager; when it is the last
	 * open manager of this process, the process leaves Redis.
	 *
	 * @override
	 * @param {Parameters<RoutedSubscriptionManager['close']> | []} args
	 * @returns {Promise<any>}
	 */
	close(...args) {
		if (args.length === 0) return this.#backplane.close(() => this.#closeOwn());
		if (this.#backplane.isClosed) return Promise.resolve(false);
		const closed = super.close(.../** @type {Parameters<RoutedSubscriptionManager['close']>} */ (args));
		return this.#backplane.tolerated(closed, false);
	}

	/**
	 * Closes all subscriptions of this process, or those of one origin.
	 *
	 * @override
	 * @param {Parameters<RoutedSubscriptionManager['closeAll']>} args
	 * @returns {Promise<void>}
	 */
	async closeAll(...args) {
		if (!this.#backplane.isClosed) await this.#backplane.tolerated(super.closeAll(...args), undefined);
	}

	/** Closes the subscriptions of this manager. */
	#closeOwn() {
		const { registrations } = this.#backplane.membership;
		return registrations.closeEach(registrations.ofOwner(this.#owner), 'cancelled');
	}
}
