// Stream managers of one scope in several threads: which sessions a thread sees, which messages reach them, and in what
// order.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, describe, test as testOf } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { collected } from '../support/garbage.js';
import { assertMemoryStaysFlat } from '../support/memory.js';
import { fakeController } from '../support/streams.js';
import { block, newScope, openHere, releaseAll, Thread, until } from '../support/threads/threads.js';

/** @import { StreamDriverProxy } from '../support/threads/threads.js' */

const run = promisify(execFile);
const child = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

const workers = [new Thread(), new Thread()];
after(() => Promise.all(workers.map((worker) => worker.terminate())));
afterEach(releaseAll);

/**
 * Defines a test with a timeout, so that a test that waits forever fails alone.
 *
 * @param {string} name
 * @param {() => unknown} what
 */
const test = (name, what) => testOf(name, { timeout: 30_000 }, what);

/**
 * Managers of one new scope in the main thread and in two workers.
 *
 * @param {any} [options]
 */
async function inOneScope(options) {
	const scope = newScope();
	const [one, two] = await Promise.all(workers.map((worker) => worker.open({ scope, ...options })));
	return { here: openHere({ scope, ...options }), one, two, scope };
}

/** @param {StreamDriverProxy[]} threads */
const flush = (...threads) => Promise.all(threads.map((thread) => thread.do('flush')));

/** @param {string[]} messages */
const open = (...messages) => ({ messages, closed: 0 });

/** @param {string[]} messages */
const closed = (...messages) => ({ messages, closed: 1 });

/** @param {number} count @param {string} prefix */
const numbered = (count, prefix = '') => Array.from({ length: count }, (_, number) => `${prefix}${number}`);

describe('has, size and ids', () => {
	test('show the sessions of every thread', async () => {
		const { here, one, two } = await inOneScope();
		await here.do('create', 'a');
		await one.do('create', 'b');
		await two.do('create', 'c');
		for (const thread of [here, one, two]) {
			for (const id of ['a', 'b', 'c']) assert.equal(await thread.do('has', id), true);
			assert.equal(await thread.do('has', 'd'), false);
			assert.equal(await thread.do('size'), 3);
			assert.deepEqual(await thread.do('ids'), ['a', 'b', 'c']);
		}
	});

	test('show in one thread what another thread has deleted or replaced', async () => {
		const { here, one, two } = await inOneScope();
		for (const id of ['a', 'b', 'c']) await one.do('create', id);
		await two.do('delete', 'b');
		await here.do('create', 'a');
		for (const thread of [here, one, two]) {
			assert.equal(await thread.do('has', 'a'), true);
			assert.equal(await thread.do('has', 'b'), false);
			assert.equal(await thread.do('size'), 2);
			assert.deepEqual(await thread.do('ids'), ['c', 'a']);
		}
	});

	test('do not show the sessions of another scope, or of a manager without a scope', async () => {
		const { here, one } = await inOneScope();
		const elsewhere = await inOneScope();
		const [alone, aloneThere] = [openHere(), await workers[0].open()];
		const managers = [
			[here, one],
			[elsewhere.here, elsewhere.one],
			[alone, alone],
			[aloneThere, aloneThere],
		];
		for (const [maker, sender] of managers) {
			await maker.do('create', 'a');
			await sender.do('send', ['a'], 'to one');
			await sender.do('send', undefined, 'to all');
			await flush(sender);
		}
		for (const [maker] of managers) {
			assert.deepEqual(await maker.do('seen', 'a'), [open('to one', 'to all')]);
			assert.equal(await maker.do('size'), 1);
		}
		await one.do('delete', 'a');
		assert.deepEqual(await Promise.all(managers.map(([maker]) => maker.do('size'))), [0, 1, 1, 1]);
	});

	test('distinguish ids of any kind', async () => {
		const { here, one, two } = await inOneScope();
		const ids = ['', '__proto__', 'constructor', 'ü', '\u{1f600}', '\ud83d', '\ude00', 'a\0b', 'a', 'x'.repeat(20_000)];
		for (const [index, id] of ids.entries()) await [here, one, two][index % 3].do('create', id);
		for (const thread of [here, one, two]) {
			assert.deepEqual(await thread.do('ids'), ids);
			for (const [index, id] of ids.entries()) await thread.do('send', [id], `to ${index}`);
			await flush(thread);
		}
		for (const [index, id] of ids.entries()) {
			const to = `to ${index}`;
			assert.deepEqual(await [here, one, two][index % 3].do('seen', id), [open(to, to, to)]);
		}
	});
});

