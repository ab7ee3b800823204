// The drop-in contract of the info managers, point by point, with upstream 0.3.0 beside ours; then what is ours alone.

import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import {
	InfoSessionManager,
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	SessionLimitError,
	StreamSessionManager,
} from '@tmcp-native/session-manager';

import { infoManagers } from './support/implementations.js';
import { fakeController } from './support/streams.js';

/** Their names in methods, and in what a getter rejects with. */
const VALUES = /** @type {const} */ ([
	['ClientInfo', 'Client info', { name: 'client', version: '1' }],
	['ClientCapabilities', 'Client capabilities', { sampling: {} }],
	['LogLevel', 'Log Level', 'warning'],
]);

for (const { name, make } of Object.values(infoManagers)) {
	describe(`the info manager of ${name}`, () => {
		for (const [what, words, value] of VALUES) {
			/** @type {any} */
			let manager;
			const get = (/** @type {unknown} */ id) => manager[`get${what}`](id);
			const set = (/** @type {unknown} */ id, /** @type {unknown} */ to) => manager[`set${what}`](id, to);

			test(`1. set${what} stores, and get${what} resolves to the same value`, async () => {
				manager = make();
				assert.equal(set('a', value), undefined);
				const answer = get('a');
				assert.ok(answer instanceof Promise);
				assert.equal(await answer, value);
				const another = typeof value === 'string' ? 'debug' : { ...value };
				set('a', another);
				assert.equal(await get('a'), another);
			});

			test(`1. get${what} rejects for a session of which it is not known`, async () => {
				manager = make();
				for (const id of ['a', '', '__proto__', 'a b']) {
					await assert.rejects(get(id), { name: 'Error', message: `${words} not found for session ${id}` });
				}
				manager.addSubscription('a', 'uri');
				for (const nothing of [undefined, null]) {
					set('a', nothing);
					await assert.rejects(get('a'), { message: `${words} not found for session a` });
				}
			});

			test(`1. get${what} rejects, and does not throw, for what is no string`, async () => {
				manager = make();
				for (const id of [undefined, null, 1, Symbol('s')]) await assert.rejects(get(id));
			});
		}

		test('1. the three do not get in each other’s way', async () => {
			const manager = make();
			manager.setLogLevel('a', 'error');
			await assert.rejects(manager.getClientInfo('a'));
			manager.setClientInfo('a', VALUES[0][2]);
			assert.equal(await manager.getLogLevel('a'), 'error');
			await assert.rejects(manager.getClientCapabilities('a'));
		});

		test('2. getSubscriptions resolves to the ids of one URI, in the order they came, once each', async () => {
			const manager = make();
			for (const id of ['b', 'a', 'b', 'c']) manager.addSubscription(id, 'uri');
			manager.addSubscription('d', 'other');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['b', 'a', 'c']);
			manager.removeSubscription('b', 'uri');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a', 'c']);
			manager.addSubscription('b', 'uri');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a', 'c', 'b']);
			assert.deepEqual(await manager.getSubscriptions('unknown'), []);
		});

		test('2. the list is the caller’s: changing it changes nothing', async () => {
			const manager = make();
			manager.addSubscription('a', 'uri');
			(await manager.getSubscriptions('uri')).push('b');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
		});

		test('2. ids and URIs are any string', async () => {
			const manager = make();
			const strings = ['', '__proto__', 'constructor', 'c:d', 'ü', '\ud83d', 'a\0b'];
			for (const id of strings) for (const uri of strings) manager.addSubscription(id, uri);
			for (const uri of strings) assert.deepEqual(await manager.getSubscriptions(uri), strings);
		});

		test('2. removing what is not there is no error', async () => {
			const manager = make();
			manager.addSubscription('a', 'uri');
			manager.removeSubscription('a', 'other');
			manager.removeSubscription('b', 'uri');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
		});

		test('3. delete removes all of a session, from every URI, and nothing of the others', async () => {
			const manager = make();
			for (const id of ['a', 'b']) {
				manager.setClientInfo(id, VALUES[0][2]);
				manager.setClientCapabilities(id, VALUES[1][2]);
				manager.setLogLevel(id, 'debug');
				for (const uri of ['one', 'two']) manager.addSubscription(id, uri);
			}
			assert.equal(manager.delete('a'), undefined);
			await assert.rejects(manager.getClientInfo('a'));
			await assert.rejects(manager.getClientCapabilities('a'));
			await assert.rejects(manager.getLogLevel('a'));
			for (const uri of ['one', 'two']) assert.deepEqual(await manager.getSubscriptions(uri), ['b']);
			assert.equal(await manager.getLogLevel('b'), 'debug');
			manager.delete('a');
			manager.delete('unknown');
		});
	});
}

