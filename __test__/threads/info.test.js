// Info managers of one scope in several threads: what a thread sees of the values that others have set, which values are
// refused, and what remains when a thread ends.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	SessionLimitError,
} from '@tmcp-native/session-manager';

import { REFUSED, testInfoCopies, testInfoRefusals } from '../suites/info-values.js';
import { collected } from '../support/garbage.js';
import { deferred, Managers, newScope, Thread } from '../support/threads/info-threads.js';
import { until } from '../support/until.js';

const CLIENT = { name: 'client', version: '1' };

/** The name in the methods, the name in the error of a getter, and a value. */
const VALUES = /** @type {const} */ ([
	['ClientInfo', 'Client info', CLIENT],
	['ClientCapabilities', 'Client capabilities', { sampling: {}, roots: { listChanged: true } }],
	['LogLevel', 'Log Level', 'warning'],
]);

const workers = [new Thread(), new Thread()];
after(() => Promise.all(workers.map((worker) => worker.end('terminate'))));

/**
 * Managers of one new scope in the main thread and in two workers.
 *
 * @param {any} [options] of the info managers
 */
async function inOneScope(options) {
	const scope = newScope();
	const [one, two] = workers;
	await Promise.all(workers.map((worker) => worker.open({ scope, ...options })));
	return { here: new Managers({ scope, ...options }), one, two, scope };
}

/** @param {any} [options] */
const make = (options) => new InMemoryInfoSessionManager({ scope: newScope(), ...options });

describe('a value that one thread has set', () => {
	for (const [what, words, value] of VALUES) {
		test(`as ${what} is the same in every thread, until another thread sets another value`, async () => {
			const { here, one, two } = await inOneScope();
			await one.info(`set${what}`, 'a', value);
			for (const thread of [here, one, two]) assert.deepEqual(await thread.info(`get${what}`, 'a'), value);
			const another = typeof value === 'string' ? 'debug' : { ...value, name: 'another' };
			await two.info(`set${what}`, 'a', another);
			for (const thread of [here, one, two]) assert.deepEqual(await thread.info(`get${what}`, 'a'), another);
			for (const thread of [here, one, two]) {
				const message = `${words} not found for session b`;
				await assert.rejects(thread.info(`get${what}`, 'b'), { name: 'Error', message });
			}
		});
	}

	test('of one kind does not affect the other kinds', async () => {
		const { here, one, two } = await inOneScope();
		await one.info('setClientInfo', 'a', CLIENT);
		await two.info('setLogLevel', 'a', 'error');
		assert.deepEqual(await here.info('getClientInfo', 'a'), CLIENT);
		assert.equal(await here.info('getLogLevel', 'a'), 'error');
		await assert.rejects(here.info('getClientCapabilities', 'a'));
	});

	testInfoCopies({
		make,
		async open() {
			const { here, one } = await inOneScope();
			return [here, one];
		},
	});

	for (const nothing of [undefined, null]) {
		test(`is not found when it was ${nothing}, and the session still exists`, async () => {
			const { here, one } = await inOneScope({ maxSessions: 1 });
			for (const [what, words] of VALUES) {
				await one.info(`set${what}`, 'a', nothing);
				await assert.rejects(here.info(`get${what}`, 'a'), { message: `${words} not found for session a` });
			}
			await assert.rejects(here.info('setLogLevel', 'b', 'error'), SessionLimitError);
			await one.info('setLogLevel', 'a', 'error');
			await here.info('setLogLevel', 'a', nothing);
			await assert.rejects(one.info('getLogLevel', 'a'));
			// The session has no value left, so it is removed with its last subscription.
			await here.info('addSubscription', 'a', 'uri');
			await one.info('removeSubscription', 'a', 'uri');
			await here.info('setLogLevel', 'b', 'error');
		});
	}
});