describe('send', () => {
	test('with ids reaches exactly those sessions, in every thread', async () => {
		const { here, one, two } = await inOneScope();
		for (const [name, thread] of Object.entries({ here, one, two })) {
			await thread.do('create', `first ${name}`);
			await thread.do('create', `second ${name}`);
		}
		for (const [name, thread] of Object.entries({ here, one, two })) {
			await thread.do('send', ['first here', 'first one', 'nobody', 'first two', 'first one'], `from ${name}`);
			await flush(thread);
		}
		for (const [name, thread] of Object.entries({ here, one, two })) {
			assert.deepEqual(await thread.do('seen', `first ${name}`), [open('from here', 'from one', 'from two')]);
			assert.deepEqual(await thread.do('seen', `second ${name}`), [open()]);
		}
	});

	test('to all reaches the sessions of every thread', async () => {
		const { here, one, two } = await inOneScope();
		const threads = [here, one, two];
		for (const [index, thread] of threads.entries()) {
			for (const id of [`${index}`, `second ${index}`]) await thread.do('create', id);
		}
		for (const [index, thread] of threads.entries()) {
			await thread.do('send', undefined, `undefined from ${index}`);
			await thread.do('send', null, `null from ${index}`);
			await thread.do('send', [], 'nobody');
			await flush(thread);
		}
		const all = [0, 1, 2].flatMap((index) => [`undefined from ${index}`, `null from ${index}`]);
		for (const [index, thread] of threads.entries()) {
			for (const id of [`${index}`, `second ${index}`]) assert.deepEqual(await thread.do('seen', id), [open(...all)]);
		}
	});

	test('reaches the sessions of its own thread before it returns', async () => {
		const { here, one } = await inOneScope();
		for (const thread of [here, one]) {
			const messages = await thread.run(({ manager, tools }) => {
				const { fakeController } = tools;
				const [a, b] = [fakeController(), fakeController()];
				manager.create('a', a);
				manager.create('b', b);
				manager.send(['a'], 'to one');
				manager.send(['a', 'b'], 'to two');
				manager.send(undefined, 'to all');
				const soFar = [[...a.messages], [...b.messages]];
				manager.delete('a');
				manager.create('b', fakeController());
				return [...soFar, a.closed, b.closed];
			});
			assert.deepEqual(messages, [['to one', 'to two', 'to all'], ['to two', 'to all'], 1, 1]);
		}
	});

	test('to all does not reach a session that another thread creates later', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'early');
		const { release } = await block(one);
		await here.do('send', undefined, 'to all');
		// In the same turn in which the thread wakes, before it can drain its mailbox.
		const late = one.do('create', 'late');
		await release();
		await late;
		await flush(here);
		assert.deepEqual(await one.do('seen', 'early'), [open('to all')]);
		assert.deepEqual(await one.do('seen', 'late'), [open()]);
		await here.do('send', undefined, 'again');
		await flush(here);
		assert.deepEqual(await one.do('seen', 'late'), [open('again')]);
	});

	test('with an id does not reach a session that replaces the addressed one later', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'a');
		await one.do('create', 'b');
		const { release } = await block(one);
		await here.do('send', ['a', 'b'], 'to the older');
		const again = one.do('create', 'a');
		await two.do('create', 'b');
		await release();
		await again;
		await here.do('send', ['a', 'b'], 'to the newer');
		await flush(here);
		assert.deepEqual((await one.do('seen', 'a')).at(-1), open('to the newer'));
		assert.deepEqual(await one.do('seen', 'b'), [closed('to the older')]);
		assert.deepEqual(await two.do('seen', 'b'), [open('to the newer')]);
	});

	/** @type {[string, string][]} */
	const texts = [
		['an empty message', ''],
		['a message of one byte', 'x'],
		['a message of every width', 'aé☃\u{1f600}\0'],
		['a message with a byte order mark', '\ufeffx'],
		['a message of 5 MB', 'é☃x'.repeat(833_334)],
	];
	for (const length of [1_023, 1_025, 8_192, 16_385, 65_536])
		texts.push([`a message of ${length} snowmen`, '☃'.repeat(length)]);
	for (const [what, message] of texts) {
		test(`delivers ${what} to another thread`, async () => {
			const { here, one } = await inOneScope();
			await one.do('create', 'a');
			await here.do('send', ['a'], message);
			await here.do('send', undefined, message);
			await flush(here);
			const [{ messages }] = await one.do('seen', 'a');
			assert.equal(messages.length, 2);
			for (const got of messages) assert.ok(got === message, `${got.length} units, ${got.slice(0, 20)}`);
		});
	}

	test('replaces a lone surrogate with U+FFFD, as in its own thread', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'there');
		await here.do('create', 'here');
		const message = 'a\ud83db\ude00c\ud83d';
		await here.do('send', ['here', 'there'], message);
		await here.do('send', undefined, message);
		await flush(here);
		const expected = [open('a\ufffdb\ufffdc\ufffd', 'a\ufffdb\ufffdc\ufffd')];
		assert.deepEqual(await here.do('seen', 'here'), expected);
		assert.deepEqual(await one.do('seen', 'there'), expected);
	});

	test('reaches 10,000 sessions of a worker, by their ids and as a broadcast', async () => {
		const { here, one, two } = await inOneScope();
		const ids = numbered(10_000, 'session ');
		await one.run(({ manager, own }, /** @type {string[]} */ ids) => {
			own.got = ids.map(() => 0);
			ids.forEach((id, index) => {
				manager.create(id, { enqueue: ({ length }) => (own.got[index] += length), close() {} });
			});
		}, ids);
		await here.do('send', ids, 'x');
		await two.do('send', ids.toReversed(), 'xx');
		await here.do('send', undefined, 'xxx');
		await flush(here, two);
		assert.deepEqual(await one.run(({ own }) => own.got), Array(10_000).fill(6));
		assert.equal(await here.do('size'), 10_000);
	});

	test('encodes each message of a burst into bytes that are not overwritten', async () => {
		const { here, one } = await inOneScope();
		await one.run(({ manager, own, tools }) => {
			own.stream = tools.fakeController();
			manager.create('a', own.stream);
		});
		const messages = Array.from({ length: 3_000 }, (_, n) => `${n}:${'é☃x'[n % 3].repeat((n * 37) % 700)}`);
		for (const message of messages) {
			await here.do('send', ['a'], message);
			if (Number.parseInt(message, 10) % 500 === 0) await flush(here);
		}
		await flush(here);
		const now = await one.run(({ own, tools }) => own.stream.chunks.map(tools.text));
		assert.deepEqual(now, messages);
	});
});

