// Stream managers of one scope in several threads: which sessions a thread sees, which messages reach them, and in what
// order.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { closed, flush, numbered, open, startThreads } from '../support/threads/stream-threads.js';
import { block, openHere } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

const { workers, inOneScope } = startThreads();

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
