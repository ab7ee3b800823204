// Stream managers of one scope in several threads: messages that wait for a busy thread, and what happens when there are too
// many of them.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { closed, flush, open, startThreads } from '../support/threads/stream-threads.js';
import { block, newScope, openHere } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';
import { until } from '../support/until.js';

/** @import { StreamDriverProxy } from '../support/threads/threads.js' */

const { workers, inOneScope } = startThreads();

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

	for (const [to, receivers] of /** @type {[string[] | undefined, string[]][]} */ ([
		[['a'], ['a']],
		[
			['a', 'c', 'unknown'],
			['a', 'c'],
		],
		[undefined, ['a', 'b', 'c']],
	])) {
		const whom = to === undefined ? 'all sessions' : to.length > 1 ? 'some sessions' : 'one session';
		test(`closes only the receivers of a message to ${whom} that is larger than its bound`, async () => {
			const { here, one, two } = await inOneScope({ maxMailboxBytes: 1_000_000 });
			for (const id of ['a', 'b', 'c']) await one.do('create', id);
			await here.do('create', 'here');
			await two.do('create', 'other');
			const { release } = await block(one);
			here.driver.send(undefined, 'before');
			here.driver.send(to, 'x'.repeat(1_000_001));
			here.driver.send(['a', 'b', 'c', 'other'], 'after');
			const flushed = flush(here);
			await release();
			await flushed;
			for (const id of ['a', 'b', 'c']) {
				const expected = receivers.includes(id) ? closed('before') : open('before', 'after');
				assert.deepEqual(await one.do('seen', id), [expected], id);
				assert.equal(await here.do('has', id), !receivers.includes(id));
			}
			assert.equal((await one.do('stats')).closed.overflow, receivers.length);
			assert.equal((await here.do('stats')).closed.overflow, 0);
			assert.equal((await two.do('stats')).closed.overflow, to === undefined ? 1 : 0);
		});
	}

	test('closes all its streams, in slices, for a broadcast that is larger than its bound', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: 1_000_000, sliceMs: 1 });
		await one.run(({ manager }) => {
			for (let n = 0; n < 200; n++) manager.create(`${n}`, { enqueue() {}, close() {} });
		});
		here.driver.send(undefined, 'x'.repeat(1_000_001));
		await flush(here);
		assert.equal((await one.do('stats')).closed.overflow, 200);
		assert.equal(here.driver.size(), 0);
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

	test('that overflows ends the sessions whose controllers have no method close, too', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: 1_000 });
		await one.run(({ manager, own }) => {
			own.enqueued = 0;
			manager.create('a', { enqueue: () => own.enqueued++ });
		});
		const { release } = await block(one);
		for (let number = 0; number < 5; number++) here.driver.send(['a'], 'x'.repeat(500));
		await release();
		await until(() => here.driver.size() === 0);
		assert.deepEqual(
			await one.run(({ manager, own }) => [own.enqueued, manager.stats().closed.overflow, manager.stats().closed.gone]),
			[0, 1, 0],
		);
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
