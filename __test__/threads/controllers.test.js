// Stream managers of one scope in several threads: controllers that get messages from another thread, and what happens when
// one of them fails.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { closed, flush, numbered, open, startThreads } from '../support/threads/stream-threads.js';
import { block } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';
import { until } from '../support/until.js';

/** @import { StreamDriverProxy } from '../support/threads/threads.js' */

const { inOneScope } = startThreads();

describe('a controller in another thread', () => {
	test('that throws ends its session, and every other session gets the whole burst', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'before');
		await one.do('create', 'throwing', 'throwing');
		await one.do('create', 'after');
		const messages = numbered(20);
		for (const message of messages) here.driver.send(undefined, message);
		here.driver.send(['throwing', 'after'], 'to ids');
		await here.driver.flush();
		assert.deepEqual(await one.do('seen', 'before'), [open(...messages)]);
		assert.deepEqual(await one.do('seen', 'after'), [open(...messages, 'to ids')]);
		assert.deepEqual(await one.do('seen', 'throwing'), [open()]);
		assert.equal(await here.do('has', 'throwing'), false);
		assert.deepEqual(await one.do('uncaught'), []);
	});

	test('that throws on close affects no other session', async () => {
		const { here, one } = await inOneScope();
		await one.run(({ manager }) => {
			const close = () => {
				throw new Error('thrown on close');
			};
			manager.create('a', { enqueue() {}, close });
		});
		await one.do('create', 'b');
		here.driver.delete('a');
		here.driver.send(undefined, 'x');
		here.driver.delete('b');
		await here.driver.flush();
		assert.deepEqual(await one.do('seen', 'b'), [closed('x')]);
		assert.deepEqual(await one.do('uncaught'), []);
	});

	test('whose stream was closed, errored or cancelled ends its session', async () => {
		const { here, one } = await inOneScope();
		await one.run(async ({ manager, tools }) => {
			const [closed, errored, cancelled] = [tools.openStream(), tools.openStream(), tools.openStream()];
			manager.create('closed', closed.controller);
			manager.create('errored', errored.controller);
			manager.create('cancelled', cancelled.controller);
			closed.controller.close();
			errored.reader.closed.catch(() => {});
			errored.controller.error(new Error('gone'));
			await cancelled.reader.cancel();
		});
		await one.do('create', 'last');
		here.driver.send(undefined, 'x');
		await here.driver.flush();
		assert.deepEqual(await here.do('ids'), ['last']);
		assert.deepEqual(await one.do('seen', 'last'), [open('x')]);
		assert.deepEqual(await one.do('uncaught'), []);
	});

	test('may send, delete and create from its enqueue, and every other session gets the whole burst', async () => {
		const { here, one, two } = await inOneScope();
		await here.do('create', 'home');
		await two.do('create', 'afar');
		await one.run((driver) => {
			const { manager } = driver;
			let enqueued = 0;
			manager.create('calling', {
				enqueue() {
					enqueued++;
					manager.send(['home', 'afar', 'plain'], `answer ${enqueued}`);
					if (enqueued === 3) manager.delete('deleted');
					if (enqueued === 5) driver.create('created');
					if (enqueued === 7) manager.delete('calling');
				},
				close() {},
			});
			for (const id of ['deleted', 'plain']) driver.create(id);
		});
		const messages = numbered(10);
		const { release } = await block(one);
		for (const message of messages) here.driver.send(undefined, message);
		await release();
		await here.driver.flush();
		await flush(one);
		const answers = Array.from({ length: 7 }, (_, n) => `answer ${n + 1}`);
		for (const [id, thread] of /** @type {[string, StreamDriverProxy][]} */ ([
			['home', here],
			['afar', two],
			['plain', one],
		])) {
			const [seen] = await thread.do('seen', id);
			assert.equal(seen.closed, 0);
			// Messages of two senders: the order is kept for each of them.
			const isAnswer = (/** @type {string} */ message) => message.startsWith('answer');
			assert.deepEqual(
				seen.messages.filter((/** @type {string} */ message) => !isAnswer(message)),
				messages,
			);
			assert.deepEqual(seen.messages.filter(isAnswer), answers);
		}
		assert.deepEqual(await one.do('seen', 'deleted'), [closed('0', '1')]);
		// The whole burst was sent before this session existed.
		assert.deepEqual(await one.do('seen', 'created'), [open()]);
		assert.deepEqual((await here.do('ids')).sort(), ['afar', 'created', 'home', 'plain']);
		assert.deepEqual(await one.do('uncaught'), []);
	});

	test('may be replaced, and replace itself, from its enqueue', async () => {
		const { here, one } = await inOneScope();
		await one.run((driver) => {
			const { manager } = driver;
			manager.create('a', {
				enqueue() {
					driver.create('a');
					manager.send(['a'], 'from the older');
				},
				close() {},
			});
		});
		await here.do('send', ['a'], 'to the older');
		await here.do('flush');
		assert.deepEqual(await one.do('seen', 'a'), [open('from the older')]);
	});

	test('of a byte stream gets chunks of its own, and does not detach those of others', async () => {
		const { here, one } = await inOneScope();
		for (const id of ['fake before', 'bytes', 'fake after']) {
			await one.do('create', id, id === 'bytes' ? 'bytes' : 'fake');
		}
		const messages = Array.from({ length: 50 }, (_, n) => `${n}:${'é☃x'[n % 3].repeat(n * 20)}`);
		for (const message of messages) {
			here.driver.send(undefined, message);
			if (message.startsWith('2')) await here.driver.flush();
		}
		await here.driver.flush();
		for (const id of ['fake before', 'bytes', 'fake after']) {
			assert.deepEqual(await one.do('seen', id), [open(...messages)], id);
		}
	});

	test('gets chunks with a buffer of their own with pool: false', async () => {
		const { here, one } = await inOneScope({ pool: false });
		await one.run(({ manager, own, tools }) => {
			own.streams = ['a', 'b'].map((id) => {
				const stream = tools.fakeController();
				manager.create(id, stream);
				return stream;
			});
		});
		const messages = ['', 'x', '☃'.repeat(100), 'x'.repeat(100_000)];
		for (const message of messages) here.driver.send(undefined, message);
		here.driver.send(['a', 'b'], 'to two');
		await here.driver.flush();
		const seen = await one.run(({ own }) => {
			/** @type {Uint8Array[]} */
			const chunks = own.streams.flatMap((/** @type {any} */ stream) => stream.chunks);
			return {
				messages: own.streams.map((/** @type {any} */ stream) => stream.messages),
				whole: chunks.every(
					({ byteOffset, byteLength, buffer }) => byteOffset === 0 && byteLength === buffer.byteLength,
				),
				buffers: new Set(chunks.map(({ buffer }) => buffer)).size,
			};
		});
		const all = [...messages, 'to two'];
		assert.deepEqual(seen, { messages: [all, all], whole: true, buffers: 10 });
	});

	test('gets a plain Uint8Array whose shared buffer cannot be transferred', async () => {
		const { here, one } = await inOneScope();
		await one.run(({ manager, own, tools }) => {
			own.stream = tools.fakeController();
			manager.create('a', own.stream);
		});
		for (const message of ['small', 'x'.repeat(3_000), 'x'.repeat(100_000)]) here.driver.send(undefined, message);
		await here.driver.flush();
		const kept = await one.run(({ own }) => {
			const { port1, port2 } = new MessageChannel();
			const lengths = own.stream.chunks.map((/** @type {Uint8Array} */ chunk) => {
				try {
					port1.postMessage(chunk, [chunk.buffer]);
				} catch {
					// The transfer is refused, as expected. Node 20 makes a copy.
				}
				return [Object.getPrototypeOf(chunk) === Uint8Array.prototype, chunk.length];
			});
			port2.close();
			return lengths;
		});
		assert.deepEqual(kept, [
			[true, 5],
			[true, 3_000],
			[true, 100_000],
		]);
	});
});

