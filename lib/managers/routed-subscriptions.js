// The base class of both subscription managers. It checks the arguments, calls the callbacks of this thread's
// subscriptions, and asks other threads to call those of theirs.

import { invalidArgument } from '../errors.js';
import { toJson } from '../info/json.js';
import { closeHere, SubscriptionManager } from './abstract/subscriptions.js';

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../index.js' */
/** @import { PendingRequests } from '../threads/pending-requests.js' */
/** @import { Registrations } from '../subscriptions/registrations.js' */

export class RoutedSubscriptionManager extends SubscriptionManager {
	/** The subscriptions of this thread. */
	#registrations;
	/** The membership of this thread in a hub that other threads share; `undefined` without one. */
	#membership;
	#owner;

	/**
	 * @param {Registrations} registrations
	 * @param {{ requests: PendingRequests }} [membership]
	 * @param {object} [owner] marks the subscriptions of this manager
	 */
	constructor(registrations, membership, owner) {
		super();
		this.#owner = owner;
		this.#registrations = registrations;
		this.#membership = membership;
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
		checkSubscription(subscription);
		checkCallbacks(callbacks);
		const registration = this.#registrations.add(subscription, callbacks, this.#owner);
		if (registration === undefined) return false;
		try {
			await registration.acknowledge();
		} catch (error) {
			if (registration.closing === undefined) this.#registrations.remove(registration);
			throw error;
		}
		if (registration.closing === undefined) await registration.settled();
		return true;
	}

	/**
	 * Sends a notification to every subscription that it matches.
	 *
	 * @override
	 * @param {JSONRPCRequest} notification
	 * @returns {Promise<void>}
	 */
	async send(notification) {
		const deliveries = beginDelivery(notification, this.#registrations, this.#membership);
		await (deliveries.length > 0 ? allResolved(deliveries) : undefined);
	}

	/**
	 * Closes a subscription. Returns false when it does not exist.
	 *
	 * @override
	 * @param {string | number} id
	 * @param {string} origin
	 * @param {'closed' | 'cancelled'} reason
	 * @returns {Promise<boolean>}
	 */
	async close(id, origin, reason) {
		const registration = this.#registrations.find(origin, id);
		if (registration !== undefined) return this.#registrations.close(registration, reason);
		const closed = this.#membership?.requests.replyTo(this.#registrations.closeElsewhere(origin, id, reason));
		if (closed === undefined) return false;
		await closed;
		return true;
	}

	/**
	 * Closes all subscriptions, or those of one origin.
	 *
	 * @override
	 * @param {string} [origin]
	 * @param {'closed' | 'cancelled'} [reason]
	 * @returns {Promise<void>}
	 */
	async closeAll(origin, reason = 'cancelled') {
		const elsewhere = this.#membership?.requests.replyTo(this.#registrations.closeAllElsewhere(origin, reason));
		const here = this.#registrations
			.ofOrigin(origin)
			.map((registration) => this.close(registration.id, registration.origin, reason));
		await Promise.all(elsewhere === undefined ? here : [...here, elsewhere]);
	}

	/**
	 * Closes the subscriptions of this thread. Those of other threads stay open.
	 *
	 * @param {'closed' | 'cancelled'} reason
	 */
	[closeHere](reason) {
		return this.#registrations.closeEach(this.#registrations.ofOrigin(undefined), reason);
	}
}

/**
 * Sends a notification to the registrations of this thread, and to other threads and nodes.
 *
 * @param {JSONRPCRequest} notification
 * @param {Registrations} registrations
 * @param {{ requests: PendingRequests } | undefined} membership
 * @returns {Promise<unknown>[]} a promise for each registration of this thread that gets it, and one for the other threads of a
 *   scope; they reject with the errors of callbacks
 */
export function beginDelivery(notification, registrations, membership) {
	checkNotification(notification);
	/** @type {Promise<unknown>[]} */
	const deliveries = [];
	if (membership !== undefined) {
		const json = toJson(notification, 'send: "notification"');
		const elsewhere = membership.requests.replyTo(registrations.notifyElsewhere(notification, json));
		if (elsewhere !== undefined) deliveries.push(elsewhere);
	}
	for (const registration of registrations.matching(notification)) {
		if (registration.closing === undefined) deliveries.push(registration.deliver(notification));
	}
	return deliveries;
}

/**
 * Resolves when all promises have resolved, or rejects with the first error. Allocates less than `Promise.all`, which also
 * collects the values. Waits one more microtask, so that `send` settles in the same microtask as in @tmcp/session-manager.
 *
 * @param {Promise<unknown>[]} promises at least one
 * @returns {Promise<void>}
 */
function allResolved(promises) {
	return new Promise((resolve, reject) => {
		let pending = promises.length;
		const onResolved = () => {
			if (--pending === 0) Promise.resolve().then(resolve);
		};
		const onRejected = (/** @type {unknown} */ error) => {
			Promise.resolve().then(() => reject(error));
		};
		for (const promise of promises) promise.then(onResolved, onRejected);
	});
}

/** @param {Subscription} subscription */
function checkSubscription(subscription) {
	const { id, origin, filters } = /** @type {Partial<Subscription>} */ (subscription ?? {});
	if (typeof id !== 'string' && typeof id !== 'number') {
		throw invalidArgument('create: "subscription.id" must be a string or a number', id);
	}
	if (typeof origin !== 'string') throw invalidArgument('create: "subscription.origin" must be a string', origin);
	if (filters === null || typeof filters !== 'object') {
		throw invalidArgument('create: "subscription.filters" must be an object', filters);
	}
	const uris = filters.resourceSubscriptions;
	if (uris != null && !Array.isArray(uris)) {
		throw invalidArgument('create: "subscription.filters.resourceSubscriptions" must be an array of URIs', uris);
	}
}

/** @param {SubscriptionCallbacks} callbacks */
function checkCallbacks(callbacks) {
	for (const name of /** @type {const} */ (['acknowledge', 'send', 'close'])) {
		if (typeof callbacks?.[name] !== 'function') {
			throw invalidArgument(`create: "callbacks" must have the methods acknowledge(), send() and close()`, callbacks);
		}
	}
}

/** @param {JSONRPCRequest} notification */
function checkNotification(notification) {
	if (typeof notification?.method !== 'string') {
		throw invalidArgument('send: "notification" must be an object with a "method"', notification);
	}
}
