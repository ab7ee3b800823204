// Redis refuses writes: its memory is full, it is a replica, or it has too few replicas. Nodes still read and stay alive, and send
// what waits when Redis accepts writes again.

import assert from 'node:assert/strict';
import { test as testOf } from 'node:test';

import { RedisInfoSessionManager, RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { addBroadcast } from '../support/redis-keys.js';
import { newPrefix } from '../support/redis-managers.js';
import { text } from '../support/streams.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {(t: TestContext) => unknown} */ what) =>
	testOf(name, { timeout: 60_000 }, what);

const NODE_TTL_MS = 1_000;

/**
 * Makes Redis hold more than its memory limit allows.
 *
 * @param {RedisServer} redis
 */
async function fill(redis) {
	await redis.command('SET', 'filler', 'x'.repeat(8 * 2 ** 20));
	const used = /^used_memory:(\d+)/m.exec(await redis.command('INFO', 'memory'))?.[1];
	await redis.command('CONFIG', 'SET', 'maxmemory', Number(used) - 4 * 2 ** 20);
}

/**
 * Removes what {@link fill} has stored.
 *
 * @param {RedisServer} redis
 */
async function empty(redis) {
	await redis.command('DEL', 'filler');
}

/** Returns true when a script may write. @param {RedisServer} redis */
function writesInScript(redis) {
	return redis.command('EVAL', "return redis.call('SET', KEYS[1], '')", 1, 'written by a script').then(
		() => true,
		() => false,
	);
}

/** How Redis comes to refuse writes, and to accept them again. */
const REFUSALS = {
	OOM: { begin: fill, end: empty },
	NOREPLICAS: {
		begin: (/** @type {RedisServer} */ redis) => redis.command('CONFIG', 'SET', 'min-replicas-to-write', 1),
		end: (/** @type {RedisServer} */ redis) => redis.command('CONFIG', 'SET', 'min-replicas-to-write', 0),
	},
	READONLY: {
		begin: (/** @type {RedisServer} */ redis) => redis.command('REPLICAOF', '127.0.0.1', 1),
		end: (/** @type {RedisServer} */ redis) => redis.command('REPLICAOF', 'NO', 'ONE'),
	},
};

/**
 * Starts a server. The function that it returns with the server creates a node with a session.
 *
 * @param {TestContext} t
 * @param {any} [options]
 */
async function start(t, options) {
	const redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
	/** @type {{ close(): Promise<unknown> }[]} */
	const managers = [];
	t.after(async () => {
		// Before Redis ends: without it, they would wait for their deadlines.
		await Promise.all(managers.map((manager) => manager.close()));
		await redis.end();
	});
	const prefix = newPrefix();
	let nodes = 0;
	const open = async (/** @type {string} */ id) => {
		/** @type {any[]} */
		const errors = [];
		// Managers with different spellings of one URL are different nodes.
		const url = `${redis.url}/${'0'.repeat(++nodes)}`;
		const settings = {
			prefix,
			onUnavailable: 'reject',
			heartbeatMs: 50,
			nodeTtlMs: NODE_TTL_MS,
			commandTimeoutMs: 1_000,
			...options,
		};
		const streams = new RedisStreamSessionManager(url, {
			...settings,
			onError: (/** @type {unknown} */ error) => errors.push(error),
		});
		managers.push(streams);
		await streams.ready();
		/** @type {string[]} */
		const got = [];
		await streams.create(id, { enqueue: (/** @type {Uint8Array} */ chunk) => got.push(text(chunk)), close() {} });
		const refusedBecauseOf = (/** @type {string} */ code) =>
			until(() => errors.some(({ cause }) => cause?.code === code));
		return { id, streams, got, errors, url, settings, refusedBecauseOf };
	};
	/** Creates two nodes with the sessions `a` and `b`, which know of each other. */
	const openTwo = async () => {
		const both = [await open('a'), await open('b')];
		await Promise.all(both.map(({ streams }) => streams.flush()));
		return both;
	};
	return { redis, prefix, open, openTwo };
}

describeWithRedis('while Redis refuses writes', () => {
	for (const [code, { begin, end }] of Object.entries(REFUSALS)) {
		test(`(${code}), messages wait, and then arrive in order and once, and onError says why`, async (t) => {
			const { redis, open } = await start(t, { nodeTtlMs: 60_000 });
			const [a, b] = [await open('a'), await open('b')];
			await Promise.all([a.streams.flush(), b.streams.flush()]);
			await begin(redis);
			if (code === 'NOREPLICAS' && (await writesInScript(redis))) {
				await end(redis);
				return t.skip('Redis 6.2 does not check min-replicas-to-write for scripts');
			}
			const numbers = Array.from({ length: 300 }, (_, n) => String(n));
			for (const n of numbers) await a.streams.send(['b'], n);
			await b.streams.send(['a'], 'back');
			await a.refusedBecauseOf(code);
			await b.refusedBecauseOf(code);
			await assert.rejects(a.streams.flush(), (error) => /** @type {any} */ (error).cause.code === code);
			assert.equal(await a.streams.has('b'), true);
			assert.equal(await b.streams.has('nowhere'), false);
			assert.equal(a.streams.stats().backplane.lastError?.code, code);
			assert.deepEqual([a.got, b.got], [[], []]);

			await end(redis);
			await until(() => b.got.length >= numbers.length && a.got.length >= 1);
			await Promise.all([a.streams.flush(), b.streams.flush()]);
			assert.deepEqual([a.got, b.got], [['back'], numbers]);
			for (const { streams } of [a, b]) {
				const { connected, pendingBytes, gaps } = streams.stats().backplane;
				assert.deepEqual({ connected, pendingBytes, gaps }, { connected: true, pendingBytes: 0, gaps: 0 });
			}
		});
	}

	test('because it is full, nodes stay connected, read, and count as alive', async (t) => {
		const { redis, prefix, openTwo } = await start(t);
		const [a, b] = await openTwo();
		await fill(redis);
		await a.streams.send(['b'], 'waits');
		await a.refusedBecauseOf('OOM');
		await addBroadcast(redis, prefix, 'c'.repeat(20), 1, 'of a third node');
		await until(() => a.got.length === 1 && b.got.length === 1);
		const begun = performance.now();
		while (performance.now() - begun < 3 * NODE_TTL_MS) {
			assert.equal(await a.streams.has('b'), true);
			assert.equal(await b.streams.has('a'), true);
		}
		for (const { streams, got } of [a, b]) {
			const { connected, reconnects } = streams.stats().backplane;
			assert.deepEqual({ connected, reconnects, got }, { connected: true, reconnects: 0, got: ['of a third node'] });
		}
	});

	test('because it is full, a node that connects reads, and its sessions are listed when there is room', async (t) => {
		const { redis, prefix, open } = await start(t);
		const a = await open('a');
		await a.streams.flush();
		await fill(redis);
		await redis.cutConnections();
		await until(() => a.streams.stats().backplane.reconnects === 1 && a.streams.stats().backplane.connected);
		// It joins for the first time.
		const b = await open('b');
		assert.equal(await b.streams.has('a'), true);
		assert.equal(await a.streams.has('b'), false);
		await addBroadcast(redis, prefix, 'c'.repeat(20), 1, 'of a third node');
		await until(() => a.got.length === 1 && b.got.length === 1);
		await b.streams.send(['a'], 'first message');
		await empty(redis);
		await until(() => a.streams.has('b'));
		await until(() => a.got.length === 2);
		assert.deepEqual(a.got, ['of a third node', 'first message']);
		assert.equal(a.streams.stats().backplane.gaps, 0);
	});

	test('because it is full, sessions that end are removed from the list, and new ones are added when there is room', async (t) => {
		const { redis, openTwo } = await start(t);
		const [a, b] = await openTwo();
		await fill(redis);
		await a.streams.create('new', { enqueue() {} });
		await a.refusedBecauseOf('OOM');
		await a.streams.delete('a');
		assert.equal(await b.streams.has('new'), false);
		await empty(redis);
		await until(async () => (await b.streams.has('new')) && !(await b.streams.has('a')));
		await a.streams.flush();
	});

	test('because it is full, the info manager reads, and its setters reject with the cause (onUnavailable: reject)', async (t) => {
		const { redis, open } = await start(t);
		const { url, settings } = await open('a');
		const info = new RedisInfoSessionManager(url, settings);
		t.after(() => info.close());
		await info.setLogLevel('a', 'warning');
		await info.addSubscription('a', 'test:uri');
		await fill(redis);
		await assert.rejects(info.setLogLevel('a', 'debug'), (error) => /** @type {any} */ (error).cause.code === 'OOM');
		assert.equal(await info.getLogLevel('a'), 'warning');
		assert.deepEqual(await info.getSubscriptions('test:uri'), ['a']);
		await info.delete('a');
		assert.deepEqual(await info.getSubscriptions('test:uri'), []);
	});

	test('because it is full, changes of the info manager wait, and reach Redis in order (onUnavailable: degrade)', async (t) => {
		const { redis, open } = await start(t, { onUnavailable: 'degrade', commandTimeoutMs: 200 });
		const [a, b] = [await open('a'), await open('b')];
		const [info, remote] = [a, b].map(({ url, settings }) => new RedisInfoSessionManager(url, settings));
		t.after(() => Promise.all([info.close(), remote.close()]));
		await Promise.all([info.ready(), remote.ready()]);
		await info.setLogLevel('changed', 'error');
		await fill(redis);
		// Redis accepts the removals, and refuses the other changes.
		const changes = [
			info.setLogLevel('removed', 'debug'),
			info.delete('removed'),
			info.delete('changed'),
			info.setLogLevel('changed', 'warning'),
			info.addSubscription('changed', 'test:uri'),
		];
		await Promise.all(changes);
		assert.equal(info.stats().backplane.connected, true);
		await empty(redis);
		await until(async () => (await remote.getSubscriptions('test:uri')).length === 1);
		assert.equal(await remote.getLogLevel('changed'), 'warning');
		await assert.rejects(remote.getLogLevel('removed'), /not found/);
		assert.equal(info.stats().backplane.dropped, 0);
		assert.equal(info.stats().backplane.pendingBytes, 0);
	});

	test('because it is full, changes do not wait for the deadline, and this process reads them (onUnavailable: degrade)', async (t) => {
		// Two calls that waited for the deadline would take longer than the test may.
		const { redis, open } = await start(t, { onUnavailable: 'degrade', commandTimeoutMs: 30_000, nodeTtlMs: 60_000 });
		const [a, b] = [await open('a'), await open('b')];
		const [info, remote] = [a, b].map(({ url, settings }) => new RedisInfoSessionManager(url, settings));
		t.after(() => Promise.all([info.close(), remote.close()]));
		await Promise.all([
			a.streams.flush(),
			b.streams.flush(),
			info.setLogLevel('a', 'error'),
			remote.setLogLevel('b', 'alert'),
		]);
		await remote.addSubscription('b', 'test:uri');
		await fill(redis);
		for (const level of /** @type {const} */ (['debug', 'info', 'notice'])) {
			await info.setLogLevel('a', level);
			await info.addSubscription('a', 'test:uri');
			assert.equal(await info.getLogLevel('a'), level);
			assert.deepEqual(new Set(await info.getSubscriptions('test:uri')), new Set(['a', 'b']));
			// What Redis has stored.
			assert.equal(await info.getLogLevel('b'), 'alert');
			assert.equal(await remote.getLogLevel('a'), 'error');
			assert.equal(await a.streams.has('b'), true);
		}
		await info.delete('b');
		await empty(redis);
		await until(async () => (await remote.getLogLevel('a')) === 'notice');
		await until(async () => (await remote.getSubscriptions('test:uri')).join() === 'a');
		// Before Redis ends: without it, they would wait for the deadline.
		await Promise.all([a.streams, b.streams, info, remote].map((manager) => manager.close()));
	});

	test('because it is a replica, ready() of a new node rejects and says so, until it accepts writes', async (t) => {
		const redis = await startRedis({ args: ['--replicaof', '127.0.0.1', '1'] });
		t.after(() => redis.end());
		const streams = new RedisStreamSessionManager(redis.url, { prefix: newPrefix(), commandTimeoutMs: 500 });
		t.after(() => streams.close());
		await assert.rejects(streams.ready(), (error) => /** @type {any} */ (error).cause.code === 'READONLY');
		// It reads, each time that it connects again.
		await until(() => streams.stats().backplane.connected);
		assert.equal(await streams.has('nowhere'), false);
		await redis.command('REPLICAOF', 'NO', 'ONE');
		await until(() =>
			streams.ready().then(
				() => true,
				() => false,
			),
		);
	});

	test('because it is a replica, the info manager reads', async (t) => {
		const { redis, open } = await start(t);
		const { url, settings } = await open('a');
		const info = new RedisInfoSessionManager(url, { ...settings, ttlMs: 1_000_000 });
		t.after(() => info.close());
		await info.setLogLevel('a', 'warning');
		await info.addSubscription('a', 'test:uri');
		// The next access would extend the time to live.
		await redis.command('PEXPIRE', `{${settings.prefix}}:info:a`, 500_000);
		await redis.command('REPLICAOF', '127.0.0.1', 1);
		await until(async () => (await info.getLogLevel('a').catch(() => {})) === 'warning');
		await until(async () => (await info.getSubscriptions('test:uri').catch(() => {}))?.length === 1);
	});

	test('because it is full, a node that closes leaves within its time limit', async (t) => {
		const { redis, prefix, openTwo } = await start(t);
		const [a, b] = await openTwo();
		await fill(redis);
		await a.streams.send(['b'], 'waits');
		await a.refusedBecauseOf('OOM');
		await a.streams.close();
		assert.equal((await redis.command('KEYS', `{${prefix}}:own:*`)).length, 1);
		assert.equal(await b.streams.has('a'), false);
	});
});
