// Subscription managers of one scope in several threads: a thread ends while others wait for it.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { stateOf } from '../support/subscriptions.js';
import { driveSubscriptionsIn } from '../support/threads/subscription-driver.js';
import { caughtUp, changed, resolved, startThreads, withWorker } from '../support/threads/subscription-threads.js';
import { block } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

/** @import { SubscriptionDriverProxy } from '../support/threads/subscription-driver.js' */
/** @import { Thread } from '../support/threads/threads.js' */

const { workers, inOneScope } = startThreads();

/** @type {unknown[]} */
const heldToTheEnd = [];

describe('a thread that ends', () => {
	/** @type {[string, (worker: Thread, there: SubscriptionDriverProxy) => unknown][]} */
	const ends = [
		['has no work left', (_, there) => there.run(({ tools }) => tools.parentPort?.unref()).catch(() => {})],
		['is terminated', (worker) => worker.terminate()],
		['calls process.exit', (_, there) => there.run(() => process.exit(0)).catch(() => {})],
		[
			'throws an uncaught error',
			(_, there) => {
				const fail = () => {
					process.removeAllListeners('uncaughtException');
					setImmediate(() => {
						throw new Error('uncaught, on purpose');
					});
				};
				return there.run(fail).catch(() => {});
			},
		],
	];

	test('while a callback hangs in it does not delay send, close or closeAll', async () => {
		const { here, there, worker } = await withWorker();
		await there.do('create', 'sending', { waits: ['send'] });
		await there.do('create', 'closing', { waits: ['close'] });
		await there.do('create', 'all', { origin: 'all', filters: {}, waits: ['close'] });
		const sent = here.do('send', changed(1));
		await there.do('called', 'send', 1, 'sending');
		const closing = here.do('close', 'closing');
		await there.do('called', 'close', 1, 'closing');
		const all = here.do('closeAll', 'all');
		await there.do('called', 'close', 1, 'all', 'all');
		for (const pending of [sent, closing, all]) assert.equal(await stateOf(pending), 'pending');
		await worker.terminate();
		assert.deepEqual(await Promise.all([sent, closing, all]), [resolved, { resolved: true }, resolved]);
	});

	test('before it has drained its mailbox does not delay them either', async () => {
		const { here, there, worker } = await withWorker();
		await there.do('create', 'a');
		await there.do('create', 'b');
		const { release } = await block(there.thread);
		const pending = [here.do('send', changed(1)), here.do('close', 'a'), here.do('closeAll')];
		for (const each of pending) assert.equal(await stateOf(each), 'pending');
		await worker.terminate();
		// Deno does not end a thread that is blocked.
		if ('Deno' in globalThis) release();
		assert.deepEqual(await Promise.all(pending), [resolved, { resolved: true }, resolved]);
		assert.deepEqual(await here.do('send', changed(2)), resolved);
		assert.deepEqual(await here.do('close', 'a'), { resolved: false });
	});

	for (const [how, end] of ends) {
		test(`because it ${how} delays no caller, and its registrations are removed at once`, async () => {
			const { here, there, worker } = await withWorker();
			await there.do('create', 'a', { waits: ['send'] });
			await there.do('create', 'closing', { waits: ['close'] });
			const sent = here.do('send', changed(1));
			await there.do('called', 'send', 1, 'a');
			const closing = here.do('close', 'closing');
			await there.do('called', 'close', 1, 'closing');
			assert.deepEqual(await here.do('create', 'a'), { resolved: false });
			await end(worker, there);
			await worker.ended;
			// Deno reports the end before the thread has ended.
			if ('Deno' in globalThis) await sent;
			for (const id of ['a', 'closing']) assert.deepEqual(await here.do('create', id), { resolved: true });
			assert.deepEqual(await sent, resolved);
			assert.deepEqual(await closing, { resolved: true });
		});
	}

	test('does not keep send from waiting for other threads, or from rejecting with their error', async () => {
		const { here, there, worker, scope } = await withWorker();
		const other = await driveSubscriptionsIn(workers[0], { scope });
		for (const [id, thread] of [there, other].entries()) await thread.do('create', id, { waits: ['send'] });
		const sends = [here.do('send', changed(1)), here.do('send', changed(2))];
		await other.do('called', 'send', 1, 1);
		await there.do('called', 'send', 1, 0);
		await worker.terminate();
		await caughtUp(here, other);
		for (const sent of sends) assert.equal(await stateOf(sent), 'pending');
		await other.do('release', 1);
		assert.deepEqual(await sends[0], resolved);
		await other.do('called', 'send', 2, 1);
		await other.do('fail', 'failure', 1);
		assert.equal((await sends[1]).error.message, 'failure');
	});

	test('at the end of the process, with a reply pending, causes no error', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a', { waits: ['send'] });
		here.do('send', changed(1));
		await one.do('called', 'send', 1, 'a');
		// The worker ends after the tests, together with the process.
		heldToTheEnd.push(here);
	});

	test('with requests of its own pending does not affect other threads', async () => {
		const { here, there, worker } = await withWorker();
		await here.do('create', 'a', { waits: ['send', 'close'] });
		there.do('send', changed(1)).catch(() => {});
		await here.do('called', 'send', 1, 'a');
		there.do('close', 'a').catch(() => {});
		await worker.terminate();
		await here.do('release', 'a');
		assert.deepEqual(await here.do('close', 'unknown'), { resolved: false });
		// The other thread has received the request before this one ended, or not.
		const closing = here.do('close', 'a', 'cancelled');
		await here.do('called', 'close', 1, 'a');
		await here.do('release', 'a');
		assert.deepEqual(await closing, { resolved: true });
	});
});
