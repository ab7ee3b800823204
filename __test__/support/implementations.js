// The implementations that are tested side by side: upstream's managers are the oracle, and ours must behave the same.

import * as native from '@tmcp-native/session-manager';
import * as upstream from 'upstream';
import { InMemorySessionManager as Upstream01 } from 'upstream-0-1';

import { needsNative } from './native.js';

/** @typedef {InstanceType<typeof native.InMemoryStreamSessionManager>} StreamManager */
/**
 * @typedef {object} Implementation
 * @property {string} name
 * @property {(options?: any) => StreamManager} make
 * @property {boolean} [promises] methods that return nothing return a promise
 * @property {boolean} [slowLists] `send` to a list takes time proportional to sessions × ids
 */

/** @type {Implementation[]} */
export const ours = [
	{ name: 'ours', make: (options) => new native.InMemoryStreamSessionManager(options) },
	{ name: 'ours, under its 0.1 name', make: () => new native.InMemorySessionManager() },
	{ name: 'ours, without a pool', make: () => new native.InMemoryStreamSessionManager({ pool: false }) },
];

/** @type {Implementation} */
export const upstream03 = {
	name: 'upstream 0.3.0',
	make: () => /** @type {any} */ (new upstream.InMemoryStreamSessionManager()),
	// It searches the list for each of its sessions, so a long list takes seconds.
	slowLists: true,
};

/** @type {Implementation} */
export const upstream01 = { name: 'upstream 0.1.2', make: () => /** @type {any} */ (new Upstream01()) };

/** Number of scopes so far; each manager in a scope gets a new one. */
let scopes = 0;

/**
 * @typedef {object} InfoImplementation
 * @property {string} name
 * @property {(options?: any) => InstanceType<typeof native.InMemoryInfoSessionManager>} make
 * @property {boolean} [promises] methods that return nothing return a promise
 * @property {string | false} [skip] why it is skipped
 * @property {boolean} [copies] a getter resolves to a copy of the value that was set, and ids and URIs must be strings
 */

/** @type {Record<'ours' | 'limited' | 'scoped' | 'upstream', InfoImplementation>} */
export const infoManagers = {
	ours: { name: 'ours', make: (options) => new native.InMemoryInfoSessionManager(options) },
	limited: {
		name: 'ours, with limits that are never reached',
		make: () => new native.InMemoryInfoSessionManager({ maxSessions: 1_000, ttlMs: 3_600_000 }),
	},
	scoped: {
		name: 'ours, in a scope',
		copies: true,
		...needsNative,
		make: (options) => new native.InMemoryInfoSessionManager({ scope: `implementation ${scopes++}`, ...options }),
	},
	upstream: {
		name: 'upstream 0.3.0',
		make: () => /** @type {any} */ (new upstream.InMemoryInfoSessionManager()),
	},
};

/** @typedef {InstanceType<typeof native.InMemorySubscriptionManager>} SubscriptionManager */
/**
 * @typedef {object} SubscriptionImplementation
 * @property {string} name
 * @property {typeof native.InMemorySubscriptionManager} Manager
 * @property {(Class?: typeof native.InMemorySubscriptionManager) => SubscriptionManager} make creates an instance of
 *   `Manager`, or of a class that extends it
 * @property {typeof native.matchesSubscription} matches
 * @property {string | false} [skip] why it is skipped
 * @property {boolean} [sendsThroughBroker] `send` resolves when the broker has the notification; it does not wait for
 *   callbacks, and does not reject with their errors
 * @property {boolean} [rereadsFilters] `send` reads the filters of a subscription again, so later changes count
 */

const { InMemorySubscriptionManager, matchesSubscription } = native;
const UpstreamSubscriptionManager = /** @type {typeof InMemorySubscriptionManager} */ (
	/** @type {any} */ (upstream.InMemorySubscriptionManager)
);

/** @type {Record<'ours' | 'scoped' | 'upstream', SubscriptionImplementation>} */
export const subscriptionManagers = {
	ours: {
		name: 'ours',
		Manager: InMemorySubscriptionManager,
		make: (Class = InMemorySubscriptionManager) => new Class(),
		matches: matchesSubscription,
	},
	scoped: {
		name: 'ours, alone in a scope',
		...needsNative,
		Manager: InMemorySubscriptionManager,
		make: (Class = InMemorySubscriptionManager) => new Class({ scope: `alone ${++scopes}` }),
		matches: matchesSubscription,
	},
	upstream: {
		name: 'upstream 0.3.0',
		Manager: UpstreamSubscriptionManager,
		make: (Class = UpstreamSubscriptionManager) => new Class(),
		matches: /** @type {any} */ (upstream.matchesSubscription),
		rereadsFilters: true,
	},
};
