// Who is measured between machines: upstream's Redis manager, as far as it works, the one that is written for this, and ours.

import { readFileSync } from 'node:fs';
import { versions } from '../harness/implementations.mjs';

/** @typedef {'upstream' | 'pubSub' | 'plain' | 'ours'} RedisSide */
/** @typedef {RedisSide | 'wake' | 'floor'} Player also what is no manager: see wake.mjs; the floor does nothing */

/**
 * @typedef {object} Manager
 * @property {(id: string, controller: ReadableStreamDefaultController) => unknown} create
 * @property {(id: string) => unknown} delete
 * @property {(id: string) => Promise<boolean>} has
 * @property {(sessions: string[] | undefined, data: string) => unknown} send
 * @property {() => Promise<unknown>} [ready] resolves once what others send arrives here
 * @property {() => Promise<unknown>} [flush] resolves once Redis has what was sent
 * @property {() => Promise<unknown>} [close]
 * @property {() => any} [stats]
 */

/** @typedef {Exclude<RedisSide, 'plain'>} SideOfAll of all that is measured */

/** @type {SideOfAll[]} */
export const SIDES = ['upstream', 'pubSub', 'ours'];
/** With the one that shows what a message is to a node it is not for. @type {RedisSide[]} */
export const SIDES_OF_TRAFFIC = ['upstream', 'pubSub', 'plain', 'ours'];

/**
 * Upstream's finds those that a broadcast is for by keys that it lets expire after 10 s: see faults.mjs.
 *
 * @param {'one' | 'everyone'} kind of target
 */
export function sidesFor(kind) {
	return kind === 'everyone' ? SIDES.filter((side) => side !== 'upstream') : SIDES;
}

/**
 * Each loads what it needs by itself: a process has one of them.
 *
 * @type {Record<Player, (url: string) => Promise<Manager | undefined>>}
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
	async plain(url) {
		const { PlainSessionManager } = await import('./single-channel-manager.mjs');
		return new PlainSessionManager(url);
	},
	async ours(url) {
		const { RedisStreamSessionManager } = await import('../../lib/redis.js');
		return new RedisStreamSessionManager(url);
	},
	wake: async () => (await import('./thread-wakeup.mjs')).wakingManager(),
	floor: async () => undefined,
};

/** @type {Record<RedisSide | 'wake', string>} */
export const titles = {
	upstream: `session-manager-redis ${versionOf('../node_modules/@tmcp/session-manager-redis/package.json')}`,
	pubSub: `pub/sub in JS (redis ${versionOf('../node_modules/redis/package.json')})`,
	plain: 'one channel in JS',
	ours: `this package ${versions.ours}`,
	wake: 'waking a thread',
};

/** @param {string} path */
function versionOf(path) {
	return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
}