describe('order', () => {
	test('is kept for the messages of one thread to one session of another, unicasts and broadcasts', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'a');
		await one.do('create', 'b', 'stream');
		const send = (/** @type {any} */ { manager }, /** @type {string} */ from) => {
			for (let n = 0; n < 2_000; n++) manager.send([['a', 'b'], ['a'], undefined][n % 3], `${from} ${n}`);
			return manager.flush();
		};
		await Promise.all([here.run(send, 'here'), two.run(send, 'two')]);
		for (const [id, expected] of [
			['a', numbered(2_000)],
			['b', numbered(2_000).filter((_, n) => n % 3 !== 1)],
		]) {
			const [{ messages }] = await one.do('seen', id);
			for (const from of ['here', 'two']) {
				const fromThere = messages.filter((/** @type {string} */ message) => message.startsWith(from));
				assert.deepEqual(
					fromThere.map((/** @type {string} */ message) => message.slice(from.length + 1)),
					expected,
				);
			}
		}
	});

	test('is kept between messages and a delete: a message sent before it arrives, a message sent after it does not', async () => {
		const { here, one, two } = await inOneScope();
		for (const kind of ['fake', 'stream', 'bytes']) {
			await one.do('create', 'a', kind);
			await one.do('create', 'b', kind);
			for (const sender of [here, two]) {
				await sender.run(({ manager }) => {
					manager.send(['a'], 'one');
					manager.send(undefined, 'two');
					manager.delete('a');
					manager.send(['a'], 'three');
					manager.send(undefined, 'four');
					return manager.flush();
				});
				assert.deepEqual((await one.do('seen', 'a')).at(-1), closed('one', 'two'));
				await one.do('create', 'a', kind);
			}
			assert.deepEqual((await one.do('seen', 'b')).at(-1), open('two', 'four', 'two', 'four'));
		}
	});

	test('is kept between messages and a create that replaces a session of another thread', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		await here.run((driver) => {
			driver.send(['a'], 'to the older');
			driver.create('a');
			driver.send(['a'], 'to the newer');
			return driver.flush();
		});
		assert.deepEqual(await one.do('seen', 'a'), [closed('to the older')]);
		assert.deepEqual(await here.do('seen', 'a'), [open('to the newer')]);
	});
});

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