describe('getSubscriptions', () => {
	test('returns the sessions in the order in which they subscribed, across threads', async () => {
		const { here, one, two } = await inOneScope();
		await two.info('addSubscription', 'b', 'uri');
		await here.info('addSubscription', 'a', 'uri');
		await one.info('addSubscription', 'b', 'uri');
		await one.info('addSubscription', 'c', 'uri');
		await one.info('addSubscription', 'd', 'other');
		for (const thread of [here, one, two]) {
			assert.deepEqual(await thread.info('getSubscriptions', 'uri'), ['b', 'a', 'c']);
			assert.deepEqual(await thread.info('getSubscriptions', 'unknown'), []);
		}
		await here.info('removeSubscription', 'b', 'uri');
		await here.info('removeSubscription', 'b', 'other');
		for (const thread of [here, one, two]) assert.deepEqual(await thread.info('getSubscriptions', 'uri'), ['a', 'c']);
		await two.info('addSubscription', 'b', 'uri');
		for (const thread of [here, one, two]) {
			assert.deepEqual(await thread.info('getSubscriptions', 'uri'), ['a', 'c', 'b']);
		}
	});

	test('distinguishes ids and URIs of any kind', async () => {
		const { here, one } = await inOneScope();
		const strings = ['', '__proto__', 'constructor', 'c:d', 'ü', '\ud83d', '\ude00', 'a\0b', 'a', 'x'.repeat(20_000)];
		for (const uri of strings) {
			for (const id of strings) await one.info('addSubscription', id, uri);
			assert.deepEqual(await here.info('getSubscriptions', uri), strings);
		}
	});
});

test('delete removes all values and subscriptions of a session, in any thread, and does not affect other sessions', async () => {
	const { here, one, two } = await inOneScope();
	for (const id of ['a', 'b']) {
		for (const [what, , value] of VALUES) await one.info(`set${what}`, id, value);
		for (const uri of ['one', 'two']) await here.info('addSubscription', id, uri);
	}
	await two.info('delete', 'a');
	await two.info('delete', 'unknown');
	for (const thread of [here, one, two]) {
		for (const [what, , value] of VALUES) {
			await assert.rejects(thread.info(`get${what}`, 'a'));
			assert.deepEqual(await thread.info(`get${what}`, 'b'), value);
		}
		for (const uri of ['one', 'two']) assert.deepEqual(await thread.info('getSubscriptions', uri), ['b']);
	}
});

testInfoRefusals({
	make,
	makeForOne: () => make({ maxSessions: 1 }),
	refusal: (argument, found) =>
		`${argument} must be data that JSON can represent, because other threads or processes receive it; ${found}: pass plain objects and arrays, or use an in-memory manager without "scope"`,
});

describe('a value that JSON cannot carry', () => {
	test('is kept as it is without a scope', async () => {
		const manager = new InMemoryInfoSessionManager();
		for (const [, value] of REFUSED) {
			manager.setClientInfo('a', /** @type {any} */ (value));
			assert.equal(await manager.getClientInfo('a'), value);
		}
	});
});

describe('maxSessions', () => {
	test('counts the sessions of all threads', async () => {
		const { here, one, two } = await inOneScope({ maxSessions: 2 });
		await one.info('setLogLevel', 'a', 'debug');
		await two.info('addSubscription', 'b', 'uri');
		for (const thread of [here, one, two]) {
			for (const [method, value] of /** @type {const} */ ([
				['setLogLevel', 'error'],
				['setClientInfo', CLIENT],
				['setClientCapabilities', {}],
				['addSubscription', 'uri'],
			])) {
				await assert.rejects(thread.info(method, 'c', value), { code: 'ERR_SESSION_LIMIT', limit: 2 });
			}
			await thread.info('setLogLevel', 'b', 'error');
		}
		assert.equal(await here.info('getLogLevel', 'a'), 'debug');
		assert.deepEqual(await here.info('getSubscriptions', 'uri'), ['b']);
		await here.info('delete', 'a');
		await one.info('setLogLevel', 'c', 'error');
		assert.equal(await two.info('getLogLevel', 'c'), 'error');
		await assert.rejects(two.info('setLogLevel', 'a', 'error'), { code: 'ERR_SESSION_LIMIT' });
	});

	test('does not count a session whose last subscription another thread has removed', async () => {
		const { here, one } = await inOneScope({ maxSessions: 1 });
		await one.info('addSubscription', 'a', 'uri');
		await here.info('removeSubscription', 'a', 'uri');
		await one.info('addSubscription', 'b', 'uri');
		assert.deepEqual(await here.info('getSubscriptions', 'uri'), ['b']);
	});

	test('applies to the manager that sets it, and to no other', async () => {
		const { one, scope } = await inOneScope();
		const limited = new InMemoryInfoSessionManager({ scope, maxSessions: 1 });
		for (const id of ['a', 'b', 'c']) await one.info('setLogLevel', id, 'debug');
		assert.throws(() => limited.setLogLevel('d', 'debug'), SessionLimitError);
		await one.info('setLogLevel', 'd', 'debug');
	});
});

