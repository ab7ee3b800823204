// The streams of `subscriptions/listen` of this thread, in one hub.
//
// Which registrations a notification is for stands in Rust (`src/subscriptions.rs`), in an index by what they listen to.
// Here are the registrations, by key: what is sent to one is delivered in order, behind its acknowledgement, and one that
// is slow or fails holds up nobody else.

import { changedList, listsAskedFor, updatedResource } from './notifications.js';
import { Registration } from './registration.js';

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../index.js' */
/** @import { NativeSubscriptions } from '../native/binding.js' */

/** Where lookups write the keys they find; no JavaScript but ours runs before they are read. Grows with the largest. */
let found = new Float64Array(64);

export class Registrations {
	/** @type {Map<number, Registration>} */
	#registrations = new Map();
	#native;

	/** @param {NativeSubscriptions} native */
	constructor(native) {
		this.#native = native;
	}

	/**
	 * @param {Subscription} subscription
	 * @param {SubscriptionCallbacks} callbacks
	 * @returns {Registration | undefined} nothing where some thread has one of that name
	 */
	add({ id, origin, filters }, callbacks) {
		// A copy, since the array may be a proxy, which is an array to everybody but Node-API.
		const uris = [...(filters.resourceSubscriptions ?? [])];
		const key = this.#native.create(origin, id, listsAskedFor(filters), uris);
		if (key === 0) return undefined;
		// As a key of a Map, −0 is 0: that is what an overriding `close` is to get.
		const registration = new Registration(key, id === 0 ? 0 : id, origin, callbacks);
		this.#registrations.set(key, registration);
		return registration;
	}

	/**
	 * @param {string} origin
	 * @param {string | number} id
	 */
	find(origin, id) {
		return this.#registrations.get(this.#native.find(origin, id));
	}

	/**
	 * Those of one origin, or all.
	 *
	 * @param {string | undefined} origin
	 */
	of(origin) {
		return this.#lookUp((keys) => this.#native.of(origin, keys));
	}

	/** @param {JSONRPCRequest} notification */
	matching(notification) {
		const [list, uri] = subjectOf(notification);
		return list < 0 && uri === undefined ? [] : this.#lookUp((keys) => this.#native.interested(list, uri, keys));
	}

	/**
	 * Sends to those of other threads.
	 *
	 * @param {JSONRPCRequest} notification
	 * @param {string} json the same
	 * @returns {number} of the answer; 0 where there are none
	 */
	notifyElsewhere(notification, json) {
		const [list, uri] = subjectOf(notification);
		return list < 0 && uri === undefined ? 0 : this.#native.notifyElsewhere(list, uri, json);
	}

	/**
	 * Has one of another thread closed there.
	 *
	 * @param {string} origin
	 * @param {string | number} id
	 * @param {'closed' | 'cancelled'} reason
	 * @returns {number} likewise
	 */
	closeElsewhere(origin, id, reason) {
		return this.#native.endElsewhere(origin, id, reason !== 'closed');
	}

	/**
	 * @param {string | undefined} origin
	 * @param {'closed' | 'cancelled'} reason
	 * @returns {number} likewise
	 */
	closeAllElsewhere(origin, reason) {
		return this.#native.endAllElsewhere(origin, reason !== 'closed');
	}

	/**
	 * @param {Registration} registration
	 * @param {'closed' | 'cancelled'} reason
	 */
	close(registration, reason) {
		return registration.closing ?? registration.close(reason, () => this.forget(registration));
	}

	/** @param {Registration} registration */
	forget({ key }) {
		this.#registrations.delete(key);
		this.#native.remove(key);
	}

	/**
	 * What another thread has sent.
	 *
	 * @param {Float64Array} keys of registrations that are perhaps gone
	 * @param {string} json a notification
	 */
	async deliver(keys, json) {
		const open = this.#withKeys(keys).filter(({ closing }) => closing === undefined);
		/** @type {JSONRPCRequest} */
		const notification = JSON.parse(json);
		await Promise.all(open.map((registration) => registration.deliver(notification)));
	}

	/**
	 * What another thread wants closed.
	 *
	 * @param {Float64Array} keys of registrations that are perhaps gone
	 * @param {'closed' | 'cancelled'} reason
	 */
	async closeByKeys(keys, reason) {
		await Promise.all(this.#withKeys(keys).map((registration) => this.close(registration, reason)));
	}

	/** Closes all: what was sent to them is lost. What their callbacks fail with, nobody hears of. */
	cancelAll() {
		for (const registration of this.#registrations.values()) this.close(registration, 'cancelled').catch(() => {});
	}

	/** @param {Float64Array} keys */
	#withKeys(keys) {
		return Array.from(keys, (key) => this.#registrations.get(key)).filter((registration) => registration !== undefined);
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
}

/**
 * The list it is about, or a negative number and the resource.
 *
 * @param {JSONRPCRequest} notification
 * @returns {[list: number, uri: string | undefined]}
 */
function subjectOf(notification) {
	const list = changedList(notification);
	return [list, list < 0 ? updatedResource(notification) : undefined];
}
