// The Redis managers while Redis is away, and after `close()`: with `onUnavailable: 'degrade'`, no promise rejects and no call
// throws, except for a mistake of the caller, for what is not known, and in `ready()`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, afterEach, before, describe, test as testOf } from 'node:test';

import {
	BackplaneUnavailableError,
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { newPrefix } from '../support/redis-managers.js';
import { fakeController } from '../support/streams.js';
import { listener, subscription, toolsChanged } from '../support/subscriptions.js';
import { until } from '../support/until.js';

/** @import { AddressInfo } from 'node:net' */
/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {() => unknown} */ what) =>
	testOf(name, { timeout: 30_000 }, async () => void (await what()));

const COMMAND_TIMEOUT_MS = 400;

/** @typedef {{ streams: any, info: any, subscriptions: any, errors: Error[] }} Managers */

/** @type {RedisServer} */
let redis;
/** @type {Managers[]} */
const opened = [];

/**
 * @param {string} url
 * @param {object} [options]
 * @returns {Managers}
 */
function open(url, options = {}) {
	/** @type {Error[]} */
	const errors = [];
	const all = {
		prefix: newPrefix(),
		commandTimeoutMs: COMMAND_TIMEOUT_MS,
		onError: (/** @type {Error} */ error) => errors.push(error),
		...options,
	};
	const managers = {
		streams: new RedisStreamSessionManager(url, all),
		info: new RedisInfoSessionManager(url, all),
		subscriptions: new RedisSubscriptionManager(url, all),
		errors,
	};
	opened.push(managers);
	return managers;
}

/** @param {Managers} managers */
const close = ({ streams, info, subscriptions }) => Promise.all([streams.close(), info.close(), subscriptions.close()]);

/** Returns a URL on which no server listens. */
async function nowhere() {
	const server = createServer();
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {AddressInfo} */ (server.address());
	server.close();
	await once(server, 'close');
	return `redis://127.0.0.1:${port}`;
}

/** A connected node, whose Redis is then made unavailable. @param {() => unknown} makeUnavailable */
async function connectedAnd(makeUnavailable) {
	const managers = open(redis.url);
	await managers.streams.ready();
	await makeUnavailable();
	return managers;
}

/** @type {Record<string, { enter: () => Promise<Managers>, leave?: () => unknown }>} */
const STATES = {
	'is stopped': { enter: () => connectedAnd(() => redis.stop()), leave: () => redis.start() },
	'is paused': { enter: () => connectedAnd(() => redis.pause()), leave: () => redis.resume() },
	'was never reachable': { enter: async () => open(await nowhere()) },
	'was never reachable and does not answer': {
		async enter() {
			redis.pause();
			return open(redis.url);
		},
		leave: () => redis.resume(),
	},
};

const notFound = (/** @type {string} */ what, /** @type {string} */ id) => ({
	name: 'Error',
	message: `${what} not found for session ${id}`,
});

/** @param {Managers} managers */
const questions = ({ streams, info }) => ({
	has: () => streams.has('elsewhere'),
	getClientInfo: () => info.getClientInfo('elsewhere'),
	getClientCapabilities: () => info.getClientCapabilities('elsewhere'),
	getLogLevel: () => info.getLogLevel('elsewhere'),
	getSubscriptions: () => info.getSubscriptions('file:///unknown'),
});

const ANSWERS_OF_UNKNOWN = {
	has: false,
	getClientInfo: notFound('Client info', 'elsewhere'),
	getClientCapabilities: notFound('Client capabilities', 'elsewhere'),
	getLogLevel: notFound('Log Level', 'elsewhere'),
	getSubscriptions: [],
};

/** @param {Managers} managers */
async function assertUnknown(managers) {
	for (const [name, ask] of Object.entries(questions(managers))) {
		const expected = /** @type {any} */ (ANSWERS_OF_UNKNOWN)[name];
		if (expected.message) await assert.rejects(ask(), expected, name);
		else assert.deepEqual(await ask(), expected, name);
	}
}

/** @param {Managers} managers */
const changes = ({ streams, info, subscriptions }) => ({
	'streams.send to all': () => streams.send(undefined, 'text'),
	'streams.send to one': () => streams.send(['elsewhere'], 'text'),
	'streams.delete': () => streams.delete('elsewhere'),
	'info.setClientInfo': () => info.setClientInfo('a', { name: 'client', version: '1' }),
	'info.setClientCapabilities': () => info.setClientCapabilities('a', { roots: {} }),
	'info.setLogLevel': () => info.setLogLevel('a', 'error'),
	'info.addSubscription': () => info.addSubscription('a', 'file:///a'),
	'info.removeSubscription': () => info.removeSubscription('a', 'file:///b'),
	'info.delete': () => info.delete('b'),
	'subscriptions.send': () => subscriptions.send(toolsChanged()),
	'subscriptions.closeAll': () => subscriptions.closeAll('unknown origin'),
});

