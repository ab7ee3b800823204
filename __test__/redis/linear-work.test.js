// The work of a call does not grow with what waits or with what a session watches. Operations are counted at two sizes.

import assert from 'node:assert/strict';
import { after, before, test as testOf } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { RedisInfoSessionManager, RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';

import { countCalls } from '../support/count-calls.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { newPrefix } from '../support/redis-managers.js';
import { fakeController } from '../support/streams.js';

/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {() => unknown} */ what) => testOf(name, { timeout: 60_000 }, what);

describeWithRedis('on Redis', () => {
	/** @type {RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis.end());

	test('an onClose that calls delete does the same work for each session that another node has deleted', async () => {
		const perSession = [];
		for (const size of [100, 1_000]) {
			const prefix = newPrefix();
			let closed = 0;
			/** @type {(value?: unknown) => void} */
			let allClosed = () => {};
			const done = new Promise((resolve) => {
				allClosed = resolve;
			});
			const manager = new RedisStreamSessionManager(redis.url, {
				prefix,
				onClose(id) {
					manager.delete(id);
					if (++closed === size) allClosed();
				},
			});
			// Another spelling of the URL is another node in the same process.
			const other = new RedisStreamSessionManager(`${redis.url}/0`, { prefix });
			await Promise.all([manager.ready(), other.ready()]);
			for (let id = 0; id < size; id++) manager.create(`${id}`, fakeController());
			await manager.flush();
			const lookups = await countCalls(Map.prototype, 'get', async () => {
				for (let id = 0; id < size; id++) other.delete(`${id}`);
				await done;
			});
			perSession.push(lookups / size);
			await Promise.all([manager.close(), other.close()]);
		}
		const [few, many] = perSession;
		assert.ok(many <= few * 1.5, `${few} and ${many} lookups per session`);
	});

	test('an access to a session never extends more than a few hundred URIs in one call of Redis, and all of them in the end', async () => {
		for (const size of [2_000, 8_000]) {
			const prefix = newPrefix();
			// A touch is due when a quarter of `ttlMs` has passed. PEXPIRE makes it due at once.
			const info = new RedisInfoSessionManager(redis.url, { prefix, ttlMs: 1_000_000 });
			await info.ready();
			await Promise.all(Array.from({ length: size }, (_, uri) => info.addSubscription('a', `${uri}`)));
			const watchers = (/** @type {number} */ uri) => `{${prefix}}:watchers:${uri}`;
			const uris = Array.from({ length: size }, (_, uri) => watchers(uri));
			await redis.command('EVAL', EXPIRE_ALL, uris.length, ...uris, 500_000);
			await redis.command('PEXPIRE', `{${prefix}}:watching:a`, 500_000);
			await redis.command('CONFIG', 'RESETSTAT');
			assert.deepEqual(await info.getSubscriptions('0'), ['a']);
			await assert.rejects(info.getLogLevel('a'), /not found/i);
			while ((await redis.command('EVAL', COUNT_EXTENDED, uris.length, ...uris, 500_000)) < size) await turn();
			const { pexpire, evalsha, sscan } = await redis.commandCounts();
			assert.ok(pexpire >= size && pexpire <= size + 20, `${pexpire} extensions for ${size} URIs`);
			assert.ok(sscan >= size / 700 && sscan <= evalsha, `${sscan} scans, ${evalsha} calls`);
			await info.close();
		}
	});

	test('deleting a session never removes it from more than a few hundred watchers in one call of Redis, and from all of them in the end', async () => {
		for (const size of [2_000, 8_000]) {
			const prefix = newPrefix();
			const info = new RedisInfoSessionManager(redis.url, { prefix });
			await info.ready();
			const uris = Array.from({ length: size }, (_, uri) => `${uri}`);
			const id = 'a \ud83d';
			await Promise.all(uris.map((uri) => info.addSubscription(id, uri)));
			await info.addSubscription('b', '0');
			await redis.command('CONFIG', 'RESETSTAT');
			await info.delete(id);
			// It does not count as a watcher at once, and may watch again before it is removed from all URIs.
			assert.deepEqual(await Promise.all(uris.slice(-5).map((uri) => info.getSubscriptions(uri))), [
				[],
				[],
				[],
				[],
				[],
			]);
			await info.addSubscription(id, '0');
			assert.deepEqual(await info.getSubscriptions('0'), ['b', id]);
			const left = async () => (await redis.command('KEYS', `{${prefix}}:watchers:*`)).length;
			while ((await left()) > 1) await turn();
			while ((await redis.command('KEYS', `{${prefix}}:forgotten:*`)).length > 0) await turn();
			const { sscan, zrem } = await redis.commandCounts();
			assert.ok(sscan >= size / 700 && sscan <= size / 300, `${sscan} scans`);
			assert.ok(zrem >= size - 1 && zrem <= size + 10, `${zrem} removals of ${size} watchers`);
			assert.deepEqual(await info.getSubscriptions('0'), ['b', id]);
			await info.close();
		}
	});
});

const EXPIRE_ALL = "for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end";
const COUNT_EXTENDED = `local extended = 0
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) > tonumber(ARGV[1]) then extended = extended + 1 end
end
return extended`;
