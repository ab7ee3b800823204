// The async context (`AsyncLocalStorage`) of callbacks: that of the call that they were given to, and none for what timers and
// other threads cause. No store is kept alive without a callback.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import {
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
} from '@tmcp-native/session-manager';

import { collected } from '../support/garbage.js';
import { hubs, withSlowClock } from '../support/policy.js';
import { fakeController } from '../support/streams.js';
import { flush, startThreads } from '../support/threads/stream-threads.js';
import { newScope } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

const TOOLS = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
const storage = new AsyncLocalStorage();

/** Returns a log, and a function that adds a name and the current store to it. */
function record() {
	/** @type {string[]} */
	const log = [];
	return { log, seen: (/** @type {string} */ name) => void log.push(`${name}: ${storage.getStore()}`) };
}

/** A controller that records the context of its calls. @param {(name: string) => void} seen */
const recording = (seen) => ({ enqueue: () => seen('enqueue'), close: () => seen('close') });

describe('a callback caused by another thread', () => {
	const { inOneScope } = startThreads();

	test('runs in the context in which it was given; a controller runs in none', async () => {
		const { one, scope } = await inOneScope();
		const { log, seen } = record();
		const manager = storage.run('first request', () => {
			return new InMemoryStreamSessionManager({ scope, onClose: () => seen('onClose') });
		});
		storage.run('second request', () => manager.create('a', recording(seen)));
		await one.do('send', ['a'], 'x');
		await flush(one);
		await one.do('delete', 'a');
		await flush(one);
		assert.deepEqual(log, ['enqueue: undefined', 'close: undefined', 'onClose: first request']);
	});

	test('runs in the context of its own create, and not in that of a call that processes the messages', async () => {
		const { here, one, scope } = await inOneScope();
		const { log, seen } = record();
		const manager = storage.run('first request', () => new InMemoryStreamSessionManager({ scope }));
		manager.create('a', recording(seen));
		await one.do('create', 'b');
		await flush(one);
		here.driver.delete('b');
		await one.run(({ manager }) => manager.send(['a'], 'x'));
		await storage.run('a request that closes', () => manager.close());
		assert.equal(log[0], 'enqueue: undefined');
	});
});

test('the callbacks of a subscription run in the context of their create, whoever sends', async () => {
	for (const scope of [undefined, newScope()]) {
		const { log, seen } = record();
		const options = scope === undefined ? undefined : { scope };
		const manager = storage.run('first request', () => new InMemorySubscriptionManager(options));
		const subscription = { id: 1, origin: 'a', filters: { toolsListChanged: true } };
		await storage.run('second request', () =>
			manager.create(subscription, {
				acknowledge: () => seen('acknowledge'),
				send: () => seen('send'),
				close: () => seen('close'),
			}),
		);
		await storage.run('third request', () => manager.send(TOOLS));
		await storage.run('fourth request', () => manager.close(1, 'a', 'closed'));
		assert.deepEqual(log, ['acknowledge: second request', 'send: second request', 'close: second request']);
	}
});

test('onSessionLimit runs in the context of the constructor', () => {
	const { log, seen } = record();
	const manager = storage.run('first request', () => {
		return new InMemoryInfoSessionManager({ maxSessions: 1, onSessionLimit: () => seen('onSessionLimit') });
	});
	for (const id of ['a', 'b']) storage.run('second request', () => manager.setLogLevel(id, 'info'));
	assert.deepEqual(log, ['onSessionLimit: first request']);
});

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
		test('calls onClose in the context of the constructor', () => {
			const { log, seen } = record();
			const manager = storage.run('first request', () => make({ onClose: () => seen('onClose') }));
			storage.run('second request', () => manager.create('a', fakeController()));
			storage.run('third request', () => manager.delete('a'));
			assert.deepEqual(log, ['onClose: first request']);
		});

		test('sends keep-alives in no context', async () => {
			const { log, seen } = record();
			const manager = storage.run('first request', () => make({ keepAliveMs: 4 }));
			storage.run('second request', () => manager.create('a', recording(seen)));
			while (log.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
			assert.equal(log[0], 'enqueue: undefined');
		});

		test('delivers the later slices of a message, and joined messages, in no context', async () => {
			for (const options of [{ sliceMs: 1 }, { coalesce: true }]) {
				const { log, seen } = record();
				const manager = make(options);
				for (let id = 0; id < 100; id++) manager.create(`${id}`, recording(seen));
				await withSlowClock(async () => {
					storage.run('a request', () => manager.send(undefined, 'x'));
					while (log.length < 100) await turn();
				});
				assert.equal(log.at(-1), 'enqueue: undefined');
			}
		});

		test('without callbacks keeps no store alive, also with timers', async () => {
			/** @type {unknown[]} */
			const managers = [];
			for (const options of [{}, { keepAliveMs: 1_000 }, { maxAgeMs: 60_000 }]) {
				const store = () => {
					const store = { of: 'the first request' };
					managers.push(storage.run(store, () => make(options)));
					return new WeakRef(store);
				};
				await collected(store());
			}
			assert.equal(managers.length, 3);
		});
	});
}
