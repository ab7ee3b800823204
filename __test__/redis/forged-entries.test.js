// Entries and numbers that another program has written to Redis do not silence a node.

import assert from 'node:assert/strict';
import { after, before, test as testOf } from 'node:test';

import { RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { addBroadcast, nodes } from '../support/redis-keys.js';
import { newPrefix } from '../support/redis-managers.js';

/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {() => unknown} */ what) => testOf(name, { timeout: 60_000 }, what);
const NODE = 'a'.repeat(20);

describeWithRedis('on Redis', () => {
	/** @type {RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis.end());

	/** Returns a manager with one session, and functions that write to Redis and wait for messages. */
	async function open() {
		const prefix = newPrefix();
		const manager = new RedisStreamSessionManager(redis.url, { prefix });
		await manager.ready();
		/** @type {string[]} */
		const messages = [];
		let arrived = () => {};
		manager.create('a', {
			enqueue(chunk) {
				messages.push(new TextDecoder().decode(chunk));
				arrived();
			},
			close() {},
		});
		await manager.flush();
		return {
			manager,
			messages,
			prefix,
			broadcast: (/** @type {string} */ node, /** @type {string | number} */ number, /** @type {string} */ text) =>
				addBroadcast(redis, prefix, node, number, text),
			async until(/** @type {string} */ text) {
				while (!messages.includes(text)) await new Promise((resolve) => (arrived = () => resolve(undefined)));
			},
		};
	}

	for (const forged of [2 ** 53, 2 ** 53 - 1, 2 ** 50, '18446744073709551615', '18446744073709551616']) {
		test(`an entry with the number ${forged} does not silence the node in whose name it was written`, async () => {
			const { manager, messages, broadcast, until } = await open();
			await broadcast(NODE, 1, 'first');
			await broadcast(NODE, forged, 'forged');
			await broadcast(NODE, 2, 'second');
			await until('second');
			assert.deepEqual(messages, ['first', 'second']);
			const { malformed, gaps, duplicates } = manager.stats().backplane;
			assert.deepEqual({ malformed, gaps, duplicates }, { malformed: 1, gaps: 0, duplicates: 0 });
			await manager.close();
		});
	}

	test('an entry with a high number in the name of this node does not give its sessions to others', async () => {
		const { manager, messages, prefix, broadcast, until } = await open();
		const [own] = await nodes(redis, prefix);
		await broadcast(own, 2 ** 52, 'forged');
		await broadcast(NODE, 1, 'first');
		await until('first');
		assert.deepEqual(messages, ['first']);
		assert.equal(manager.stats().backplane.malformed, 1);
		await manager.close();
	});
});