describe('maxSessions', () => {
	test('refuses what would make one session more, with a SessionLimitError, and nothing is lost', async () => {
		const manager = new InMemoryInfoSessionManager({ maxSessions: 2 });
		manager.setLogLevel('a', 'debug');
		manager.addSubscription('b', 'uri');
		for (const refused of [
			() => manager.setLogLevel('c', 'error'),
			() => manager.setClientInfo('c', VALUES[0][2]),
			() => manager.setClientCapabilities('c', VALUES[1][2]),
			() => manager.addSubscription('c', 'uri'),
		]) {
			assert.throws(refused, (error) => {
				assert.ok(error instanceof SessionLimitError);
				assert.deepEqual([error.name, error.code, error.limit], ['SessionLimitError', 'ERR_SESSION_LIMIT', 2]);
				assert.match(error.message, /2 sessions already.*maxSessions/);
				return true;
			});
		}
		assert.equal(await manager.getLogLevel('a'), 'debug');
		assert.deepEqual(await manager.getSubscriptions('uri'), ['b']);
		await assert.rejects(manager.getLogLevel('c'));
	});

	test('tells onSessionLimit instead of throwing, where there is one, and nothing is set', async () => {
		/** @type {[SessionLimitError, string][]} */
		const told = [];
		const manager = new InMemoryInfoSessionManager({
			maxSessions: 1,
			onSessionLimit(error, id) {
				told.push([error, id]);
				throw new Error('passed over');
			},
		});
		manager.setLogLevel('a', 'debug');
		manager.setLogLevel('b', 'error');
		manager.setClientInfo('b', VALUES[0][2]);
		manager.setClientCapabilities('b', VALUES[1][2]);
		manager.addSubscription('b', 'uri');
		assert.equal(told.length, 4);
		for (const [error, id] of told)
			assert.deepEqual([error instanceof SessionLimitError, error.limit, id], [true, 1, 'b']);
		await assert.rejects(manager.getLogLevel('b'));
		assert.deepEqual(await manager.getSubscriptions('uri'), []);
		assert.equal(await manager.getLogLevel('a'), 'debug');
	});

	test('does not count a session that is known no more, be it that its last subscription was removed', () => {
		const manager = new InMemoryInfoSessionManager({ maxSessions: 1 });
		manager.addSubscription('a', 'uri');
		manager.removeSubscription('a', 'uri');
		manager.addSubscription('b', 'uri');
	});

	test('lets known sessions set more, and a new one come when one is gone', async () => {
		const manager = new InMemoryInfoSessionManager({ maxSessions: 1 });
		manager.setLogLevel('a', 'debug');
		manager.setClientInfo('a', VALUES[0][2]);
		manager.addSubscription('a', 'uri');
		manager.delete('a');
		manager.setLogLevel('b', 'error');
		assert.equal(await manager.getLogLevel('b'), 'error');
	});
});

