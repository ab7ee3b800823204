// `flush()` of stream managers of one scope in several threads.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { fakeController } from '../support/streams.js';
import { flush, numbered, open, startThreads } from '../support/threads/stream-threads.js';
import { block, newScope, openHere, Thread } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

const run = promisify(execFile);
const child = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

const { inOneScope } = startThreads();

describe('flush', () => {
	test('resolves when the messages sent before are in the stream queues of the other threads', async () => {
		const { here, one, two } = await inOneScope();
		const enqueued = new Int32Array(new SharedArrayBuffer(8));
		for (const [place, thread] of [one, two].entries()) {
			await thread.run(
				({ manager, tools, own }, enqueued, place) => {
					own.stream = tools.openStream();
					manager.create(`counting ${place}`, { enqueue: () => Atomics.add(enqueued, place, 1), close() {} });
					manager.create(`queueing ${place}`, own.stream.controller);
				},
				enqueued,
				place,
			);
		}
		for (let round = 1; round <= 20; round++) {
			for (let n = 0; n < 50; n++) here.driver.send(undefined, 'to all');
			for (let n = 0; n < 50; n++) here.driver.send(['counting 0', 'counting 1'], 'to two');
			await here.driver.flush();
			assert.deepEqual([...enqueued], [round * 100, round * 100]);
			for (const thread of [one, two]) {
				const desired = await thread.run(({ own }) => own.stream.controller.desiredSize);
				assert.equal(desired, 1 - round * 50);
			}
		}
	});

	test('resolves to undefined, also after a delete', async () => {
		const { here, one } = await inOneScope();
		const closes = new Int32Array(new SharedArrayBuffer(4));
		await one.run(({ manager }, closes) => {
			manager.create('a', { enqueue() {}, close: () => Atomics.add(closes, 0, 1) });
		}, closes);
		here.driver.delete('a');
		assert.equal(await here.driver.flush(), undefined);
		assert.equal(closes[0], 1);
	});

	test('waits for a busy thread that has messages to take, and for no other', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'busy');
		await two.do('create', 'idle');
		const { release } = await block(one);
		await here.do('send', ['idle'], 'x');
		await flush(here);
		await here.do('send', ['busy'], 'x');
		let flushed = false;
		const flushing = flush(here).then(() => {
			flushed = true;
		});
		// Turns of this event loop, and activity of another thread, do not resolve it.
		await two.do('send', ['idle'], 'y');
		await flush(two);
		for (let turns = 0; turns < 50; turns++) await turn();
		assert.equal(flushed, false);
		await release();
		await flushing;
		assert.deepEqual(await one.do('seen', 'busy'), [open('x')]);
	});

	test('waits for each of several flushes that were called in turn', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		const { release } = await block(one);
		/** @type {string[]} */
		const order = [];
		const flushes = numbered(5).map((name) => {
			here.driver.send(['a'], name);
			return here.driver.flush().then(() => order.push(name));
		});
		await release();
		await Promise.all(flushes);
		assert.deepEqual(order, numbered(5));
	});

	test('resolves at once without a scope, and when no message is pending', async () => {
		const { here } = await inOneScope();
		for (const { manager } of [openHere().driver, openHere({ scope: newScope() }).driver, here.driver]) {
			manager.create('a', fakeController());
			manager.send(undefined, 'x');
			let flushed = false;
			manager.flush().then(() => {
				flushed = true;
			});
			for (let microtasks = 0; microtasks < 10; microtasks++) await undefined;
			assert.ok(flushed);
		}
	});

	test('resolves when a thread that it waits for is terminated', async () => {
		const scope = newScope();
		const here = openHere({ scope });
		const worker = new Thread();
		const there = await worker.open({ scope });
		await there.do('create', 'a');
		await block(there);
		await here.do('send', ['a'], 'x');
		const flushing = flush(here);
		await worker.terminate();
		await flushing;
		assert.equal(await here.do('has', 'a'), false);
	});

	test('in a worker waits for the main thread', async () => {
		const { here, one } = await inOneScope();
		let enqueued = 0;
		here.driver.manager.create('a', { enqueue: () => enqueued++, close() {} });
		await one.run(({ manager }) => {
			for (let n = 0; n < 100; n++) manager.send(['a'], 'x');
			return manager.flush();
		});
		assert.equal(enqueued, 100);
	});

	test('as the last call of a program lets the process end', async () => {
		const { stdout } = await run(process.execPath, [child('flush-before-exit.js')], { timeout: 30_000 });
		assert.equal(stdout, 'flushed: 100 of 100\n');
	});
});
