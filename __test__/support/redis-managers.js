// Creates Redis managers for the suites: one server for all tests of a file, and a new prefix for each manager, so that managers
// do not share a hub.

import { after, afterEach, before } from 'node:test';

import { startRedis } from './redis.js';

/** @import { RedisServer } from './redis.js' */

let prefixes = 0;

/** Returns a new prefix. */
export function newPrefix() {
	return `test ${++prefixes}`;
}

/**
 * Starts a server before the tests of the calling suite, and closes the managers after each test.
 *
 * @returns {<Manager>(Class: new (url: string, options: any) => Manager, options?: any) => any} creates a manager
 */
export function managersOnRedis() {
	/** @type {RedisServer | undefined} */
	let redis;
	/** @type {{ close: () => Promise<void> }[]} */
	const made = [];
	before(async () => {
		redis = await startRedis();
	});
	afterEach(() => Promise.all(made.splice(0).map((manager) => manager.close())));
	after(() => redis?.end());
	return (Class, options) => {
		const manager = /** @type {any} */ (new Class(String(redis?.url), { prefix: newPrefix(), ...options }));
		made.push(manager);
		return manager;
	};
}

/**
 * Makes Redis tell the nodes of a prefix that entries for them were removed, which they report with their next heartbeat.
 *
 * @param {RedisServer} redis
 * @param {string} prefix
 * @param {number} count
 */
export async function loseEntries(redis, prefix, count) {
	const inboxes = /** @type {string[]} */ (await redis.command('KEYS', `{${prefix}}:in:*`));
	for (const inbox of inboxes) await redis.command('HINCRBY', inbox.replace(':in:', ':lost:'), 'a'.repeat(20), count);
}
