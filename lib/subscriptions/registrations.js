// The registrations of one thread in one hub: its streams of `subscriptions/listen`.
//
// Rust has an index of the registrations by their filters (`src/registry/subscriptions.rs`) and finds the keys that a
// notification matches. This file has the registrations by key. Each one receives its notifications in order, after its
// acknowledgement. A callback that is slow or fails delays no other registration.

import { changedList, selectedLists, updatedResource } from './notifications.js';
import { Registration } from './registration.js';

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../index.js' */
/** @import { NativeSubscriptions } from '../native/binding.js' */

/**
 * Lookups write the keys that they find to this array. All managers of the thread share it: no user code runs before the
 * keys are read. It grows when a lookup finds more.
 */
let foundKeys = new Float64Array(64);

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
	 * @param {object} [owner] see {@link ofOwner}
	 * @returns {Registration | undefined} `undefined` when any thread has registered this origin and id already
	 */
	add({ id, origin, filters }, callbacks, owner) {
		// Copies the array: it may be a proxy, which Node-API does not accept as an array.
		const uris = [...(filters.resourceSubscriptions ?? [])];
		const key = this.#native.create(origin, id, selectedLists(filters), uris);
		if (key === 0) return undefined;
		// −0 becomes 0, because an overridden `close` receives this id. In @tmcp/session-manager it is the key of a Map: never −0.
		const registration = new Registration(key, id === 0 ? 0 : id, origin, callbacks, owner);
		this.#registrations.set(key, registration);
		return registration;
	}

	/**
	 * Returns a registration of this thread.
	 *
	 * @param {string} origin
	 * @param {string | number} id
	 */
	find(origin, id) {
		return this.#registrations.get(this.#native.find(origin, id));
	}

	/**
	 * Returns the registrations of one origin, or all of them with `undefined`, in the order of delivery.
	 *
	 * @param {string | undefined} origin
	 */
	ofOrigin(origin) {
		return this.#lookUp((keys) => this.#native.of(origin, keys));
	}

	/**
	 * Returns the registrations that were added for one owner, oldest first.
	 *
	 * @param {object} owner
	 */
	ofOwner(owner) {
		return [...this.#registrations.values()].filter((registration) => registration.owner === owner);
	}

	/**
	 * Returns the registrations that a notification matches, in the order of delivery.
	 *
	 * @param {JSONRPCRequest} notification
	 */
	matching(notification) {
		const [list, uri] = subjectOf(notification);
		return list < 0 && uri === undefined ? [] : this.#lookUp((keys) => this.#native.matching(list, uri, keys));
	}

	/**
	 * Sends a notification to the matching registrations of other threads and to other nodes.
	 *
	 * @param {JSONRPCRequest} notification
	 * @param {string} json the notification as JSON
	 * @returns {number} the request whose reply arrives when the other threads have delivered it; 0 when none has a match
	 */
	notifyElsewhere(notification, json) {
		const [list, uri] = subjectOf(notification);
		return list < 0 && uri === undefined ? 0 : this.#native.notifyElsewhere(list, uri, json);
	}

	/**
	 * Asks the thread that has a registration to close it.
	 *
	 * @param {string} origin
	 * @param {string | number} id
	 * @param {'closed' | 'cancelled'} reason
	 * @returns {number} the request whose reply arrives when it is closed; 0 when no other thread has it
	 */
	closeElsewhere(origin, id, reason) {
		return this.#native.closeElsewhere(origin, id, reason !== 'closed');
	}

	/**
	 * Asks the other threads to close their registrations of one origin, or all of them with `undefined`.
	 *
	 * @param {string | undefined} origin
	 * @param {'closed' | 'cancelled'} reason
	 * @returns {number} the request whose reply arrives when all are closed; 0 when no other thread has one
	 */
	closeAllElsewhere(origin, reason) {
		return this.#native.closeAllElsewhere(origin, reason !== 'closed');
	}

	/**
	 * Closes a registration of this thread and then removes it.
	 *
	 * @param {Registration} registration
	 * @param {'closed' | 'cancelled'} reason
	 */
	close(registration, reason) {
		return registration.closing ?? registration.close(reason, () => this.remove(registration));
	}

	/**
	 * Removes a registration without a call of its callbacks.
	 *
	 * @param {Registration} registration
	 */
	remove({ key }) {
		this.#registrations.delete(key);
		this.#native.remove(key);
	}

	/**
	 * Delivers a notification that another thread or node has sent.
	 *
	 * @param {Float64Array} keys of registrations, some of which may no longer exist
	 * @param {string} json the notification
	 */
	async deliver(keys, json) {
		const open = this.#withKeys(keys).filter(({ closing }) => closing === undefined);
		/** @type {JSONRPCRequest} */
		const notification = JSON.parse(json);
		await Promise.all(open.map((registration) => registration.deliver(notification)));
	}

	/**
	 * Closes registrations as another thread has asked.
	 *
	 * @param {Float64Array} keys of registrations, some of which may no longer exist
	 * @param {'closed' | 'cancelled'} reason
	 */
	closeByKeys(keys, reason) {
		return this.closeEach(this.#withKeys(keys), reason);
	}

	/**
	 * Closes registrations of this thread.
	 *
	 * @param {Registration[]} registrations
	 * @param {'closed' | 'cancelled'} reason
	 */
	async closeEach(registrations, reason) {
		await Promise.all(registrations.map((registration) => this.close(registration, reason)));
	}

	/** Cancels all registrations of this thread. Queued notifications are dropped, and errors of the callbacks are ignored. */
	cancelAll() {
		for (const registration of this.#registrations.values()) this.close(registration, 'cancelled').catch(() => {});
	}

	/** @param {Float64Array} keys */
	#withKeys(keys) {
		return Array.from(keys, (key) => this.#registrations.get(key)).filter((registration) => registration !== undefined);
	}

	/**
	 * @param {(keys: Float64Array) => number} find writes at most `keys.length` keys, and returns how many it has found
	 * @returns {Registration[]} in the order of delivery
	 */
	#lookUp(find) {
		let count = find(foundKeys);
		if (count > foundKeys.length) {
			foundKeys = new Float64Array(count * 2);
			count = find(foundKeys);
		}
		const registrations = [];
		for (let index = 0; index < count; index++) {
			const registration = this.#registrations.get(foundKeys[index]);
			if (registration !== undefined) registrations.push(registration);
		}
		return registrations;
	}
}

/**
 * Returns the subject of a notification: the index of a list, or a negative number and the URI of a resource.
 *
 * @param {JSONRPCRequest} notification
 * @returns {[list: number, uri: string | undefined]}
 */
function subjectOf(notification) {
	const list = changedList(notification);
	return [list, list < 0 ? updatedResource(notification) : undefined];
}
