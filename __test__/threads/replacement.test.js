// Stream managers of one scope in several threads: sessions that another thread deletes or replaces.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { closed, flush, open, startThreads } from '../support/threads/stream-threads.js';
import { block } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

const { inOneScope } = startThreads();

describe('delete', () => {
	test('closes the stream in its own thread, and removes the session at once', async () => {
		const { here, one, two } = await inOneScope();
		for (const [owner, deleter] of [
			[one, here],
			[one, two],
			[here, one],
			[one, one],
		]) {
			await owner.do('create', 'a', 'stream');
			await owner.do('create', 'b');
			await deleter.do('delete', 'a');
			assert.equal(await here.do('has', 'a'), false);
			await flush(deleter);
			assert.deepEqual((await owner.do('seen', 'a')).at(-1), closed());
			assert.deepEqual((await owner.do('seen', 'b')).at(-1), open());
			await deleter.do('delete', 'a');
			await deleter.do('delete', 'b');
		}
		await flush(here, one, two);
		const streams = [...(await one.do('seen', 'a')), ...(await here.do('seen', 'a'))];
		assert.deepEqual(streams, [closed(), closed(), closed(), closed()]);
	});
});

describe('delete by a thread whose stream another thread has replaced', () => {
	for (const kind of ['fakeController', 'openStream', 'openByteStream']) {
		test(`ends the newer session even while the older stream is still open: ${kind}`, async () => {
			const { here, one } = await inOneScope();
			await one.run(({ manager, own, tools }, /** @type {'openStream'} */ kind) => {
				own.stream = tools[kind]();
				manager.create('a', own.stream.controller ?? own.stream);
			}, kind);
			// Nobody reads this stream. A full stream and an ended stream both have a `desiredSize` of 0.
			here.driver.send(['a'], 'x');
			await flush(here);
			const { release } = await block(one);
			here.driver.create('a');
			const deleted = one.do('delete', 'a');
			await release();
			await deleted;
			assert.equal(await here.do('has', 'a'), false);
			await flush(one, here);
			assert.deepEqual(here.driver.seen('a'), [closed()]);
			const rest = await one.run(({ own }) => own.stream.rest?.() ?? own.stream.messages);
			assert.deepEqual(rest, ['x']);
		});
	}

	test('keeps the newer session when the client cancels the older stream, however much is on its way to that stream', async () => {
		const { here, one } = await inOneScope();
		await one.run(({ manager, own, tools }) => {
			own.stream = tools.openStream({ cancel: () => manager.delete('a') });
			manager.create('a', own.stream.controller);
		});
		const { release } = await block(one);
		for (let n = 0; n < 200; n++) here.driver.send(['a'], 'x'.repeat(10_000));
		here.driver.create('a');
		const cancelled = one.run(({ own }) => own.stream.reader.cancel());
		await release();
		await cancelled;
		await flush(one, here);
		assert.equal(await here.do('has', 'a'), true);
		assert.deepEqual(here.driver.seen('a'), [open()]);
	});
});

describe('create over an id of another thread', () => {
	test('closes the older stream in its thread, and no other stream', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'a');
		await one.do('create', 'b');
		await two.do('create', 'a');
		await here.do('send', undefined, 'x');
		await flush(here, two);
		assert.deepEqual(await one.do('seen', 'a'), [closed()]);
		assert.deepEqual(await one.do('seen', 'b'), [open('x')]);
		assert.deepEqual(await two.do('seen', 'a'), [open('x')]);
		assert.equal(await here.do('size'), 2);
	});

	test('works 1,000 times in turn in all threads, and leaves one open stream', async () => {
		const { here, one, two } = await inOneScope();
		const create = (/** @type {any} */ driver) => {
			for (let n = 0; n < 1_000; n++) {
				driver.create('a');
				driver.send(['a'], 'x');
			}
			return driver.flush();
		};
		const threads = [here, one, two];
		await Promise.all(threads.map((thread) => thread.run(create)));
		await flush(...threads);
		const seen = (await Promise.all(threads.map((thread) => thread.do('seen', 'a')))).flat();
		assert.equal(seen.length, 3_000);
		assert.equal(seen.filter((stream) => stream.closed === 0).length, 1);
		assert.equal(seen.filter((stream) => stream.closed > 1).length, 0);
		assert.equal(await here.do('size'), 1);
	});
});
