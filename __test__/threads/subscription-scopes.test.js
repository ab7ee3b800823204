// Subscription managers of one scope: several of them in one thread, and the collection of a manager.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { InMemoryStreamSessionManager, InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { collected } from '../support/garbage.js';
import { assertMemoryStaysFlat, MEMORY_TEST_MS } from '../support/memory.js';
import { listener, notification, stateOf, subscription, toolsChanged } from '../support/subscriptions.js';
import { driveSubscriptionsIn } from '../support/threads/subscription-driver.js';
import { caughtUp, changed, resolved, startThreads } from '../support/threads/subscription-threads.js';
import { newScope, Thread } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';
import { until } from '../support/until.js';

const run = promisify(execFile);
const child = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

const { workers, inOneScope } = startThreads();

describe('two managers of one scope in one thread', () => {
	test('share their registrations', async () => {
		const scope = newScope();
		const [first, second] = [new InMemorySubscriptionManager({ scope }), new InMemorySubscriptionManager({ scope })];
		const [a, b] = [listener(), listener()];
		assert.equal(await first.create(subscription('a'), a), true);
		assert.equal(await second.create(subscription('a'), b), false);
		assert.equal(await second.create(subscription('b'), b), true);
		const given = toolsChanged();
		await first.send(given);
		assert.equal(a.sent[0], given);
		assert.equal(b.sent[0], given);
		assert.equal(await second.close('a', 'origin', 'closed'), true);
		assert.equal(await first.close('a', 'origin', 'closed'), false);
		await first.closeAll('origin');
		assert.deepEqual(a.calls, ['acknowledge', 'send', 'close: closed']);
		assert.deepEqual(b.calls, ['acknowledge', 'send', 'close: cancelled']);
	});

	test('get each notification of another thread once', async () => {
		const { here, one, scope } = await inOneScope();
		await one.run(async ({ tools, own }, scope) => {
			own.sent = [];
			own.second = new tools.InMemorySubscriptionManager({ scope });
			const callbacks = {
				acknowledge() {},
				send: (/** @type {any} */ { params }) => void own.sent.push(params.n),
				close() {},
			};
			await own.second.create({ id: 'b', origin: 'origin', filters: { toolsListChanged: true } }, callbacks);
		}, scope);
		await one.do('create', 'a');
		for (const n of [1, 2]) await here.do('send', changed(n));
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 1, 2]]);
		assert.deepEqual(await one.run(({ own }) => own.sent), [1, 2]);
	});

	test('keep the registrations of the other when one is collected', async () => {
		const scope = newScope();
		const left = new InMemorySubscriptionManager({ scope });
		const callbacks = listener();
		const make = async () => {
			const manager = new InMemorySubscriptionManager({ scope });
			await manager.create(subscription('a'), callbacks);
			return new WeakRef(manager);
		};
		await collected(await make());
		await left.send(toolsChanged());
		assert.equal(await left.close('a', 'origin', 'closed'), true);
		assert.deepEqual(callbacks.calls, ['acknowledge', 'send', 'close: closed']);
	});

	test('share one mailbox and its bound with the stream managers of the scope', async () => {
		const scope = newScope();
		const streams = new InMemoryStreamSessionManager({ scope, maxMailboxBytes: 10_000 });
		assert.throws(() => new InMemorySubscriptionManager({ scope, maxMailboxBytes: 10_001 }), {
			name: 'TypeError',
			code: 'ERR_INVALID_ARG_VALUE',
			message: /^InMemorySubscriptionManager: .*"maxMailboxBytes"/,
		});
		const manager = new InMemorySubscriptionManager({ scope });
		let closed = 0;
		streams.create('a', { enqueue() {}, close: () => closed++ });
		const callbacks = listener();
		await manager.create(subscription('a'), callbacks);
		const there = await driveSubscriptionsIn(workers[0], { scope });
		// This thread does not process its mailbox until the other thread has sent both.
		const flags = new Int32Array(new SharedArrayBuffer(4));
		const sent = there.run(
			async ({ manager }, flags, news) => {
				const results = Promise.allSettled([manager.send(news), manager.send(news)]);
				Atomics.store(flags, 0, 1);
				Atomics.notify(flags, 0);
				return (await results).map(({ status }) => status);
			},
			flags,
			notification('notifications/tools/list_changed', { filler: 'x'.repeat(6_000) }),
		);
		Atomics.wait(flags, 0, 0);
		assert.deepEqual(await sent, ['rejected', 'rejected']);
		await until(() => closed === 1);
		assert.equal(streams.stats().closed.overflow, 1);
		assert.deepEqual(callbacks.calls, ['acknowledge', 'close: cancelled']);
	});
});

describe('a manager that is collected', () => {
	test('has received the replies of other threads before that', async () => {
		const scope = newScope();
		const there = await driveSubscriptionsIn(workers[0], { scope });
		await there.do('create', 'a', { waits: ['send'] });
		await there.do('create', 'b', { filters: {}, waits: ['close'] });
		const heard = new Set();
		const ask = () => {
			const manager = new InMemorySubscriptionManager({ scope });
			manager.send(changed(1)).then((value) => heard.add(value));
			manager.close('b', 'origin', 'closed').then((value) => heard.add(value));
			return new WeakRef(manager);
		};
		const reference = ask();
		await there.do('called', 'send', 1, 'a');
		await there.do('called', 'close', 1, 'b');
		await collected(new WeakRef({}));
		await there.do('release', 'a');
		await there.do('release', 'b');
		await until(() => heard.size === 2);
		assert.deepEqual(heard, new Set([undefined, true]));
		await collected(reference);
	});

	test('while another thread waits for its callbacks does not delay that thread', async () => {
		const { here, scope } = await inOneScope();
		const worker = new Thread();
		const driver = await worker.open();
		await driver.run(async (/** @type {any} */ { tools, own }, scope) => {
			own.make = async () => {
				const { manager } = new tools.SubscriptionDriver({ scope });
				const callbacks = { acknowledge() {}, send: () => new Promise(() => {}), close() {} };
				await manager.create({ id: 'a', origin: 'origin', filters: { toolsListChanged: true } }, callbacks);
				own.manager = manager;
			};
			await own.make();
		}, scope);
		const sent = here.do('send', changed(1));
		await caughtUp(here);
		assert.equal(await stateOf(sent), 'pending');
		await driver.run(async (/** @type {any} */ { tools, own }) => {
			const reference = new WeakRef(own.manager);
			own.manager = undefined;
			await tools.collected(reference);
		});
		assert.deepEqual(await sent, resolved);
		await worker.terminate();
	});
});

describe('a manager of a scope', () => {
	test('keeps neither the process nor a worker alive, with calls pending', async () => {
		const { stdout } = await run(process.execPath, [child('open-scoped-subscriptions.js')], { timeout: 30_000 });
		assert.deepEqual(JSON.parse(stdout), { code: 0, settled: [{}, { resolved: true }, {}] });
	});

	test('does not keep a worker alive', async () => {
		const asked = new Int32Array(new SharedArrayBuffer(4)).fill(1);
		const worker = new Worker(child('open-scoped-subscriptions.js'), { workerData: { scope: newScope(), asked } });
		assert.equal(await new Promise((resolve) => worker.once('exit', resolve)), 0);
	});

	const flat = () => assertMemoryStaysFlat('dropped-scoped-subscription-managers.js', 5_000);
	test('keeps memory flat when 5,000 scopes with two managers each are created and dropped', flat, MEMORY_TEST_MS);
});