describe('a mailbox', () => {
	const BOUND = 100_000;

	test('that overflows closes the sessions of its thread, counts them, and leaves no gap in any stream', async () => {
		const { here, one, two } = await inOneScope({ maxMailboxBytes: BOUND });
		for (const id of ['a', 'b']) await one.do('create', id);
		for (const id of ['c', 'd']) await two.do('create', id);
		await here.do('send', undefined, 'before');
		await flush(here);
		const { release } = await block(one);
		const burst = Array.from({ length: 20 }, (_, n) => `${n} ${'x'.repeat(BOUND / 10)}`);
		for (const message of burst) {
			here.driver.send(['a', 'b', 'c', 'd'], message);
			await until(async () => (await two.do('stats')).mailboxBytes === 0);
		}
		await release();
		await until(() => here.driver.size() === 2);
		for (const id of ['a', 'b']) {
			const [{ messages, closed }] = await one.do('seen', id);
			assert.equal(closed, 1);
			assert.ok(messages.length <= 20);
			assert.deepEqual(messages, ['before', ...burst].slice(0, messages.length));
			assert.equal(await here.do('has', id), false);
		}
		const overflowed = async (/** @type {StreamDriverProxy} */ there) => {
			const { sessions, closed, mailboxBytes } = await there.do('stats');
			return { sessions, overflow: closed.overflow, mailboxBytes };
		};
		assert.deepEqual(await overflowed(one), { sessions: 0, overflow: 2, mailboxBytes: 0 });

		// The other worker has lost nothing.
		for (const id of ['c', 'd']) assert.deepEqual(await two.do('seen', id), [open('before', ...burst)]);
		assert.deepEqual(await overflowed(two), { sessions: 2, overflow: 0, mailboxBytes: 0 });

		await one.do('create', 'a');
		await one.do('create', 'e');
		for (const message of ['one', 'two']) here.driver.send(undefined, message);
		here.driver.delete('e');
		await flush(here);
		assert.deepEqual((await one.do('seen', 'a')).at(-1), open('one', 'two'));
		assert.deepEqual(await one.do('seen', 'e'), [closed('one', 'two')]);
		assert.deepEqual(await overflowed(one), { sessions: 1, overflow: 2, mailboxBytes: 0 });
	});

	test('that has overflowed does not delay a flush', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'a');
		const { release } = await block(one);
		for (let n = 0; n < 20; n++) here.driver.send(['a'], 'x'.repeat(BOUND / 10));
		await flush(here);
		await release();
		await until(() => here.driver.size() === 0);
	});

	test('may overflow repeatedly', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		for (let round = 1; round <= 5; round++) {
			await one.do('create', 'a');
			const { release } = await block(one);
			for (let n = 0; n < 20; n++) here.driver.send(['a'], 'x'.repeat(BOUND / 10));
			const flushing = flush(here);
			await release();
			await flushing;
			await until(async () => (await one.do('stats')).closed.overflow === round);
			assert.deepEqual((await one.do('seen', 'a')).at(-1).closed, 1);
		}
		assert.deepEqual(await one.do('uncaught'), []);
	});

	test('that overflows does not close sessions that its thread creates before it learns of the overflow', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'before');
		const { release } = await block(one);
		for (let n = 0; n < 20; n++) here.driver.send(undefined, 'x'.repeat(BOUND / 10));
		const after = one.do('create', 'after');
		await release();
		await after;
		await flush(here);
		await until(async () => (await one.do('stats')).closed.overflow > 0);
		here.driver.send(undefined, 'x');
		await flush(here);
		const [{ messages, closed }] = await one.do('seen', 'after');
		// Nothing is lost without a sign: the session is open and has every message, or it was closed and its client knows.
		if (closed === 0) assert.deepEqual(messages, ['x']);
		else assert.deepEqual(messages, []);
		assert.equal(await here.do('has', 'after'), closed === 0);
	});

	test('holds the messages for a busy thread, and stats() reports their size', async () => {
		const { here, one } = await inOneScope();
		here.driver.create('a');
		assert.equal(here.driver.stats().mailboxBytes, 0);
		assert.equal(here.driver.stats().closed.overflow, 0);
		assert.equal(here.driver.stats().sessions, 1);
		await one.do('create', 'b');
		assert.equal(here.driver.stats().sessions, 1);
		const counts = new Int32Array(new SharedArrayBuffer(8));
		const sent = one.run(({ manager }, counts) => {
			for (let n = 0; n < 10; n++) manager.send(['a'], 'x'.repeat(1_000));
			Atomics.store(counts, 0, 1);
			Atomics.notify(counts, 0);
		}, counts);
		// This thread drains nothing until it returns to its event loop.
		while (Atomics.load(counts, 0) === 0);
		const { mailboxBytes } = here.driver.stats();
		assert.ok(mailboxBytes >= 10_000 && mailboxBytes < 20_000, `${mailboxBytes} bytes`);
		await sent;
		await flush(one);
		assert.equal(here.driver.stats().mailboxBytes, 0);
	});

	test('overflows on one message that is larger than its bound', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: 1_000_000 });
		await one.do('create', 'a');
		await here.do('send', ['a'], 'x'.repeat(5_000_000));
		await flush(here);
		await until(async () => (await one.do('stats')).closed.overflow === 1);
		assert.deepEqual(await one.do('seen', 'a'), [closed()]);
	});
});