/** @param {Managers} managers */
async function assertChangesResolve(managers) {
	for (const [name, change] of Object.entries(changes(managers))) {
		assert.equal(await change(), undefined, name);
	}
	assert.equal(await managers.subscriptions.close('unknown', 'unknown origin', 'closed'), false);
}

describeWithRedis('the Redis managers', () => {
	before(async () => {
		redis = await startRedis({ appendOnly: true });
	});
	afterEach(async () => {
		await Promise.all(opened.splice(0).map(close));
	});
	after(() => redis.end());

	for (const [state, { enter, leave }] of Object.entries(STATES)) {
		describe(`while Redis ${state}`, () => {
			/** @param {string} name @param {(managers: Managers, comeBack: () => unknown) => unknown} what */
			const testHere = (name, what) =>
				test(name, async () => {
					const managers = await enter();
					let isBack = false;
					const comeBack = async () => {
						if (!isBack) await leave?.();
						isBack = true;
					};
					try {
						await what(managers, comeBack);
					} finally {
						await comeBack();
					}
				});

			testHere(
				'deliver to the streams and subscriptions of this process at once',
				async ({ streams, subscriptions }) => {
					/** @type {string[]} */
					const got = [];
					streams.create('here', fakeController({ onEnqueue: (/** @type {any} */ chunk) => got.push(String(chunk)) }));
					assert.equal(await streams.has('here'), true);
					streams.send(['here'], 'one');
					streams.send(undefined, 'two');
					assert.equal(got.length, 2);
					const callbacks = listener();
					assert.equal(await subscriptions.create(subscription(1), callbacks), true);
					await subscriptions.send(toolsChanged());
					assert.equal(await subscriptions.close(1, 'origin', 'closed'), true);
					assert.equal(callbacks.calls.length, 3);
					streams.delete('here');
					assert.equal(await streams.has('here'), false);
				},
			);

			testHere(
				'answer all questions about what they do not know as for an unknown session, and no change rejects',
				async (managers) => {
					await assertUnknown(managers);
					await assertChangesResolve(managers);
					await assertUnknown(managers);
				},
			);

			testHere('wait for Redis once at most, for any number of calls', async (managers) => {
				const start = performance.now();
				for (let times = 0; times < 4; times++) {
					await assertUnknown(managers);
					await assertChangesResolve(managers);
				}
				const took = performance.now() - start;
				// There are more than 50 calls that each could wait that long.
				assert.ok(took < 4 * COMMAND_TIMEOUT_MS, `${took} ms`);
			});

			testHere(
				'answer what the clients of this process have said, while Redis is away and from then on',
				async ({ info }, comeBack) => {
					const client = { name: 'client', version: '1' };
					info.setClientInfo('here', client);
					info.setClientCapabilities('here', { roots: {} });
					info.setLogLevel('here', 'error');
					info.addSubscription('here', 'file:///a');
					info.addSubscription('there', 'file:///a');
					info.addSubscription('there', 'file:///b');
					info.removeSubscription('there', 'file:///b');
					info.setLogLevel('deleted', 'debug');
					info.delete('deleted');
					const assertKnown = async () => {
						assert.deepEqual(await info.getClientInfo('here'), client);
						assert.deepEqual(await info.getClientCapabilities('here'), { roots: {} });
						assert.equal(await info.getLogLevel('here'), 'error');
						assert.deepEqual(await info.getSubscriptions('file:///a'), ['here', 'there']);
						assert.deepEqual(await info.getSubscriptions('file:///b'), []);
						await assert.rejects(info.getLogLevel('deleted'), notFound('Log Level', 'deleted'));
						await assert.rejects(info.getClientInfo('there'), notFound('Client info', 'there'));
					};
					await assertKnown();
					if (leave === undefined) return;
					await comeBack();
					await info.ready();
					await assertKnown();
				},
			);

			testHere('flush() resolves, with a report to onError', async ({ streams, subscriptions, errors }) => {
				streams.send(undefined, 'text');
				await Promise.all([streams.flush(), subscriptions.flush()]);
				assert.ok(streams.stats().backplane.pendingBytes > 0);
				assert.ok(errors.some(({ cause }) => cause instanceof Error));
			});

			testHere('reject a mistake of the caller as ever', async ({ streams, info, subscriptions }) => {
				assert.throws(() => streams.send(undefined, 5), TypeError);
				assert.throws(() => streams.create(5, fakeController()), TypeError);
				assert.throws(() => info.setLogLevel(5, 'error'), TypeError);
				assert.throws(() => info.addSubscription('a', 5), TypeError);
				await assert.rejects(async () => subscriptions.send({}), TypeError);
			});
		});
	}

	describe('when Redis is back', () => {
		/** Two nodes of one process: their URLs differ. @param {object} [options] */
		async function twoNodes(options) {
			const prefix = newPrefix();
			const [a, b] = ['', '/0'].map((path) => open(redis.url + path, { prefix, ...options }));
			await Promise.all([a.streams.ready(), b.streams.ready()]);
			return [a, b];
		}

		for (const [state, goAway, comeBack] of /** @type {const} */ ([
			['was stopped', () => redis.stop(), () => redis.start()],
			['was paused', () => redis.pause(), () => redis.resume()],
		])) {
			test(`that ${state}, both nodes know the sessions, the info and the subscriptions that one has changed`, async () => {
				const [a, b] = await twoNodes();
				await a.info.setLogLevel('stays', 'debug');
				await a.info.setLogLevel('deleted', 'debug');
				await a.info.addSubscription('unwatched', 'file:///a');
				a.streams.create('closed', fakeController());
				await a.streams.flush();
				assert.equal(await b.streams.has('closed'), true);
				const callbacks = listener();
				await b.subscriptions.create(subscription(1), callbacks);
				await goAway();
				// Each of these asks Redis, so that it is known to be away.
				await Promise.all([a, b].map(({ streams }) => streams.has('elsewhere')));
				a.streams.delete('closed');
				a.streams.create('created', fakeController());
				a.info.setLogLevel('stays', 'info');
				a.info.setLogLevel('stays', 'error');
				a.info.setLogLevel('new', 'alert');
				a.info.delete('deleted');
				a.info.removeSubscription('unwatched', 'file:///a');
				a.info.addSubscription('new', 'file:///a');
				a.subscriptions.send(toolsChanged());
				assert.equal(await b.streams.has('created'), false);
				await comeBack();
				await until(() => callbacks.calls.includes('send'));
				await until(() => b.streams.has('created'));
				await until(async () => (await b.info.getLogLevel('new').catch(() => '')) === 'alert');
				for (const { streams, info } of [a, b]) {
					assert.equal(await streams.has('closed'), false);
					assert.equal(await info.getLogLevel('stays'), 'error');
					await assert.rejects(info.getLogLevel('deleted'), notFound('Log Level', 'deleted'));
					await until(async () => String(await info.getSubscriptions('file:///a')) === 'new');
				}
				assert.equal(a.streams.stats().backplane.dropped, 0);
			});
		}

		test('changes above maxPendingBytes are dropped and counted, and onError hears of them once a second at most', async () => {
			const [a, b] = await twoNodes({ maxPendingBytes: 20_000 });
			await redis.stop();
			await until(() => !a.streams.stats().backplane.connected);
			const start = performance.now();
			for (let number = 0; number < 1_000; number++) {
				assert.equal(await a.info.setLogLevel(`session ${number}`, 'error'), undefined);
				assert.equal(await a.streams.send(['elsewhere'], 'x'.repeat(1_000)), undefined);
			}
			const seconds = 1 + Math.ceil((performance.now() - start) / 1_000);
			const full = a.errors.filter(({ message }) => message.includes('maxPendingBytes'));
			assert.ok(full.length > 0 && full.length <= seconds, `${full.length} reports in ${seconds} s`);
			const { dropped, pendingBytes } = a.streams.stats().backplane;
			assert.ok(dropped > 1_800 && dropped < 2_000, `${dropped}`);
			assert.ok(pendingBytes <= 40_000);
			// The oldest are forgotten first.
			assert.equal(await a.info.getLogLevel('session 999'), 'error');
			await assert.rejects(a.info.getLogLevel('session 0'), notFound('Log Level', 'session 0'));
			await redis.start();
			await until(async () => (await b.info.getLogLevel('session 0').catch(() => '')) === 'error');
		});
	});

	test('close() sends what waits over a new connection when the old one breaks', async () => {
		const server = await startRedis({ appendOnly: true, appendfsync: 'always' });
		const prefix = newPrefix();
		const [a, b] = [server.url, `${server.url}/0`].map(
			(url) => new RedisStreamSessionManager(url, { prefix, commandTimeoutMs: 20_000 }),
		);
		await Promise.all([a.ready(), b.ready()]);
		const received = new Promise((resolve) => b.create('b', { enqueue: resolve, close() {} }));
		a.create('a', { enqueue() {}, close() {} });
		await Promise.all([a.flush(), b.flush()]);
		// It has the connection, and never replies.
		server.pause();
		a.send(['b'], 'the last one');
		const closed = a.close();
		await server.kill();
		await server.start();
		await closed;
		assert.equal(new TextDecoder().decode(await received), 'the last one');
		assert.equal(await b.has('a'), false);
		await b.close();
		await server.end();
	});

	test('close() of a subscription manager closes its own subscriptions, and no others of the process', async () => {
		const prefix = newPrefix();
		const [one, other] = [open(redis.url, { prefix }), open(redis.url, { prefix })];
		const [own, others] = [listener(), listener()];
		await one.subscriptions.create(subscription(1), own);
		await other.subscriptions.create(subscription(2), others);
		await one.subscriptions.close();
		assert.deepEqual(own.calls, ['acknowledge', 'close: cancelled']);
		assert.deepEqual(others.calls, ['acknowledge']);
		await other.subscriptions.send(toolsChanged());
		assert.equal(others.calls.length, 2);
	});

	describe('after close()', () => {
		for (const onUnavailable of ['degrade', 'reject']) {
			test(`with ${onUnavailable}, throw nothing, and refuse new streams by a rejection that need not be handled`, async () => {
				const managers = open(redis.url, { onUnavailable });
				await managers.streams.ready();
				managers.streams.create('a', fakeController());
				await managers.info.setLogLevel('elsewhere', 'error');
				await close(managers);
				const { streams, subscriptions } = managers;
				/** @type {[string, () => any][]} */
				const calls = [
					...Object.entries(questions(managers)),
					...Object.entries(changes(managers)),
					['create', () => streams.create('b', fakeController())],
					['subscriptions.create', () => subscriptions.create(subscription(1), listener())],
				];
				// Without `await`: an unhandled rejection would fail the test.
				for (const [name, call] of calls) assert.ok(call() instanceof Promise, name);
				await assert.rejects(streams.create('b', fakeController()), { code: 'ERR_MANAGER_CLOSED' });
				await assert.rejects(subscriptions.create(subscription(1), listener()), { code: 'ERR_MANAGER_CLOSED' });
				await assert.rejects(streams.ready(), { code: 'ERR_MANAGER_CLOSED' });
				await assert.rejects(managers.info.ready(), { code: 'ERR_MANAGER_CLOSED' });
				await assert.rejects(subscriptions.ready(), { code: 'ERR_MANAGER_CLOSED' });
				await close(managers);
			});
		}

		test('answer as for unknown sessions, and do nothing', async () => {
			const managers = open(redis.url);
			const stays = open(redis.url);
			await managers.streams.ready();
			await managers.info.setLogLevel('elsewhere', 'error');
			await managers.info.addSubscription('elsewhere', 'file:///unknown');
			await close(managers);
			await assertUnknown(managers);
			await assertChangesResolve(managers);
			await managers.streams.flush();
			await managers.subscriptions.flush();
			await stays.streams.flush();
		});

		test('with reject, reject every call', async () => {
			const managers = open(redis.url, { onUnavailable: 'reject' });
			await managers.streams.ready();
			await close(managers);
			const { 'subscriptions.closeAll': _, ...rejecting } = changes(managers);
			for (const [name, call] of Object.entries({ ...questions(managers), ...rejecting })) {
				await assert.rejects(call(), { code: 'ERR_MANAGER_CLOSED' }, name);
			}
			await assert.rejects(managers.streams.flush(), { code: 'ERR_MANAGER_CLOSED' });
		});
	});

	describe("with onUnavailable: 'reject'", () => {
		test('reject what needs Redis, without an unhandled rejection', async () => {
			const { streams, info } = open(await nowhere(), { onUnavailable: 'reject' });
			const calls = [
				() => streams.has('elsewhere'),
				() => streams.flush(),
				() => info.getLogLevel('a'),
				() => info.getSubscriptions('file:///a'),
				() => info.setLogLevel('a', 'error'),
				() => info.addSubscription('a', 'file:///a'),
				() => info.removeSubscription('a', 'file:///a'),
				() => info.delete('a'),
			];
			streams.create('here', fakeController());
			for (const call of calls) call();
			for (const call of calls) await assert.rejects(call(), BackplaneUnavailableError);
			const big = 'x'.repeat(9 << 20);
			await assert.rejects(streams.send(undefined, big), (/** @type {any} */ error) => {
				assert.deepEqual(error.unsent, { method: 'send', args: [undefined, big] });
				return error.code === 'ERR_BACKPLANE_UNAVAILABLE';
			});
		});
	});

	test('refuse another value of onUnavailable', () => {
		for (const onUnavailable of ['', 'degrad', true, null, 1]) {
			for (const Manager of [RedisStreamSessionManager, RedisInfoSessionManager, RedisSubscriptionManager]) {
				assert.throws(() => new Manager(redis.url, /** @type {any} */ ({ onUnavailable })), {
					code: 'ERR_INVALID_ARG_TYPE',
					message: /onUnavailable" must be "degrade" or "reject"/,
				});
			}
		}
	});
});
