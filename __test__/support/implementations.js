// Who is tested side by side: upstream is the oracle, ours has to do the same.

import * as native from '@tmcp-native/session-manager';
import * as upstream from 'upstream';
import { InMemorySessionManager as Upstream01 } from 'upstream-0-1';

/** @typedef {InstanceType<typeof native.InMemoryStreamSessionManager>} StreamManager */
/**
 * @typedef {object} Implementation
 * @property {string} name
 * @property {(options?: any) => StreamManager} make
 * @property {boolean} [promises] what returns nothing returns a promise of it
 * @property {boolean} [slowLists] a send to a list takes time for each session and id of the list
 */

/** @type {Implementation[]} */
export const ours = [
	{ name: 'ours', make: (options) => new native.InMemoryStreamSessionManager(options) },
	{ name: 'ours, under its name of 0.1', make: () => new native.InMemorySessionManager() },
	{ name: 'ours, without a pool', make: () => new native.InMemoryStreamSessionManager({ pool: false }) },
];

/** @type {Implementation} */
export const upstream03 = {
	name: 'upstream 0.3.0',
	make: () => /** @type {any} */ (new upstream.InMemoryStreamSessionManager()),
	// It looks each of its sessions up in the list, so that a long one takes it seconds.
	slowLists: true,
};

/** @type {Implementation} */
export const upstream01 = { name: 'upstream 0.1.2', make: () => /** @type {any} */ (new Upstream01()) };

/** How many scopes there have been. */
let scopes = 0;

/**
 * @typedef {object} InfoImplementation
 * @property {string} name
 * @property {(options?: any) => InstanceType<typeof native.InMemoryInfoSessionManager>} make
 * @property {boolean} [promises] what returns nothing returns a promise of it
 * @property {boolean} [copies] what a getter resolves to is equal to what was set, and not the same; and ids and URIs are
 *   strings
 */

/** @type {Record<'ours' | 'limited' | 'scoped' | 'upstream', InfoImplementation>} */
export const infoManagers = {
	ours: { name: 'ours', make: (options) => new native.InMemoryInfoSessionManager(options) },
	limited: {
		name: 'ours, with limits that are not reached',
		make: () => new native.InMemoryInfoSessionManager({ maxSessions: 1_000, ttlMs: 3_600_000 }),
	},
	scoped: {
		name: 'ours, in a scope',
		copies: true,
		make: (options) => new native.InMemoryInfoSessionManager({ scope: `an implementation ${scopes++}`, ...options }),
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
 * @property {(Class?: typeof native.InMemorySubscriptionManager) => SubscriptionManager} make one of `Manager`, or of a class
 *   that extends it
 * @property {typeof native.matchesSubscription} matches
 * @property {boolean} [readsAgain] what becomes of a subscription after `create` matters
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
		Manager: InMemorySubscriptionManager,
		make: (Class = InMemorySubscriptionManager) => new Class({ scope: `alone ${++scopes}` }),
		matches: matchesSubscription,
	},
	upstream: {
		name: 'upstream 0.3.0',
		Manager: UpstreamSubscriptionManager,
		make: (Class = UpstreamSubscriptionManager) => new Class(),
		matches: /** @type {any} */ (upstream.matchesSubscription),
		readsAgain: true,
	},
};
