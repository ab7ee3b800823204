// The in-memory managers that are compared: two published versions of upstream, and this package.

import * as upstream from 'upstream';
import { InMemorySessionManager as UpstreamOld } from 'upstream-0-1';
import * as ours from '../../lib/index.js';
import { readVersions, titlesOf } from './versions.mjs';

/**
 * `floor` is no manager: a loop that enqueues one prepared chunk into the same streams. No implementation can be faster.
 *
 * @typedef {'old' | 'upstream' | 'ours' | 'floor'} Implementation
 */

/**
 * @typedef {object} Manager
 * @property {(id: string, controller: any) => unknown} create
 * @property {(id: string) => unknown} delete
 * @property {(id: string) => Promise<boolean>} has
 * @property {(sessions: string[] | undefined, data: string) => unknown} send
 */

/** @type {Record<'old' | 'upstream' | 'ours', () => Manager>} */
export const managers = {
	old: () => new UpstreamOld(),
	upstream: () => new upstream.InMemoryStreamSessionManager(),
	ours: () => new ours.InMemoryStreamSessionManager(),
};

/** @typedef {ours.InMemoryInfoSessionManager} InfoManager */
/** @typedef {ours.InMemorySubscriptionManager} SubscriptionManager */

/** @type {Record<'upstream' | 'ours', () => InfoManager>} */
export const infoManagers = {
	upstream: () => /** @type {any} */ (new upstream.InMemoryInfoSessionManager()),
	ours: () => new ours.InMemoryInfoSessionManager(),
};

/** @type {Record<'upstream' | 'ours', () => SubscriptionManager>} */
export const subscriptionManagers = {
	upstream: () => /** @type {any} */ (new upstream.InMemorySubscriptionManager()),
	ours: () => new ours.InMemorySubscriptionManager(),
};

/** Names in error messages. @type {Record<Implementation, string>} */
export const titles = titlesOf(readVersions());
