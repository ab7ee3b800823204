// Routes notifications to the streams of MCP's `subscriptions/listen`, for the registrations of one manager.
//
// Which registrations a notification is for stands in Rust (`src/subscriptions.rs`), in an index by what they listen to.
// Here are the registrations, by key: what is sent to one is delivered in order, behind its acknowledgement, and one that
// is slow or fails holds up nobody else.

import { whenCollected } from './collected.js';
import { invalidArgument } from './errors.js';
import { openSubscriptions } from './native.js';
import { changedList, listsAskedFor, updatedResource } from './notifications.js';
import { Registration } from './registration.js';
import { SubscriptionManager } from './subscription-manager.js';

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../index.js' */

/** Where lookups write the keys they find; no JavaScript but ours runs before they are read. Grows with the largest. */
let found = new Float64Array(64);

export class InMemorySubscriptionManager extends SubscriptionManager {
	#native = openSubscriptions();
	/** @type {Map<number, Registration>} */
	#registrations = new Map();

	constructor() {
		super();
		whenCollected(this, this.#native.leave);
	}

	/**
	 * @override
	 * @param {Subscription} subscription
	 * @param {SubscriptionCallbacks} callbacks
	 * @returns {Promise<boolean>}
	 */
	async create(subscription, callbacks) {
		checkSubscription(subscription);
		checkCallbacks(callbacks);
		const { id, origin, filters } = subscription;
		// A copy, since the array may be a proxy, which is an array to everybody but Node-API.
		const uris = [...(filters.resourceSubscriptions ?? [])];
		const key = this.#native.create(origin, id, listsAskedFor(filters), uris);
		if (key === 0) return false;
		// As a key of a Map, −0 is 0: that is what an overriding `close` is to get.
		const registration = new Registration(id === 0 ? 0 : id, origin, callbacks);
		this.#registrations.set(key, registration);
		try {
			await registration.acknowledge();
		} catch (error) {
			if (registration.closing === undefined) this.#forget(key);
			throw error;
		}
		if (registration.closing === undefined) await registration.settled();
		return true;
	}

	/**
	 * @override
	 * @param {JSONRPCRequest} notification
	 * @returns {Promise<void>}
	 */
	async send(notification) {
		checkNotification(notification);
		const deliveries = [];
		for (const registration of this.#listeningTo(notification)) {
			if (registration.closing === undefined) deliveries.push(registration.deliver(notification));
		}
		await (deliveries.length > 0 ? allOf(deliveries) : undefined);
	}

	/**
	 * @override
	 * @param {string | number} id
	 * @param {string} origin
	 * @param {'closed' | 'cancelled'} reason
	 * @returns {Promise<boolean>}
	 */
	async close(id, origin, reason) {
		const key = this.#native.find(origin, id);
		const registration = this.#registrations.get(key);
		if (registration === undefined) return false;
		return registration.closing ?? registration.close(reason, () => this.#forget(key));
	}

	/**
	 * @override
	 * @param {string} [origin]
	 * @param {'closed' | 'cancelled'} [reason]
	 * @returns {Promise<void>}
	 */
	async closeAll(origin, reason = 'cancelled') {
		const open = this.#lookUp((keys) => this.#native.of(origin, keys));
		await Promise.all(open.map((registration) => this.close(registration.id, registration.origin, reason)));
	}

	/** @param {JSONRPCRequest} notification */
	#listeningTo(notification) {
		const list = changedList(notification);
		if (list >= 0) return this.#lookUp((keys) => this.#native.listeningTo(list, keys));
		const uri = updatedResource(notification);
		return uri === undefined ? [] : this.#lookUp((keys) => this.#native.subscribedTo(uri, keys));
	}

	/**
	 * @param {(keys: Float64Array) => number} find writes as many keys as there is room for, and returns how many there are
	 * @returns {Registration[]} in the order of delivery
	 */
	#lookUp(find) {
		let count = find(found);
		if (count > found.length) {
			found = new Float64Array(count * 2);
			count = find(found);
		}
		const registrations = [];
		for (let index = 0; index < count; index++) {
			const registration = this.#registrations.get(found[index]);
			if (registration !== undefined) registrations.push(registration);
		}
		return registrations;
	}

	/** @param {number} key */
	#forget(key) {
		this.#registrations.delete(key);
		this.#native.remove(key);
	}
}

/**
 * `Promise.all` for those who want no values: it makes less of each. A turn is added at the end, so that all is settled
 * just when upstream's is.
 *
 * @param {Promise<unknown>[]} promises at least one
 * @returns {Promise<void>}
 */
function allOf(promises) {
	return new Promise((resolve, reject) => {
		let left = promises.length;
		const done = () => {
			if (--left === 0) Promise.resolve().then(resolve);
		};
		const failed = (/** @type {unknown} */ error) => {
			Promise.resolve().then(() => reject(error));
		};
		for (const promise of promises) promise.then(done, failed);
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
