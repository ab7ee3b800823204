// The Redis managers that are compared: upstream's as far as it works, three that are written for this benchmark, and ours, also
// as it was at an earlier commit.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readVersions, redisTitlesOf } from '../harness/versions.mjs';

/**
 * `pubSub` has a channel per session, `singleChannel` one for all messages, and `streamsAdapter` is that of socket.io; see their
 * files. `before` is this package at an earlier commit.
 *
 * @typedef {'upstream' | 'pubSub' | 'singleChannel' | 'streamsAdapter' | 'before' | 'ours'} RedisImplementation
 */

/** Those of the rows about two or three nodes. @typedef {Exclude<RedisImplementation, 'streamsAdapter' | 'before'>} FewNodes */

/**
 * What a node process runs. `threadWakeup` only wakes a thread (thread-wakeup.mjs); the floor has no manager.
 *
 * @typedef {RedisImplementation | 'threadWakeup' | 'floor'} NodeKind
 */

/**
 * @typedef {object} Manager
 * @property {(id: string, controller: ReadableStreamDefaultController) => unknown} create
 * @property {(id: string) => unknown} delete
 * @property {(id: string) => Promise<boolean>} has
 * @property {(sessions: string[] | undefined, data: string) => unknown} send
 * @property {() => Promise<unknown>} [ready] resolves when messages of other nodes arrive here
 * @property {() => Promise<unknown>} [flush] resolves when Redis has what was sent
 * @property {() => Promise<unknown>} [close]
 */

/** Implementations of every cell. @type {Exclude<FewNodes, 'singleChannel'>[]} */
export const IMPLEMENTATIONS = ['upstream', 'pubSub', 'ours'];
/** With `singleChannel`, which shows the cost of messages for other nodes. @type {FewNodes[]} */
export const IMPLEMENTATIONS_OF_TRAFFIC = ['upstream', 'pubSub', 'singleChannel', 'ours'];

/**
 * Returns the implementations that can deliver to that target. Upstream's finds the sessions of a broadcast by keys that
 * expire after 10 s; see upstream-failures.mjs.
 *
 * @param {'one' | 'all'} kind of target
 */
export function implementationsFor(kind) {
	return kind === 'all' ? IMPLEMENTATIONS.filter((implementation) => implementation !== 'upstream') : IMPLEMENTATIONS;
}

/**
 * Each loads its packages only when it is used: a process has one of them. `index` is the number of the node in its process, and
 * `folder` that of the package at the earlier commit.
 *
 * @type {Record<NodeKind, (url: string, index: number, folder: string) => Promise<Manager | undefined>>}
 */
export const managers = {
	async upstream(url) {
		const { RedisStreamSessionManager } = await import('@tmcp/session-manager-redis');
		return new RedisStreamSessionManager(url);
	},
	async pubSub(url) {
		const { PubSubSessionManager } = await import('./pub-sub-manager.mjs');
		return new PubSubSessionManager(url);
	},
	async singleChannel(url) {
		const { SingleChannelSessionManager } = await import('./single-channel-manager.mjs');
		return new SingleChannelSessionManager(url);
	},
	async streamsAdapter(url) {
		const { StreamsAdapterSessionManager } = await import('./streams-adapter-manager.mjs');
		return new StreamsAdapterSessionManager(url);
	},
	async before(url, index, folder) {
		const { RedisStreamSessionManager } = await import(pathToFileURL(join(folder, 'lib', 'redis.js')).href);
		return new RedisStreamSessionManager(ownUrl(url, index));
	},
	async ours(url, index) {
		const { RedisStreamSessionManager } = await import('../../lib/redis.js');
		return new RedisStreamSessionManager(ownUrl(url, index));
	},
	threadWakeup: async () => (await import('./thread-wakeup.mjs')).wakingManager(),
	floor: async () => undefined,
};

/**
 * Returns another spelling of the URL for each node of a process. Managers with the same URL share one node.
 *
 * @param {string} url
 * @param {number} index
 */
function ownUrl(url, index) {
	if (index === 0) return url;
	const { host, pathname } = new URL(url);
	return `redis://${host}/${'0'.repeat(index)}${pathname.slice(1)}`;
}

/** Names in error messages. @type {Record<RedisImplementation | 'threadWakeup', string>} */
export const titles = redisTitlesOf(readVersions());
