// The options of a stream manager on Redis. Both nodes are in this process: two spellings of one URL are two nodes.

import assert from 'node:assert/strict';
import { after, before, test as testOf } from 'node:test';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { BACKPLANE_NUMBERS, STREAM_NUMBERS, testNumberOptions } from '../suites/number-options.js';
import { needsNative } from '../support/native.js';
import { NONE, withSlowClock } from '../support/policy.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { newPrefix } from '../support/redis-managers.js';
import { fakeController, openStream } from '../support/streams.js';
import { assertKeepsLittle, readAll } from '../support/unread-memory.js';
import { until } from '../support/until.js';

/** @import { RedisStreamSessionManagerOptions } from '@tmcp-native/session-manager/redis' */
/** @import { RedisServer } from '../support/redis.js' */

/** @param {string} name @param {() => unknown} what */
const test = (name, what) => testOf(name, { timeout: 30_000 }, what);

/** @type {RedisServer} */
let redis;

/**
 * Opens managers of two nodes, waits until they are ready, and records `onClose` calls of the first.
 *
 * @param {RedisStreamSessionManagerOptions} [options]
 */
async function twoNodes(options) {
	const prefix = newPrefix();
	/** @type {[string, string][]} */
	const closings = [];
	const onClose = (/** @type {string} */ id, /** @type {string} */ reason) => void closings.push([id, reason]);
	const one = new RedisStreamSessionManager(`${redis.url}/0`, { prefix, ...options, onClose });
	const other = new RedisStreamSessionManager(redis.url, { prefix, ...options });
	await Promise.all([one.ready(), other.ready()]);
	return { one, other, closings, prefix, close: () => Promise.all([one.close(), other.close()]) };
}

const MAILBOX = { name: 'maxMailboxBytes' };
for (const [Manager, numbers] of /** @type {[new (...args: any[]) => any, any[]][]} */ ([
	[RedisStreamSessionManager, [...BACKPLANE_NUMBERS, ...STREAM_NUMBERS, MAILBOX]],
	[RedisInfoSessionManager, [...BACKPLANE_NUMBERS, { name: 'ttlMs' }]],
	[RedisSubscriptionManager, [...BACKPLANE_NUMBERS, MAILBOX]],
])) {
	testNumberOptions(Manager.name, numbers, (options) => new Manager('redis://127.0.0.1:1', options));

	testOf(`${Manager.name} refuses a nodeTtlMs that is less than twice heartbeatMs`, () => {
		for (const [options, heartbeatMs, nodeTtlMs] of /** @type {[object, number, number][]} */ ([
			[{ heartbeatMs: 500, nodeTtlMs: 999 }, 500, 999],
			[{ heartbeatMs: 5_001 }, 5_001, 10_000],
			[{ nodeTtlMs: 5_999 }, 3_000, 5_999],
		])) {
			assert.throws(() => new Manager('redis://127.0.0.1:1', options), {
				name: 'RangeError',
				code: 'ERR_OUT_OF_RANGE',
				message:
					`${Manager.name}: option "nodeTtlMs" must be at least twice "heartbeatMs" (${heartbeatMs}), ideally three times as ` +
					`much; got the number ${nodeTtlMs}`,
			});
		}
	});

	testOf(`${Manager.name} refuses a maxInboxBytes that is less than maxPendingBytes`, () => {
		for (const [options, maxPendingBytes, maxInboxBytes] of /** @type {[object, number, number][]} */ ([
			[{ maxPendingBytes: 1_000, maxInboxBytes: 999 }, 1_000, 999],
			[{ maxPendingBytes: 33_554_433 }, 33_554_433, 33_554_432],
			[{ maxInboxBytes: 8_388_607 }, 8_388_608, 8_388_607],
		])) {
			assert.throws(() => new Manager('redis://127.0.0.1:1', options), {
				name: 'RangeError',
				code: 'ERR_OUT_OF_RANGE',
				message:
					`${Manager.name}: option "maxInboxBytes" must be at least "maxPendingBytes" (${maxPendingBytes}), ideally ` +
					`four times as much; got the number ${maxInboxBytes}`,
			});
		}
	});

	testOf(`${Manager.name} accepts the least nodeTtlMs and the least maxInboxBytes`, needsNative, async () => {
		for (const options of [
			{ heartbeatMs: 500, nodeTtlMs: 1_000 },
			{ heartbeatMs: 5_000 },
			{ nodeTtlMs: 6_000 },
			{ maxPendingBytes: 1_000, maxInboxBytes: 1_000 },
			{ maxPendingBytes: 33_554_432 },
			{ maxInboxBytes: 8_388_608 },
		]) {
			const url = 'redis://127.0.0.1:1';
			await new Manager(url, { ...options, prefix: newPrefix(), commandTimeoutMs: 1 }).close();
		}
	});

	testOf(`${Manager.name} refuses another number than the first manager of a prefix has set`, needsNative, async () => {
		const url = 'redis://127.0.0.1:1';
		const defaults = {
			maxLen: 100_000,
			maxPendingBytes: 8_388_608,
			commandTimeoutMs: 2_000,
			heartbeatMs: 3_000,
			nodeTtlMs: 10_000,
			maxInboxBytes: 33_554_432,
		};
		const others = {
			maxLen: 1_000,
			maxPendingBytes: 1_000_000,
			commandTimeoutMs: 5,
			heartbeatMs: 2_000,
			nodeTtlMs: 30_000,
			maxInboxBytes: 9_000_000,
		};
		for (const [first, settings, different] of [
			[{}, defaults, others],
			[others, others, defaults],
		]) {
			const prefix = newPrefix();
			const managers = [first, {}, settings].map((options) => new Manager(url, { ...options, prefix }));
			for (const [name, value] of Object.entries(settings)) {
				const given = different[/** @type {keyof typeof defaults} */ (name)];
				assert.throws(() => new Manager(url, { ...settings, prefix, [name]: given }), {
					name: 'TypeError',
					code: 'ERR_INVALID_ARG_VALUE',
					message:
						`${Manager.name}: option "${name}" is ${given}, but this process already uses ${value} for this server and ` +
						'prefix; pass the same value to all managers, or only to the first',
				});
			}
			await Promise.all(managers.map((manager) => manager.close()));
		}
	});
}

