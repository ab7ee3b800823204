// Who is measured: upstream's two published generations, this package, and the least that any of them could do.

import { readFileSync } from 'node:fs';
import * as upstream from 'upstream';
import { InMemorySessionManager as UpstreamOld } from 'upstream-0-1';
import * as ours from '../../lib/index.js';

/** @typedef {'old' | 'upstream' | 'ours' | 'floor'} SideName */

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

export const versions = {
	old: versionOf('../../node_modules/upstream-0-1/package.json'),
	upstream: versionOf('../../node_modules/upstream/package.json'),
	ours: versionOf('../../package.json'),
};

/** @type {Record<SideName, string>} */
export const titles = {
	old: `upstream ${versions.old}`,
	upstream: `upstream ${versions.upstream}`,
	ours: `this package ${versions.ours}`,
	floor: 'the floor',
};

/** @param {string} path */
function versionOf(path) {
	return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
}