describe('a failure in one stream', () => {
	test('that detaches the buffer of its chunk ends neither the thread nor another session without a sign', async () => {
		const { here, one } = await inOneScope();
		await one.run((driver) => {
			driver.own.seen = [];
			// A hand-written byte stream may transfer the buffer. Some runtimes refuse it, because the chunk is shared.
			const thief = {
				enqueue: (/** @type {Uint8Array} */ chunk) => {
					const bytes = new driver.tools.ReadableStream({
						type: 'bytes',
						start: (controller) => controller.enqueue(chunk),
					});
					driver.own.seen.push(bytes);
				},
				close() {},
			};
			driver.manager.create('thief', thief);
		});
		for (const id of ['a', 'b', 'gone']) await one.do('create', id);
		const { release } = await block(one);
		for (const number of numbered(5)) here.driver.send(undefined, `${number} for all`);
		here.driver.send(['b'], '');
		here.driver.delete('gone');
		const flushed = flush(here);
		await release();
		await flushed;
		for (const id of ['a', 'b']) {
			const [{ messages, closed }] = await one.do('seen', id);
			const all = [...numbered(5).map((number) => `${number} for all`), ...(id === 'b' ? [''] : [])];
			assert.deepEqual(messages, all.slice(0, messages.length));
			// The session has all of them, or it was closed and its client knows.
			assert.equal(closed, messages.length === all.length ? 0 : 1);
			assert.equal(await here.do('has', id), closed === 0);
		}
		assert.equal((await one.do('seen', 'gone'))[0].closed, 1);
		assert.deepEqual(await one.do('uncaught'), []);
		await one.do('delete', 'thief');
		await one.do('create', 'later');
		here.driver.send(['later'], 'as before');
		await flush(here);
		assert.deepEqual(await one.do('seen', 'later'), [open('as before')]);
	});

	test('whose client leaves while another thread replaces the session does not end the newer session', async () => {
		const { here, one, two } = await inOneScope();
		await one.run(({ manager, own, tools }) => {
			own.stream = new tools.ReadableStream({
				start: (/** @type {any} */ controller) => manager.create('a', controller),
				// As the transports do.
				cancel: () => manager.delete('a'),
			});
		});
		const flags = new Int32Array(new SharedArrayBuffer(8));
		const left = one.run(({ own }, flags) => {
			Atomics.store(flags, 1, 1);
			Atomics.wait(flags, 0, 0);
			return own.stream.cancel();
		}, flags);
		await until(() => Atomics.load(flags, 1) === 1);
		here.driver.create('a');
		Atomics.store(flags, 0, 1);
		Atomics.notify(flags, 0);
		await left;
		await flush(here);
		assert.equal(await two.do('has', 'a'), true);
		await two.do('send', ['a'], 'for the newer one');
		await flush(two);
		assert.deepEqual(here.driver.seen('a'), [open('for the newer one')]);
		// A delete after that ends the newer session.
		await one.do('delete', 'a');
		await flush(one);
		assert.deepEqual(here.driver.seen('a'), [closed('for the newer one')]);
	});
});
