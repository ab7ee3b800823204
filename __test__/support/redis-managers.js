// The Redis managers as the suites make them: on a server for all tests of a file, each with a prefix of its own, so that it
// knows nothing of those before it.

import { after, afterEach, before } from 'node:test';

import { startRedis } from './redis.js';

/** @import { RedisServer } from './redis.js' */

let prefixes = 0;

/** A prefix that no manager has had yet. */
export function newPrefix() {
	return `test ${++prefixes}`;
}

/**
 * Has a server started before the tests of the suite that calls it, and what they make closed behind each.
 *
 * @returns {<Manager>(Class: new (url: string, options: any) => Manager, options?: any) => any} makes a manager
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
