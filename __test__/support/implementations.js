// Who is tested side by side: upstream is the oracle, ours has to do the same.

import { InMemorySessionManager, InMemoryStreamSessionManager } from '@tmcp-native/session-manager';
import { InMemoryStreamSessionManager as Upstream03 } from 'upstream';
import { InMemorySessionManager as Upstream01 } from 'upstream-0-1';

/** @typedef {{ name: string, make: () => InstanceType<typeof InMemoryStreamSessionManager> }} Implementation */

/** @type {Implementation[]} */
export const ours = [
	{ name: 'ours', make: () => new InMemoryStreamSessionManager() },
	{ name: 'ours, under its name of 0.1', make: () => new InMemorySessionManager() },
	{ name: 'ours, without a pool', make: () => new InMemoryStreamSessionManager({ pool: false }) },
];

/** @type {Implementation} */
export const upstream03 = { name: 'upstream 0.3.0', make: () => /** @type {any} */ (new Upstream03()) };

/** @type {Implementation} */
export const upstream01 = { name: 'upstream 0.1.2', make: () => /** @type {any} */ (new Upstream01()) };