describeWithRedis('a stream manager on Redis', () => {
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis?.end());

	test('calls onClose when another node has deleted or replaced a session, after its messages', async () => {
		const { one, other, closings, close } = await twoNodes();
		const [a, b] = [fakeController(), fakeController()];
		one.create('a', a);
		one.create('b', b);
		await one.flush();
		await other.send(['a'], 'last');
		await other.delete('a');
		await until(() => closings.length === 1);
		assert.deepEqual([a.messages, a.closed], [['last'], 1]);
		await other.create('b', fakeController());
		await until(() => closings.length === 2);
		assert.deepEqual(closings, [
			['a', 'deleted'],
			['b', 'replaced'],
		]);
		assert.deepEqual(one.stats().closed, { ...NONE, deleted: 1, replaced: 1 });
		assert.deepEqual([b.closed, other.size, other.stats().closed], [1, 1, NONE]);
		await close();
	});

	test('ends the sessions whose controllers have no method close with their own reasons', async () => {
		const { one, other, closings, close } = await twoNodes();
		for (const id of ['a', 'b', 'c', 'd', 'e']) one.create(id, { enqueue() {} });
		one.delete('a');
		one.create('b', { enqueue() {} });
		await one.flush();
		await other.delete('c');
		await other.create('d', { enqueue() {} });
		await until(() => closings.length === 4);
		await close();
		assert.deepEqual(closings.sort(), [
			['a', 'deleted'],
			['b', 'replaced'],
			['b', 'shutdown'],
			['c', 'deleted'],
			['d', 'replaced'],
			['e', 'shutdown'],
		]);
	});

	test('coalesces, slices and limits the messages of other nodes', () =>
		withSlowClock(async () => {
			const { one, other, closings, close } = await twoNodes({ coalesce: true, sliceMs: 1, maxQueuedBytes: 10 });
			const controllers = Array.from({ length: 100 }, (_, number) => {
				const controller = fakeController();
				one.create(`${number}`, controller);
				return controller;
			});
			const stream = openStream();
			one.create('slow', stream.controller);
			await one.flush();
			const sent = ['12345678', 'abcdefgh', 'ABCDEFGH'];
			for (const [n, data] of sent.entries()) {
				await other.send(undefined, data);
				await until(() => controllers.every(({ messages }) => messages.join('').length === (n + 1) * 8));
			}
			await until(() => closings.length > 0);
			assert.deepEqual(closings, [['slow', 'slow']]);
			await assert.rejects(stream.next(), { code: 'ERR_SESSION_CLOSED', reason: 'slow' });
			for (const { messages } of controllers) assert.equal(messages.join(''), sent.join(''));
			await close();
		}));

	test('with maxQueuedBytes, closes a client that does not read, and none that reads everything, in a burst of another node', async () => {
		const { one, other, closings, close } = await twoNodes({ maxQueuedBytes: 1_048_576 });
		const [slow, fast] = [openStream(), openStream()];
		one.create('slow', slow.controller);
		one.create('fast', fast.controller);
		const reading = (async () => {
			for (;;) {
				const text = await fast.next();
				if (text === 'last' || text === undefined) return text;
			}
		})();
		await one.flush();
		for (const [size, count] of [
			[10_000, 300],
			[40_000, 100],
			[1_100_000, 2],
		]) {
			for (let n = 0; n < count; n++) other.send(undefined, 'x'.repeat(size));
		}
		other.send(['fast'], 'last');
		assert.equal(await reading, 'last');
		assert.deepEqual(closings, [['slow', 'slow']]);
		await close();
	});

	test('closes only the receiver of a message from another node that is larger than maxMailboxBytes', async () => {
		const { one, other, closings, close } = await twoNodes({ maxMailboxBytes: 10_000 });
		const controllers = [fakeController(), fakeController()];
		for (const [id, controller] of controllers.entries()) one.create(`${id}`, controller);
		await one.flush();
		for (const text of ['before', 'x'.repeat(10_001), 'after']) await other.send(['0'], text);
		await other.send(['1'], 'last');
		await until(() => controllers[1].messages.length === 1);
		assert.deepEqual(closings, [['0', 'overflow']]);
		assert.deepEqual([controllers[0].messages, controllers[0].closed], [['before'], 1]);
		assert.deepEqual([one.ids(), one.stats().closed], [['1'], { ...NONE, overflow: 1 }]);
		await close();
	});

	test('keeps little memory for what a client does not read, from its own node and from another', async () => {
		const { one, other, close } = await twoNodes();
		const [slow, fast] = [openStream(), openStream()];
		one.create('slow', slow.controller);
		one.create('fast', fast.controller);
		const reading = readAll(fast);
		await one.flush();
		for (let n = 0; n < 300; n++) {
			const manager = n % 2 ? one : other;
			for (let sent = 0; sent < 5; sent++) manager.send(['fast'], 'y'.repeat(1_000));
			manager.send(['slow'], 'x'.repeat(32));
			if (n % 10 === 0) await manager.flush();
		}
		await until(() => one.stats().messages === 1_800);
		one.delete('slow');
		one.delete('fast');
		assert.equal((await assertKeepsLittle(slow)).chunks, 300);
		await reading;
		await close();
	});

	test('refuses a session above maxSessions of its process, and does not publish it', async () => {
		const { one, other, close } = await twoNodes({ maxSessions: 1 });
		one.create('a', fakeController());
		const theirs = fakeController();
		await other.create('b', theirs);
		await one.flush();
		await other.flush();
		assert.throws(() => one.create('b', fakeController()), { name: 'SessionLimitError', code: 'ERR_SESSION_LIMIT' });
		await one.flush();
		await one.send(undefined, 'message');
		await until(() => theirs.messages.length === 1);
		assert.deepEqual([theirs.closed, one.ids(), other.ids()], [0, ['a'], ['b']]);
		await close();
	});

	test('with drainMs closes its streams first, and then leaves', async () => {
		const { one, other, closings } = await twoNodes();
		const [late, never] = [openStream(), openStream()];
		one.create('late', late.controller);
		one.create('never', never.controller);
		await one.flush();
		one.send(undefined, 'message');
		const closing = one.close({ drainMs: 100 });
		await assert.rejects(one.create('new', fakeController()), { code: 'ERR_MANAGER_CLOSED' });
		assert.equal(await other.has('never'), true);
		assert.deepEqual(await late.rest(), ['message']);
		await closing;
		assert.deepEqual(closings, [
			['late', 'shutdown'],
			['never', 'shutdown'],
		]);
		await assert.rejects(never.next(), { code: 'ERR_SESSION_CLOSED', reason: 'shutdown' });
		await until(async () => !(await other.has('never')));
		await other[Symbol.asyncDispose]();
	});

	test('sends, deletes and finds its sessions while close() drains them', async () => {
		const { one, other } = await twoNodes();
		const [slow, leaving] = [openStream(), openStream()];
		one.create('slow', slow.controller);
		one.create('leaving', leaving.controller);
		one.send(undefined, 'before');
		const closing = one.close({ drainMs: 20_000 });
		one.send(undefined, 'meanwhile');
		one.delete('leaving');
		assert.equal(await one.has('slow'), true);
		assert.deepEqual(await leaving.rest(), ['before', 'meanwhile']);
		assert.deepEqual([await slow.next(), await slow.next(), await slow.next()], ['before', 'meanwhile', undefined]);
		await closing;
		assert.equal(await one.send(undefined, 'after'), undefined);
		await other.close();
	});

	test('rejects in close() for invalid options, as the one in memory does, and closes nothing', async () => {
		const manager = new RedisStreamSessionManager(redis.url, { prefix: newPrefix() });
		const close = async () => manager.close(/** @type {any} */ ({ drainMs: 'long' }));
		await assert.rejects(close(), { code: 'ERR_INVALID_ARG_TYPE' });
		/** @type {any} */
		let answer;
		assert.doesNotThrow(() => {
			answer = manager.close(/** @type {any} */ ({ drainMs: 'long' }));
		});
		await assert.rejects(answer, { code: 'ERR_INVALID_ARG_TYPE' });
		await assert.rejects(manager.close({ drainMs: -1 }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
		await manager.create('a', fakeController());
		await manager.close();
	});

	test('that was refused for its options does not keep the connection of the others', async () => {
		const prefix = newPrefix();
		const before = await connections();
		const manager = new RedisStreamSessionManager(redis.url, { prefix, sliceMs: 5 });
		assert.throws(() => new RedisStreamSessionManager(redis.url, { prefix, sliceMs: 6 }), {
			code: 'ERR_INVALID_ARG_VALUE',
		});
		await manager.ready();
		assert.ok((await connections()) > before);
		await manager.close();
		assert.equal(await connections(), before);
	});

	test('reports in its stats that it is not connected after it has left', async () => {
		const manager = new RedisStreamSessionManager(redis.url, { prefix: newPrefix() });
		await manager.ready();
		assert.equal(manager.stats().backplane.connected, true);
		await manager.close();
		assert.equal(manager.stats().backplane.connected, false);
	});

	test('refuses the same invalid options as the one in memory', () => {
		const make = (/** @type {any} */ options) => new RedisStreamSessionManager(redis.url, options);
		for (const options of [{ keepAliveMs: '1' }, { coalesce: 1 }, { onSlowClient: 'drop' }, { onClose: 1 }]) {
			assert.throws(() => make(options), { code: 'ERR_INVALID_ARG_TYPE', message: /^RedisStreamSessionManager: / });
		}
		for (const options of [{ keepAliveMs: -1 }, { maxQueuedBytes: 0 }]) {
			assert.throws(() => make(options), { code: 'ERR_OUT_OF_RANGE', message: /^RedisStreamSessionManager: / });
		}
		assert.throws(() => make({ keepAlive: 1 }), { code: 'ERR_UNKNOWN_OPTION', message: /did you mean "keepAliveMs"/ });
	});
});

/** Returns the number of connections of the server. */
async function connections() {
	const list = String(await redis.command('CLIENT', 'LIST'));
	return list.trim().split('\n').length;
}