describe('a thread', () => {
	test('does other work while it delivers a large backlog', async () => {
		const { here, one } = await inOneScope();
		await one.run(({ manager, own }) => {
			own.enqueued = 0;
			manager.create('a', { enqueue: () => own.enqueued++, close() {} });
		});
		const flags = new Int32Array(new SharedArrayBuffer(8));
		const turned = one.run(({ own }, flags) => {
			Atomics.store(flags, 1, 1);
			Atomics.wait(flags, 0, 0);
			return new Promise((resolve) => setImmediate(() => setImmediate(() => resolve(own.enqueued))));
		}, flags);
		await until(() => Atomics.load(flags, 1) === 1);
		for (let n = 0; n < 200_000; n++) here.driver.send(['a'], 'x');
		Atomics.store(flags, 0, 1);
		Atomics.notify(flags, 0);
		const enqueued = await turned;
		assert.ok(enqueued < 100_000, `after two turns it had delivered ${enqueued} of 200000`);
		await flush(here);
		assert.equal(await one.run(({ own }) => own.enqueued), 200_000);
	});
});

describe('two managers of one scope in one thread', () => {
	test('share their sessions, and deliver to each other’s synchronously', async () => {
		const scope = newScope();
		const [first, second] = [new InMemoryStreamSessionManager({ scope }), new InMemoryStreamSessionManager({ scope })];
		const [a, b, newer] = [fakeController(), fakeController(), fakeController()];
		first.create('a', a);
		second.create('b', b);
		for (const manager of [first, second]) {
			assert.equal(manager.size, 2);
			assert.deepEqual(manager.ids(), ['a', 'b']);
			assert.equal(await manager.has('a'), true);
			assert.equal(await manager.has('b'), true);
		}
		second.send(['a'], 'one');
		second.send(['a', 'b'], 'two');
		first.send(undefined, 'three');
		assert.deepEqual(
			[a.messages, b.messages],
			[
				['one', 'two', 'three'],
				['two', 'three'],
			],
		);
		second.delete('a');
		first.create('b', newer);
		assert.deepEqual([a.closed, b.closed, newer.closed], [1, 1, 0]);
		second.send(['b'], 'four');
		assert.deepEqual([b.messages, newer.messages], [['two', 'three'], ['four']]);
	});

	test('get each message of another thread once', async () => {
		const { here, one, scope } = await inOneScope();
		await one.run((driver, /** @type {string} */ scope) => {
			const { tools, own } = driver;
			own.second = new tools.InMemoryStreamSessionManager({ scope });
			own.b = tools.fakeController();
			driver.create('a');
			own.second.create('b', own.b);
		}, scope);
		here.driver.send(undefined, 'one');
		here.driver.send(['a', 'b'], 'two');
		await here.driver.flush();
		assert.deepEqual(await one.do('seen', 'a'), [open('one', 'two')]);
		assert.deepEqual(await one.run(({ own }) => own.b.messages), ['one', 'two']);
	});
});

