// The callbacks of Redis managers: how long they are called and kept, and what a call from a callback changes.

import assert from 'node:assert/strict';
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
import { fakeController } from '../support/streams.js';

/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {() => unknown} */ what) => testOf(name, { timeout: 30_000 }, what);
const MANAGERS = [RedisStreamSessionManager, RedisInfoSessionManager, RedisSubscriptionManager];
const NODE = 'a'.repeat(20);

/** Returns a manager whose Redis is not reachable, and whose queue soon refuses messages. */
const refusing = () =>
	new RedisStreamSessionManager('redis://127.0.0.1:1', {
		prefix: newPrefix(),
		onUnavailable: 'reject',
		maxPendingBytes: 4_000,
		commandTimeoutMs: 50,
	});

describeWithRedis('on Redis', () => {
	/** @type {RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis.end());

	for (const Manager of MANAGERS) {
		test(`${Manager.name} calls onGap and onError until it is closed, also while another manager stays open`, async () => {
			const prefix = newPrefix();
			/** @type {string[]} */
			const calls = [];
			/** @param {string} name */
			const callbacks = (name) => ({
				onGap: () => void calls.push(`${name}: gap`),
				onError: () => void calls.push(`${name}: error`),
			});
			/** @type {() => void} */
			let reported = () => {};
			const shared = () => void calls.push('shared');
			const stays = new RedisStreamSessionManager(redis.url, {
				prefix,
				heartbeatMs: 20,
				nodeTtlMs: 60_000,
				onGap() {
					calls.push('stays: gap');
					reported();
				},
			});
			const sharing = new RedisStreamSessionManager(redis.url, { prefix, onGap: shared });
			const closed = new Manager(redis.url, { prefix, ...callbacks('closed') });
			const alsoSharing = new Manager(redis.url, { prefix, onGap: shared });
			await stays.ready();
			const gap = async () => {
				calls.length = 0;
				const seen = new Promise((resolve) => {
					reported = () => resolve(undefined);
				});
				// In a server, the listener keeps the event loop awake. Without anything that does, Bun may sleep on.
				const awake = setInterval(() => {}, 50);
				await loseEntries(redis, prefix, NODE, 1);
				await seen;
				clearInterval(awake);
				return calls.toSorted();
			};
			assert.deepEqual(await gap(), ['closed: gap', 'shared', 'stays: gap']);
			await closed.close();
			await alsoSharing.close();
			assert.deepEqual(await gap(), ['shared', 'stays: gap']);
			await sharing.close();
			assert.deepEqual(await gap(), ['stays: gap']);
			await stays.close();
		});
	}

	test('the callbacks of closed managers are garbage collected while another manager stays open', async () => {
		const prefix = newPrefix();
		const stays = new RedisStreamSessionManager(redis.url, { prefix });
		const open = async (/** @type {any} */ Manager) => {
			const onGap = () => {};
			const onError = () => {};
			await new Manager(redis.url, { prefix, onGap, onError }).close();
			return [new WeakRef(onGap), new WeakRef(onError)];
		};
		const references = (await Promise.all(MANAGERS.map(open))).flat();
		for (const reference of references) await collected(reference);
		await stays.close();
	});

	for (const nested of ['send', 'delete', 'create']) {
		test(`a ${nested} from within enqueue does not take the refusal of the send around it`, async () => {
			const manager = refusing();
			/** @type {Promise<void> | undefined} */
			let inner;
			manager.create('a', {
				enqueue() {
					if (nested === 'send') inner = manager.send(['b'], 'x');
					else if (nested === 'delete') inner = manager.delete('b');
					else inner = manager.create('b', fakeController());
				},
				close() {},
			});
			manager.create('b', fakeController());
			const outer = manager.send(undefined, 'too long'.repeat(1_000));
			await assert.rejects(outer, { code: 'ERR_BACKPLANE_UNAVAILABLE', message: /maxPendingBytes/ });
			assert.equal(await inner, undefined);
			await manager.close();
		});
	}

	test('a refused send from within enqueue does not reject the send around it', async () => {
		const manager = refusing();
		/** @type {Promise<void> | undefined} */
		let inner;
		manager.create('a', {
			enqueue() {
				inner = manager.send(['elsewhere'], 'too long'.repeat(1_000));
			},
			close() {},
		});
		assert.equal(await manager.send(['a'], 'x'), undefined);
		await assert.rejects(async () => inner, { code: 'ERR_BACKPLANE_UNAVAILABLE' });
		await manager.close();
	});
});
