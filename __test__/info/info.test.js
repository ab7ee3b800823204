// The info managers: the drop-in contract, tested against upstream 0.3.0 and ours, and then the options that only ours has.
//
// Run: npm run test:js -- info

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
import { testNumberOptions, testNumbersInRange } from '../suites/number-options.js';
import { infoManagers } from '../support/implementations.js';
import { fakeController } from '../support/streams.js';

for (const implementation of Object.values(infoManagers)) testInfo(implementation);

for (const { name, make, skip = false } of [infoManagers.ours, infoManagers.scoped]) {
	describe(`maxSessions of ${name}`, { skip }, () => {
		test('refuses one session too many with a SessionLimitError, and keeps the others', async () => {
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

		test('calls onSessionLimit instead of throwing, if it is given, and sets nothing', async () => {
			/** @type {[SessionLimitError, string][]} */
			const calls = [];
			const manager = make({
				maxSessions: 1,
				onSessionLimit(error, id) {
					calls.push([error, id]);
					throw new Error('thrown by onSessionLimit');
				},
			});
			manager.setLogLevel('a', 'debug');
			manager.setLogLevel('b', 'error');
			manager.setClientInfo('b', VALUES[0][2]);
			manager.setClientCapabilities('b', VALUES[1][2]);
			manager.addSubscription('b', 'uri');
			assert.equal(calls.length, 4);
			for (const [error, id] of calls)
				assert.deepEqual([error instanceof SessionLimitError, error.limit, id], [true, 1, 'b']);
			await assert.rejects(manager.getLogLevel('b'));
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
			assert.equal(await manager.getLogLevel('a'), 'debug');
		});

		test('ignores a promise of onSessionLimit that rejects', async () => {
			let calls = 0;
			const manager = make({
				maxSessions: 1,
				async onSessionLimit() {
					calls++;
					throw new Error('rejected by onSessionLimit');
				},
			});
			for (const id of ['a', 'b']) manager.setLogLevel(id, 'debug');
			// A rejection that is not handled fails the test in this turn.
			await turn();
			assert.equal(calls, 1);
		});

		test('does not count a session whose last data was removed', () => {
			const manager = make({ maxSessions: 1 });
			manager.addSubscription('a', 'uri');
			manager.removeSubscription('a', 'uri');
			manager.addSubscription('b', 'uri');
		});

		test('lets known sessions set more data, and accepts a new session after a delete', async () => {
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
				// Small steps, so that promises of one check settle before the next check.
				for (let passed = 0; passed < ms; passed += 250) {
					mock.timers.tick(250);
					await turn();
				}
			});
		} finally {
			mock.timers.reset();
		}
	}

	test('removes all data of a session after ttlMs without access, and not earlier', () =>
		withClock({ ttlMs: 1_000 }, async (manager, pass) => {
			manager.setLogLevel('a', 'debug');
			manager.addSubscription('a', 'uri');
			await pass(1_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			await pass(250);
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
			await assert.rejects(manager.getLogLevel('a'));
		}));

	for (const [kind, access] of /** @type {[string, (manager: InMemoryInfoSessionManager) => unknown][]} */ ([
		['a get', (manager) => manager.getLogLevel('a')],
		['a get that rejects', (manager) => manager.getClientInfo('a').catch(() => {})],
		['a set', (manager) => manager.setLogLevel('a', 'debug')],
		['addSubscription', (manager) => manager.addSubscription('a', 'other')],
		['removeSubscription', (manager) => manager.removeSubscription('a', 'none')],
	])) {
		test(`starts again with each access: ${kind}`, () =>
			withClock({ ttlMs: 1_000 }, async (manager, pass) => {
				manager.setLogLevel('a', 'debug');
				manager.setLogLevel('idle', 'debug');
				for (let n = 0; n < 5; n++) {
					await pass(750);
					await access(manager);
				}
				assert.equal(await manager.getLogLevel('a'), 'debug');
				await assert.rejects(manager.getLogLevel('idle'));
			}));
	}

	test('keeps a session while its stream is open, and starts when the stream ends', () => {
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

	test('keeps a session while the stream manager’s has rejects', () => {
		let isBroken = true;
		const has = async () => {
			if (isBroken) throw new Error('no connection');
			return false;
		};
		return withClock({ ttlMs: 1_000, streams: { has } }, async (manager, pass) => {
			manager.addSubscription('a', 'uri');
			await pass(5_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			isBroken = false;
			await pass(2_500);
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
		});
	});

	test('keeps a session while the stream manager’s has throws, and the process continues', () => {
		// @ts-expect-error its methods are not implemented: they throw
		const streams = new (class extends StreamSessionManager {})();
		return withClock({ ttlMs: 1_000, streams }, async (manager, pass) => {
			manager.addSubscription('a', 'uri');
			await pass(5_000);
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
		});
	});

	test('calls has of the stream manager once at a time for a session', () => {
		let calls = 0;
		/** @type {(open: boolean) => void} */
		let settle = () => {};
		const has = () => {
			calls++;
			return new Promise((resolve) => {
				settle = resolve;
			});
		};
		return withClock({ ttlMs: 1_000, streams: { has } }, async (manager, pass) => {
			manager.addSubscription('a', 'uri');
			await pass(10_000);
			assert.equal(calls, 1);
			settle(false);
			await turn();
			assert.deepEqual(await manager.getSubscriptions('uri'), []);
		});
	});

	test('keeps a session that is accessed while has is pending', () => {
		/** @type {() => void} */
		let access = () => {};
		const has = async () => {
			access();
			return false;
		};
		return withClock({ ttlMs: 1_000, streams: { has } }, async (manager, pass) => {
			manager.setLogLevel('a', 'debug');
			access = () => manager.setLogLevel('a', 'error');
			await pass(5_000);
			assert.equal(await manager.getLogLevel('a'), 'error');
		});
	});
});

describe('options of the info manager', () => {
	const numbers = [
		{ name: 'maxSessions', orInfinity: true },
		{ name: 'ttlMs', orFraction: true },
	];
	const make = (/** @type {any} */ options) => new InMemoryInfoSessionManager(options);
	testNumberOptions('InMemoryInfoSessionManager', numbers, make);
	testNumbersInRange('InMemoryInfoSessionManager', numbers, make);

	for (const [options, message] of /** @type {[any, RegExp][]} */ ([
		[{ maxSession: 1 }, /there is no option "maxSession"; did you mean "maxSessions"\?/],
		[{ ttl: 1 }, /there is no option "ttl"; did you mean "ttlMs"\?/],
		[{ onSessionLimit: true }, /option "onSessionLimit" must be a function; got the boolean true/],
		[{ streams: {} }, /option "streams" must be a stream manager with the method has\(\); got an object/],
		[{ streams: null }, /got null/],
		[{ scope: '' }, /option "scope" must be a non-empty string; got the string ""/],
		[{ scope: 5 }, /got the number 5/],
		[{ scop: 'a' }, /there is no option "scop"; did you mean "scope"\?/],
		[{ scope: 'a', maxMailboxBytes: 1 }, /there is no option "maxMailboxBytes"/],
		[null, /"options" must be an object; got null/],
	])) {
		test(`are refused if invalid: ${message.source}`, () => {
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

test('each method of the abstract base class throws if it is not overridden', () => {
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