describe('a manager of a scope', () => {
	test('that is collected ends the sessions of its thread, and no others', async () => {
		const { here, two, scope } = await inOneScope();
		await here.do('create', 'here');
		await two.do('create', 'two');
		const worker = new Thread();
		await (await worker.open()).run(async ({ tools }, /** @type {string} */ scope) => {
			const { InMemoryStreamSessionManager, fakeController, collected } = tools;
			const make = () => {
				const controller = fakeController();
				const manager = new InMemoryStreamSessionManager(/** @type {any} */ ({ scope }));
				for (let n = 0; n < 100; n++) manager.create(`dropped ${n}`, controller);
				return [new WeakRef(manager), new WeakRef(controller)];
			};
			for (const reference of make()) await collected(reference);
		}, scope);
		await until(() => here.driver.size() === 2);
		assert.deepEqual(await two.do('ids'), ['here', 'two']);
		here.driver.send(undefined, 'x');
		await flush(here);
		assert.deepEqual(await two.do('seen', 'two'), [open('x')]);
		await worker.terminate();
	});

	test('leaves its sessions to the other managers of its thread when it is collected', async () => {
		const { here, one, scope } = await inOneScope();
		const controller = fakeController();
		await collectedManager(scope, controller);
		for (let turns = 0; turns < 20; turns++) await turn();
		assert.equal(await one.do('has', 'of the collected'), true);
		await one.do('send', undefined, 'x');
		await flush(one);
		here.driver.send(['of the collected'], 'y');
		assert.deepEqual(controller.messages, ['x', 'y']);
	});

	test('that is collected leaves a scope that can be used again', async () => {
		const scope = newScope();
		for (let round = 0; round < 3; round++) {
			await collectedManager(scope, fakeController());
			const other = await workers[0].open({ scope });
			await until(async () => (await other.do('size')) === 0);
			await other.do('leave');
		}
		const again = openHere({ scope });
		again.driver.create('a');
		again.driver.send(undefined, 'x');
		assert.deepEqual(again.driver.seen('a'), [open('x')]);
	});

	test('keeps memory flat when 20,000 managers with sessions are created and dropped', async () => {
		await assertMemoryStaysFlat('dropped-scoped-managers.js', 20_000);
	});

	test('keeps neither the process nor a worker alive', async () => {
		const { stdout } = await run(process.execPath, [child('open-scoped-sessions.js')], { timeout: 30_000 });
		assert.equal(stdout, '2000 sessions are open\nthe worker ended with 0\n1000 sessions are left\n');
	});

	test('does not keep a worker alive, even with messages pending for it', async () => {
		const scope = newScope();
		const here = openHere({ scope });
		const worker = new Worker(child('open-scoped-sessions.js'), { workerData: scope });
		const ended = new Promise((resolve) => worker.once('exit', resolve));
		await new Promise((resolve) => worker.once('message', resolve));
		assert.equal(here.driver.size(), 1_000);
		worker.postMessage('seen');
		let exited = false;
		ended.then(() => {
			exited = true;
		});
		// No matter how often it is woken.
		await until(async () => {
			for (let n = 0; n < 10; n++) here.driver.send(undefined, 'x');
			await flush(here);
			return exited;
		});
		assert.equal(await ended, 0);
		assert.equal(here.driver.size(), 0);
	});
});

/**
 * Creates a manager with a session, and settles when the manager was collected.
 *
 * @param {string} scope
 * @param {ReturnType<typeof fakeController>} controller
 */
async function collectedManager(scope, controller) {
	const make = () => {
		const manager = new InMemoryStreamSessionManager({ scope });
		manager.create('of the collected', controller);
		return new WeakRef(manager);
	};
	await collected(make());
}