describe('ttlMs', () => {
	/**
	 * @param {import('@tmcp-native/session-manager').InfoSessionManagerOptions} options
	 * @param {(manager: InMemoryInfoSessionManager, pass: (ms: number) => Promise<void>) => Promise<void>} act
	 */
	async function withClock(options, act) {
		mock.timers.enable({ apis: ['setInterval'] });
		try {
			await act(new InMemoryInfoSessionManager(options), async (ms) => {
				// A step at a time, so that what a sweep waits for is there before the next one.
				for (let passed = 0; passed < ms; passed += 250) {
					mock.timers.tick(250);
					await turn();
				}
			});
		} finally {
			mock.timers.reset();
		}
	}

	test('forgets all of a session that nobody touched for so long, and not earlier', () =>
		withClock({ ttlMs: 1_000 }, async (manager, pass) => {
			manager.setLogLevel('a', 'debug');
			manager.addSubscription('a', 'uri');
			await pass(1_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			await pass(250);
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
			await assert.rejects(manager.getLogLevel('a'));
		}));

	for (const [what, touch] of /** @type {[string, (manager: InMemoryInfoSessionManager) => unknown][]} */ ([
		['getting', (manager) => manager.getLogLevel('a')],
		['asking in vain', (manager) => manager.getClientInfo('a').catch(() => {})],
		['setting', (manager) => manager.setLogLevel('a', 'debug')],
		['adding a subscription', (manager) => manager.addSubscription('a', 'other')],
		['removing one', (manager) => manager.removeSubscription('a', 'none')],
	])) {
		test(`counts from the last touch: ${what}`, () =>
			withClock({ ttlMs: 1_000 }, async (manager, pass) => {
				manager.setLogLevel('a', 'debug');
				manager.setLogLevel('idle', 'debug');
				for (let n = 0; n < 5; n++) {
					await pass(750);
					await touch(manager);
				}
				assert.equal(await manager.getLogLevel('a'), 'debug');
				await assert.rejects(manager.getLogLevel('idle'));
			}));
	}

	test('never forgets a session whose stream is open, and counts from its end', () => {
		const streams = new InMemoryStreamSessionManager();
		streams.create('a', fakeController());
		return withClock({ ttlMs: 1_000, streams }, async (manager, pass) => {
			manager.addSubscription('a', 'uri');
			manager.addSubscription('b', 'uri');
			await pass(10_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			streams.delete('a');
			await pass(1_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			await pass(1_500);
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
		});
	});

	test('keeps a session of which the stream manager cannot say whether it is open', () => {
		let broken = true;
		const has = async () => {
			if (broken) throw new Error('no connection');
			return false;
		};
		return withClock({ ttlMs: 1_000, streams: { has } }, async (manager, pass) => {
			manager.addSubscription('a', 'uri');
			await pass(5_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			broken = false;
			await pass(2_500);
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
		});
	});

	test('keeps a session whose stream manager throws when it is asked, and the process goes on', () => {
		// @ts-expect-error its methods are not implemented, and throw
		const streams = new (class extends StreamSessionManager {})();
		return withClock({ ttlMs: 1_000, streams }, async (manager, pass) => {
			manager.addSubscription('a', 'uri');
			await pass(5_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
		});
	});

	test('asks the stream manager for a session once at a time, however long the answer takes', () => {
		let asked = 0;
		/** @type {(open: boolean) => void} */
		let answer = () => {};
		const has = () => {
			asked++;
			return new Promise((resolve) => {
				answer = resolve;
			});
		};
		return withClock({ ttlMs: 1_000, streams: { has } }, async (manager, pass) => {
			manager.addSubscription('a', 'uri');
			await pass(10_000);
			assert.equal(asked, 1);
			answer(false);
			await turn();
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
		});
	});

	test('keeps a session that is touched while the stream manager is asked', () => {
		/** @type {() => void} */
		let touch = () => {};
		const has = async () => {
			touch();
			return false;
		};
		return withClock({ ttlMs: 1_000, streams: { has } }, async (manager, pass) => {
			manager.setLogLevel('a', 'debug');
			touch = () => manager.setLogLevel('a', 'error');
			await pass(5_000);
			assert.equal(await manager.getLogLevel('a'), 'error');
		});
	});
});

describe('options of the info manager', () => {
	for (const [options, message] of /** @type {[any, RegExp][]} */ ([
		[{ maxSession: 1 }, /there is no option "maxSession"; did you mean "maxSessions"\?/],
		[{ ttl: 1 }, /there is no option "ttl"; did you mean "ttlMs"\?/],
		[{ maxSessions: 0 }, /option "maxSessions" must be a whole number from 1, or Infinity; got the number 0/],
		[{ maxSessions: 1.5 }, /got the number 1.5/],
		[{ maxSessions: '5' }, /got the string "5"/],
		[{ onSessionLimit: true }, /option "onSessionLimit" must be a function; got the boolean true/],
		[{ ttlMs: 0 }, /option "ttlMs" must be a number of milliseconds from 1 to 2147483647; got the number 0/],
		[{ ttlMs: 2 ** 31 }, /got the number 2147483648/],
		[{ ttlMs: NaN }, /got the number NaN/],
		[{ streams: {} }, /option "streams" must be a stream manager, which has the method has\(\); got an object/],
		[{ streams: null }, /got null/],
		[null, /"options" must be an object; got null/],
	])) {
		test(`are refused where they cannot be: ${message.source}`, () => {
			assert.throws(
				() => new InMemoryInfoSessionManager(options),
				(error) => {
					assert.ok(error instanceof TypeError);
					assert.match(error.message, /^InMemoryInfoSessionManager: /);
					assert.match(error.message, message);
					return true;
				},
			);
		});
	}
});

test('each method of the abstract base throws where it was not overridden', () => {
	// @ts-expect-error abstract
	class Unfinished extends InfoSessionManager {}
	for (const method of Object.getOwnPropertyNames(InfoSessionManager.prototype).filter(
		(name) => name !== 'constructor',
	)) {
		// @ts-expect-error abstract
		assert.throws(() => new Unfinished()[method](), { name: 'Error', message: 'Method not implemented.' });
	}
	assert.equal(Object.getOwnPropertyNames(InfoSessionManager.prototype).length, 11);
	assert.ok(new InMemoryInfoSessionManager() instanceof InfoSessionManager);
});