describe('ttlMs', () => {
	// Long enough for a worker to finish a command before the TTL has passed.
	const LONG_MS = 1_000;
	// Every session is idle for that long: the manager asks for it at once, and repeatedly.
	const SHORT_MS = 4;

	/** Keeps the managers from being collected: the test itself only waits for their calls. @type {unknown[]} */
	const kept = [];

	/** @param {import('@tmcp-native/session-manager').InfoSessionManagerOptions} options */
	function managerWithTtl(options) {
		const manager = new InMemoryInfoSessionManager(options);
		kept.push(manager);
		return manager;
	}

	test('removes what was set in any thread, after it has asked the stream manager for the session', async () => {
		const { here, one, scope } = await inOneScope();
		const asked = deferred();
		const has = async (/** @type {string} */ id) => {
			asked.resolve(id);
			return false;
		};
		await one.info('setLogLevel', 'a', 'debug');
		await one.info('addSubscription', 'a', 'uri');
		const manager = managerWithTtl({ scope, ttlMs: SHORT_MS, streams: { has } });
		assert.equal(await asked.promise, 'a');
		await turn();
		for (const thread of [here, one]) assert.deepEqual(await thread.info('getSubscriptions', 'uri'), []);
		await assert.rejects(one.info('getLogLevel', 'a'));
		await assert.rejects(manager.getLogLevel('a'));
	});

	test('keeps a session whose stream is open in any thread, and removes it when the stream is closed', async () => {
		const { here, one, scope } = await inOneScope();
		await one.createStream('a');
		for (const id of ['a', 'b']) await one.info('addSubscription', id, 'uri');
		const streams = new InMemoryStreamSessionManager({ scope });
		let asked = 0;
		const has = (/** @type {string} */ id) => {
			if (id === 'a') asked++;
			return streams.has(id);
		};
		const manager = managerWithTtl({ scope, ttlMs: SHORT_MS, streams: { has } });
		await until(() => asked > 5);
		assert.deepEqual(await here.info('getSubscriptions', 'uri'), ['a']);
		await one.deleteStream('a');
		await until(async () => (await manager.getSubscriptions('uri')).length === 0);
		await assert.rejects(one.info('getLogLevel', 'a'));
	});

	test('counts from the last time the stream was found open', async () => {
		const TTL_MS = 400;
		/** @type {number[]} */
		const asked = [];
		const second = deferred();
		const has = async () => {
			if (asked.push(performance.now()) === 2) second.resolve();
			return true;
		};
		const manager = managerWithTtl({ scope: newScope(), ttlMs: TTL_MS, streams: { has } });
		manager.addSubscription('a', 'uri');
		await second.promise;
		const passed = asked[1] - asked[0];
		assert.ok(passed > TTL_MS - 1, `\`has\` was called again after ${passed} ms`);
	});

	for (const [what, broken] of /** @type {[string, () => any][]} */ ([
		['rejects', () => Promise.reject(new Error('no connection'))],
		[
			'throws',
			() => {
				throw new Error('not implemented');
			},
		],
	])) {
		test(`keeps a session while the stream manager cannot tell whether it is open: it ${what}`, async () => {
			const scope = newScope();
			let asked = 0;
			const has = () => (asked++ < 5 ? broken() : Promise.resolve(false));
			const manager = managerWithTtl({ scope, ttlMs: SHORT_MS, streams: { has } });
			manager.addSubscription('a', 'uri');
			await until(() => asked === 5);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			await until(() => asked === 6);
			await until(async () => (await manager.getSubscriptions('uri')).length === 0);
		});
	}

	test('calls `has` once at a time for each session, even when the reply takes long', async () => {
		const scope = newScope();
		/** @type {string[]} */
		const asked = [];
		const answer = deferred();
		const has = (/** @type {string} */ id) => {
			asked.push(id);
			return id === 'a' ? answer.promise : Promise.resolve(true);
		};
		const manager = managerWithTtl({ scope, ttlMs: SHORT_MS, streams: { has } });
		for (const id of ['a', 'b']) manager.addSubscription(id, 'uri');
		await until(() => asked.filter((id) => id === 'b').length > 5);
		assert.equal(asked.filter((id) => id === 'a').length, 1);
		answer.resolve(false);
		await turn();
		assert.deepEqual(await manager.getSubscriptions('uri'), ['b']);
	});

	for (const [what, touch] of /** @type {[string, (there: Thread) => Promise<unknown>][]} */ ([
		['setting', (there) => there.info('setLogLevel', 'a', 'error')],
		['getting a value that is not set', (there) => there.info('getClientInfo', 'a').catch(() => {})],
		['adding a subscription', (there) => there.info('addSubscription', 'a', 'other')],
		['removing a subscription', (there) => there.info('removeSubscription', 'a', 'none')],
	])) {
		test(`keeps a session that another thread uses while the stream manager is asked: ${what}`, async () => {
			const { one, scope } = await inOneScope();
			const [first, second, answer] = [deferred(), deferred(), deferred()];
			let asked = 0;
			const has = () => {
				if (asked++ === 0) {
					first.resolve();
					return answer.promise;
				}
				second.resolve();
				return Promise.resolve(false);
			};
			await one.info('addSubscription', 'a', 'uri');
			const manager = managerWithTtl({ scope, ttlMs: LONG_MS, streams: { has } });
			await first.promise;
			await touch(one);
			answer.resolve(false);
			await turn();
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			// The session is idle for the TTL again.
			await second.promise;
			await turn();
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
		});
	}

	test('of a manager in one thread removes what was set in a thread without a TTL', async () => {
		const { here, one, scope } = await inOneScope();
		await here.info('addSubscription', 'a', 'uri');
		await one.open({ scope, ttlMs: SHORT_MS });
		await until(async () => (await here.info('getSubscriptions', 'uri')).length === 0);
	});
});

