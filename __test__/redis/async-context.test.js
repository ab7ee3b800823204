// The async context (`AsyncLocalStorage`) of what Redis causes: callbacks run in the context in which they were given, and
// controllers in none.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { after, before, test as testOf } from 'node:test';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { collected } from '../support/garbage.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { loseEntries } from '../support/redis-keys.js';
import { newPrefix } from '../support/redis-managers.js';
import { until } from '../support/until.js';

/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {() => unknown} */ what) => testOf(name, { timeout: 30_000 }, what);
const storage = new AsyncLocalStorage();
const NODE = 'a'.repeat(20);
const TOOLS = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };

describeWithRedis('on Redis', () => {
	/** @type {RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis.end());

	test('what another node causes runs in the context in which it was given, and a controller in none', async () => {
		const prefix = newPrefix();
		/** @type {string[]} */
		const log = [];
		const seen = (/** @type {string} */ name) => void log.push(`${name}: ${storage.getStore()}`);
		const manager = storage.run('first request', () => {
			const callbacks = { onClose: () => seen('onClose'), onGap: () => seen('onGap'), onError: () => seen('onError') };
			return new RedisStreamSessionManager(redis.url, { prefix, heartbeatMs: 20, nodeTtlMs: 60_000, ...callbacks });
		});
		const subscriptions = new RedisSubscriptionManager(redis.url, { prefix });
		// Another spelling of the URL is another node in the same process.
		const other = new RedisStreamSessionManager(`${redis.url}/0`, { prefix });
		const others = new RedisSubscriptionManager(`${redis.url}/0`, { prefix });
		await Promise.all([manager.ready(), other.ready()]);
		await storage.run('second request', () =>
			manager.create('a', { enqueue: () => seen('enqueue'), close: () => seen('close') }),
		);
		// Otherwise the claim of the session may come after the deletion by the other node, and the session stays.
		await manager.flush();
		await storage.run('third request', () =>
			subscriptions.create(
				{ id: 1, origin: 'a', filters: { toolsListChanged: true } },
				{ acknowledge() {}, send: () => seen('send'), close() {} },
			),
		);
		await storage.run('fourth request', async () => {
			await other.send(['a'], 'x');
			await others.send(TOOLS);
			await other.delete('a');
			await loseEntries(redis, prefix, NODE, 9);
		});
		await until(() => log.length >= 5);
		await redis.cutConnections();
		await until(() => log.includes('onError: first request'));
		assert.deepEqual([...new Set(log)].toSorted(), [
			'close: undefined',
			'enqueue: undefined',
			'onClose: first request',
			'onError: first request',
			'onGap: first request',
			'send: third request',
		]);
		await Promise.all([manager.close(), subscriptions.close(), other.close(), others.close()]);
	});

	test('a manager without callbacks does not keep alive the store of the request that created it', async () => {
		for (const Manager of [RedisStreamSessionManager, RedisInfoSessionManager, RedisSubscriptionManager]) {
			const managers = new Set();
			const create = () => {
				const store = { of: 'the first request' };
				managers.add(storage.run(store, () => new Manager(redis.url, { prefix: newPrefix() })));
				return new WeakRef(store);
			};
			await collected(create());
			for (const manager of managers) await manager.close();
		}
	});
});