describe('an option', () => {
	/** @type {[any, string][]} */
	const mistakes = [
		[{ scope: '' }, 'scope'],
		[{ scope: 5 }, 'scope'],
		[{ scope: null }, 'scope'],
		[{ scope: ['a'] }, 'scope'],
		[{ maxMailboxBytes: 1_000 }, 'maxMailboxBytes'],
		...[0, -1, 1.5, NaN, 'x', '1000', null, 10n].map(
			(bytes) => /** @type {[any, string]} */ ([{ scope: newScope(), maxMailboxBytes: bytes }, 'maxMailboxBytes']),
		),
	];
	for (const [options, name] of mistakes) {
		const given = Object.entries(options).map(([name, value]) => `${name}: ${typeof value} ${String(value)}`);
		test(`is refused when it is invalid: ${given.at(-1)}`, () => {
			assert.throws(
				() => new InMemoryStreamSessionManager(options),
				(/** @type {any} */ error) => {
					assert.ok(error instanceof TypeError);
					assert.match(/** @type {any} */ (error).code, /^ERR_INVALID_ARG_(TYPE|VALUE)$/);
					assert.match(error.message, new RegExp(`InMemoryStreamSessionManager: .*"${name}"`));
					return true;
				},
			);
		});
	}

	test('has no effect when it is undefined', () => {
		const manager = new InMemoryStreamSessionManager({ scope: undefined, maxMailboxBytes: undefined });
		manager.create('a', fakeController());
		assert.equal(new InMemoryStreamSessionManager({ scope: undefined }).size, 0);
	});

	test('with an unknown name is refused, and the error suggests the nearest known name', () => {
		const [scop, maxMailboxByte] = [{ scop: 'a' }, { scope: 'a', maxMailboxByte: 1 }];
		for (const [options, meant] of /** @type {[any, string][]} */ ([
			[scop, 'scope'],
			[maxMailboxByte, 'maxMailboxBytes'],
		])) {
			assert.throws(() => new InMemoryStreamSessionManager(options), {
				name: 'TypeError',
				code: 'ERR_UNKNOWN_OPTION',
				message: new RegExp(`did you mean "${meant}"\\?$`),
			});
		}
	});

	test('maxMailboxBytes must be the same for all managers of a scope in one thread', async () => {
		const { scope, here, one } = await inOneScope({ maxMailboxBytes: 1_000_000 });
		here.driver.create('a');
		for (const manager of [openHere, (/** @type {any} */ options) => new InMemoryStreamSessionManager(options)]) {
			assert.throws(() => manager({ scope, maxMailboxBytes: 1_000_001 }), {
				name: 'TypeError',
				code: /^ERR_INVALID_ARG_VALUE$|^ERR_INVALID_ARG_TYPE$/,
				message: /"maxMailboxBytes"/,
			});
		}
		assert.equal(openHere({ scope, maxMailboxBytes: 1_000_000 }).driver.size(), 1);
		await one.do('send', ['a'], 'x');
		await flush(one);
		assert.deepEqual(here.driver.seen('a'), [open('x')]);
	});

	test('maxMailboxBytes may differ between threads', async () => {
		const scope = newScope();
		const here = openHere({ scope, maxMailboxBytes: 1_000 });
		const there = await workers[0].open({ scope, maxMailboxBytes: 1_000_000 });
		await there.do('create', 'a');
		here.driver.send(['a'], 'x'.repeat(100_000));
		await flush(here);
		assert.deepEqual(await there.do('seen', 'a'), [open('x'.repeat(100_000))]);
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

describe('a mailbox that is nearly full', () => {
	test('does not overflow on a flush or on the end of a session', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: 1_000 });
		for (const id of ['a', 'b']) await one.do('create', id);
		const { release } = await block(one);
		here.driver.send(['a'], 'x'.repeat(800));
		const flushed = [1, 2, 3, 4].map(() => flush(here));
		here.driver.delete('b');
		await release();
		await Promise.all(flushed);
		await flush(here);
		assert.deepEqual(await one.do('seen', 'a'), [open('x'.repeat(800))]);
		assert.deepEqual(await one.do('seen', 'b'), [closed()]);
	});

	test('that overflows counts the sessions before it closes their streams, without those already deleted', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: 1_000 });
		await one.run(({ manager, own }) => {
			own.counts = [];
			const close = () => own.counts.push(manager.stats().closed.overflow);
			for (const id of ['a', 'b', 'c']) manager.create(id, { enqueue() {}, close });
		});
		const { release } = await block(one);
		here.driver.delete('c');
		for (let number = 0; number < 5; number++) here.driver.send(['a'], 'x'.repeat(500));
		await release();
		await until(() => here.driver.size() === 0);
		// "c" is closed first. It is not counted.
		assert.deepEqual(await one.run(({ own }) => own.counts), [0, 2, 2]);
	});

	test('takes its bound from the first manager that sets one, even after managers without one', async () => {
		const scope = newScope();
		const first = openHere({ scope });
		openHere({ scope, maxMailboxBytes: 1_000 });
		assert.throws(() => openHere({ scope, maxMailboxBytes: 2_000 }), { code: 'ERR_INVALID_ARG_VALUE' });
		const there = await workers[0].open({ scope });
		first.driver.create('a');
		await there.do('send', ['a'], 'x'.repeat(2_000));
		await until(() => first.driver.stats().closed.overflow === 1);
	});
});