describe('a thread that ends', () => {
	for (const [how, what] of /** @type {const} */ ([
		['terminate', 'is terminated'],
		['throw', 'throws'],
		['exit', 'exits'],
		['nothing left', 'has no work left'],
	])) {
		test(`removes the values of the sessions that had a stream in it, and no others: it ${what}`, async () => {
			const { here, one, two, scope } = await inOneScope();
			const ending = new Thread();
			await ending.open({ scope, ttlMs: 3_600_000 });
			const ids = ['its own', 'set elsewhere', 'without a stream', 'deleted', 'replaced', 'of another thread'];
			for (const [index, id] of ids.entries()) {
				const setter = index === 1 ? two : ending;
				for (const [what, , value] of VALUES) await setter.info(`set${what}`, id, value);
				await setter.info('addSubscription', id, 'uri');
			}
			for (const id of ['its own', 'set elsewhere', 'deleted', 'replaced']) await ending.createStream(id);
			await ending.deleteStream('deleted');
			await one.createStream('replaced');
			await one.createStream('of another thread');
			assert.deepEqual(await here.info('getSubscriptions', 'uri'), ids);

			await ending.end(how);
			// Deno reports the end of a thread before the thread has ended.
			if ('Deno' in globalThis) await until(async () => !(await hasInfo(here, 'its own')));
			for (const thread of [here, one, two]) {
				assert.deepEqual(await thread.info('getSubscriptions', 'uri'), ids.slice(2));
				for (const [what, , value] of VALUES) {
					for (const id of ids.slice(0, 2)) await assert.rejects(thread.info(`get${what}`, id));
					for (const id of ids.slice(2)) assert.deepEqual(await thread.info(`get${what}`, id), value);
				}
			}
		});
	}

	test('makes room for other sessions', async () => {
		const { here, scope } = await inOneScope({ maxSessions: 1 });
		const ending = new Thread();
		await ending.open({ scope });
		await ending.createStream('a');
		await ending.info('setLogLevel', 'a', 'debug');
		await assert.rejects(here.info('setLogLevel', 'b', 'debug'), SessionLimitError);
		await ending.end('terminate');
		if ('Deno' in globalThis) await until(async () => !(await hasInfo(here, 'a')));
		await here.info('setLogLevel', 'b', 'debug');
	});
});

