// Who is tested side by side: upstream is the oracle, ours has to do the same.

import * as native from '@tmcp-native/session-manager';
import * as upstream from 'upstream';
import { InMemorySessionManager as Upstream01 } from 'upstream-0-1';

/** @typedef {InstanceType<typeof native.InMemoryStreamSessionManager>} StreamManager */
/** @typedef {{ name: string, make: () => StreamManager }} Implementation */

/** @type {Implementation[]} */
export const ours = [
	{ name: 'ours', make: () => new native.InMemoryStreamSessionManager() },
	{ name: 'ours, under its name of 0.1', make: () => new native.InMemorySessionManager() },
	{ name: 'ours, without a pool', make: () => new native.InMemoryStreamSessionManager({ pool: false }) },
];

/** @type {Implementation} */
export const upstream03 = {
	name: 'upstream 0.3.0',
	make: () => /** @type {any} */ (new upstream.InMemoryStreamSessionManager()),
};

/** @type {Implementation} */
export const upstream01 = { name: 'upstream 0.1.2', make: () => /** @type {any} */ (new Upstream01()) };

export const infoManagers = {
	ours: { name: 'ours', make: () => new native.InMemoryInfoSessionManager() },
	limited: {
		name: 'ours, with limits that are not reached',
		make: () => new native.InMemoryInfoSessionManager({ maxSessions: 1_000, ttlMs: 3_600_000 }),
	},
	upstream: {
		name: 'upstream 0.3.0',
		make: () =>
			/** @type {InstanceType<typeof native.InMemoryInfoSessionManager>} */ (
				/** @type {any} */ (new upstream.InMemoryInfoSessionManager())
			),
	},
};

export const subscriptionManagers = {
	ours: {
		name: 'ours',
		make: () => new native.InMemorySubscriptionManager(),
		matches: native.matchesSubscription,
	},
	upstream: {
		name: 'upstream 0.3.0',
		make: () =>
			/** @type {InstanceType<typeof native.InMemorySubscriptionManager>} */ (
				/** @type {any} */ (new upstream.InMemorySubscriptionManager())
			),
		matches: /** @type {typeof native.matchesSubscription} */ (upstream.matchesSubscription),
	},
};
