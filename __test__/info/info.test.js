// The drop-in contract of the info managers, with upstream 0.3.0 beside ours; then what is ours alone.

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

import { testInfo, VALUES } from '../suites/info.js';
import { infoManagers } from '../support/implementations.js';
import { fakeController } from '../support/streams.js';

for (const implementation of Object.values(infoManagers)) testInfo(implementation);

for (const { name, make } of [infoManagers.ours, infoManagers.scoped]) {
	describe(`maxSessions of ${name}`, () => {
		test('refuses what would make one session more, with a SessionLimitError, and nothing is lost', async () => {
			const manager = make({ maxSessions: 2 });
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
					assert.match(error.message, /session limit is reached \("maxSessions" is 2\)/);
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
			const manager = make({
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
			const manager = make({ maxSessions: 1 });
			manager.addSubscription('a', 'uri');
			manager.removeSubscription('a', 'uri');
			manager.addSubscription('b', 'uri');
		});

		test('lets known sessions set more, and a new one come when one is gone', async () => {
			const manager = make({ maxSessions: 1 });
			manager.setLogLevel('a', 'debug');
			manager.setClientInfo('a', VALUES[0][2]);
			manager.addSubscription('a', 'uri');
			manager.delete('a');
			manager.setLogLevel('b', 'error');
			assert.equal(await manager.getLogLevel('b'), 'error');
		});
	});
}

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
		[{ maxSessions: 0 }, /option "maxSessions" must be an integer of at least 1, or Infinity; got the number 0/],
		[{ maxSessions: 1.5 }, /got the number 1.5/],
		[{ maxSessions: '5' }, /got the string "5"/],
		[{ onSessionLimit: true }, /option "onSessionLimit" must be a function; got the boolean true/],
		[{ ttlMs: 0 }, /option "ttlMs" must be a number of milliseconds from 1 to 2147483647; got the number 0/],
		[{ ttlMs: 2 ** 31 }, /got the number 2147483648/],
		[{ ttlMs: NaN }, /got the number NaN/],
		[{ streams: {} }, /option "streams" must be a stream manager with the method has\(\); got an object/],
		[{ streams: null }, /got null/],
		[{ scope: '' }, /option "scope" must be a non-empty string; got the string ""/],
		[{ scope: 5 }, /got the number 5/],
		[{ scop: 'a' }, /there is no option "scop"; did you mean "scope"\?/],
		[{ scope: 'a', maxMailboxBytes: 1 }, /there is no option "maxMailboxBytes"/],
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