/**
 * @param {Managers} thread
 * @param {string} id
 */
async function hasInfo(thread, id) {
	return thread.info('getLogLevel', id).then(
		() => true,
		() => false,
	);
}

describe('a scope', () => {
	test('is separate from other scopes, and from managers without a scope', async () => {
		const { here, one, scope } = await inOneScope();
		const alone = new InMemoryInfoSessionManager();
		const elsewhere = make();
		await one.info('setLogLevel', 'a', 'debug');
		elsewhere.setLogLevel('a', 'error');
		alone.setLogLevel('a', 'warning');
		elsewhere.addSubscription('a', 'uri');
		elsewhere.delete('a');
		assert.equal(await here.info('getLogLevel', 'a'), 'debug');
		assert.equal(await new InMemoryInfoSessionManager({ scope }).getLogLevel('a'), 'debug');
		assert.equal(await alone.getLogLevel('a'), 'warning');
		await assert.rejects(elsewhere.getLogLevel('a'));
		assert.deepEqual(await here.info('getSubscriptions', 'uri'), []);
	});

	test('is the same for two managers in one thread', async () => {
		const scope = newScope();
		const [first, second] = [new InMemoryInfoSessionManager({ scope }), new InMemoryInfoSessionManager({ scope })];
		first.setClientInfo('a', CLIENT);
		second.addSubscription('a', 'uri');
		assert.deepEqual(await second.getClientInfo('a'), CLIENT);
		assert.deepEqual(await first.getSubscriptions('uri'), ['a']);
		second.delete('a');
		await assert.rejects(first.getClientInfo('a'));
	});

	test('is removed with the last thread that has a manager of it', async () => {
		const scope = newScope();
		const [first, last] = [new Thread(), new Thread()];
		for (const thread of [first, last]) await thread.open({ scope });
		await first.info('addSubscription', 'a', 'uri');
		await first.end('terminate');
		assert.deepEqual(await last.info('getSubscriptions', 'uri'), ['a']);
		await last.end('terminate');
		if ('Deno' in globalThis) await untilRemoved(scope);
		assert.deepEqual(await new InMemoryInfoSessionManager({ scope }).getSubscriptions('uri'), []);
	});

	test('is removed when all its managers are collected', async () => {
		const scope = newScope();
		await collected(droppedManager(scope));
		await untilRemoved(scope);
	});

	test('is kept while another thread has a manager of it', async () => {
		const scope = newScope();
		const [worker] = workers;
		await worker.open({ scope });
		await collected(droppedManager(scope));
		for (let turns = 0; turns < 20; turns++) await turn();
		assert.deepEqual(await worker.info('getSubscriptions', 'uri'), ['a']);
	});

	test('is kept while an info manager is left, even when it is the only manager', async () => {
		const scope = newScope();
		const manager = new InMemoryInfoSessionManager({ scope });
		manager.addSubscription('a', 'uri');
		await collected(new WeakRef(new InMemoryStreamSessionManager({ scope })));
		for (let turns = 0; turns < 20; turns++) await turn();
		assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
		assert.deepEqual(await new InMemoryInfoSessionManager({ scope }).getSubscriptions('uri'), ['a']);
	});
});

/**
 * Returns a weak reference to a manager that has one session and that nothing else references.
 *
 * @param {string} scope
 */
function droppedManager(scope) {
	const manager = new InMemoryInfoSessionManager({ scope, ttlMs: 3_600_000 });
	manager.addSubscription('a', 'uri');
	return new WeakRef(manager);
}

/** @param {string} scope */
async function untilRemoved(scope) {
	// The manager that looks up the scope keeps it, until it is collected as well.
	const look = async () => {
		const manager = new InMemoryInfoSessionManager({ scope });
		return { ids: await manager.getSubscriptions('uri'), reference: new WeakRef(manager) };
	};
	await until(async () => {
		const { ids, reference } = await look();
		await collected(reference);
		return ids.length === 0;
	});
}
