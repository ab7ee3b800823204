// The options and the statistics of a manager whose sessions are direct.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { isAvailable, openDirect } from './support/setup.js';
import { until, within } from './support/until.js';

/** @import { TestContext } from 'node:test' */

const KEEP_ALIVE = ': keepalive\n\n';

/**
 * Opens a session that is direct, with a manager whose `onClose` records the reasons.
 *
 * @param {TestContext} test
 * @param {object} options of the manager
 */
async function openRecorded(test, options) {
	/** @type {Record<string, string>} */
	const reasons = {};
	const opened = await openDirect(test, {
		manager: {
			...options,
			onClose: (/** @type {string} */ id, /** @type {string} */ reason) => {
				reasons[id] = reason;
			},
		},
	});
	return { ...opened, reasons };
}

describe('with native delivery', () => {
	it('keepAliveMs sends comments while a session receives nothing, and ends when the session ends', async (test) => {
		const { setup, session } = await openRecorded(test, { keepAliveMs: 100 });
		await session.response.reaches(session.expected.length + 3 * KEEP_ALIVE.length);
		setup.manager.send(['a'], 'data: 1\n\n');
		await session.response.contains('data: 1\n\n');
		setup.manager.delete('a');
		assert.equal(await session.response.ended, 'complete');
		const rest = session.response.text.replaceAll(KEEP_ALIVE, '');
		session.expected.message(Buffer.from('data: 1\n\n'));
		session.expected.verify(Buffer.from(rest), 'a', true);
	});

	it('keepAliveMs sends no comments while a session receives messages', async (test) => {
		const { session } = await openRecorded(test, { keepAliveMs: 500 });
		const start = performance.now();
		while (performance.now() - start < 1_500) {
			session.send('data: x\n\n');
			await session.settled();
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		await session.isDeleted();
	});

	it('maxQueuedBytes closes a session whose client does not read, and never queues more', async (test) => {
		const MAX = 500_000;
		const { setup, session, reasons } = await openRecorded(test, { maxQueuedBytes: MAX });
		const reads = await setup.open('reads');
		await reads.becomesDirect();
		session.client.pause();
		const message = `data: ${'x'.repeat(50_000)}\n\n`;
		let most = 0;
		await until(() => {
			for (const { expected } of [session, reads]) expected.message(Buffer.from(message));
			setup.manager.send(undefined, message);
			most = Math.max(most, setup.manager.stats().queuedBytes);
			return reasons.a !== undefined;
		}, 'the session is closed');
		assert.deepEqual(reasons, { a: 'slow' });
		// Both sessions may have bytes in their queues.
		if (isAvailable) assert.ok(most <= 2 * MAX && most > 0, `${most} bytes were queued`);
		session.client.resume();
		assert.equal(await within(session.response.ended, () => 'the response is cut'), 'cut');
		session.expected.verify(session.response.body, 'a', false);
		await reads.isDeleted();
		assert.equal(setup.manager.stats().closed.slow, 1);
	});

	it('onSlowClient drop skips whole messages, and counts each', async (test) => {
		const { setup, session } = await openRecorded(test, { maxQueuedBytes: 300_000, onSlowClient: 'drop' });
		const before = session.response.length;
		session.client.pause();
		let sent = 0;
		const messageOf = (/** @type {number} */ number) => `data: ${number} ${'x'.repeat(40_000)}\n\n`;
		await until(() => {
			setup.manager.send(['a'], messageOf(sent++));
			return setup.manager.stats().dropped >= 20;
		}, '20 messages are dropped');
		session.client.resume();
		await until(() => setup.manager.stats().queuedBytes === 0, 'the client has caught up');
		const { dropped } = setup.manager.stats();
		setup.manager.send(['a'], 'data: last\n\n');
		setup.manager.delete('a');
		assert.equal(await within(session.response.ended, () => 'the response ends'), 'complete');
		const received = session.response.text.slice(before).split('\n\n').slice(0, -1);
		assert.equal(received.pop(), 'data: last');
		const numbers = received.map((message) => Number(message.split(' ')[1]));
		assert.ok(received.every((message, index) => `${message}\n\n` === messageOf(numbers[index])));
		assert.deepEqual(
			numbers,
			[...new Set(numbers)].sort((a, b) => a - b),
		);
		assert.equal(received.length + dropped, sent);
	});

	it('deadAfterKeepAlives closes a session whose client reads nothing', async (test) => {
		const { setup, session, reasons } = await openRecorded(test, { keepAliveMs: 100, deadAfterKeepAlives: 2 });
		const idle = await setup.open('idle');
		await idle.becomesDirect();
		session.client.pause();
		const message = `data: ${'x'.repeat(500_000)}\n\n`;
		await until(() => {
			setup.manager.send(['a'], message);
			// More than what is on its way to the kernel for a moment.
			return setup.manager.stats().queuedBytes > 4 * message.length;
		}, 'bytes are queued');
		await until(() => reasons.a !== undefined, 'the session is closed');
		assert.deepEqual(reasons, { a: 'dead' });
		session.client.resume();
		assert.equal(await within(session.response.ended, () => 'the response is cut'), 'cut');
	});

	it('maxAgeMs ends a session completely', async (test) => {
		const { setup, session, reasons } = await openRecorded(test, { maxAgeMs: 1_000 });
		for (let message = 0; setup.manager.size > 0; message++) {
			session.send(`data: ${message}\n\n`);
			await Promise.race([session.settled(), session.response.ended]);
			await turn();
			if (reasons.a !== undefined) break;
		}
		await within(session.response.ended, () => 'the response ends');
		assert.deepEqual(reasons, { a: 'expired' });
		session.expected.verify(session.response.body, 'a', false);
		assert.equal(session.response.end, 'complete');
	});

	it('onClose gets the reasons deleted, replaced and shutdown', async (test) => {
		const { setup, session, reasons } = await openRecorded(test, {});
		const replaced = await setup.open('b');
		await replaced.becomesDirect();
		const newer = await setup.open('b');
		await replaced.ends();
		assert.deepEqual(reasons, { b: 'replaced' });
		await newer.becomesDirect();
		await session.isDeleted();
		assert.equal(reasons.a, 'deleted');
		await setup.manager.close();
		await newer.ends();
		assert.deepEqual(reasons, { a: 'deleted', b: 'shutdown' });
		const { closed } = setup.manager.stats();
		assert.deepEqual([closed.deleted, closed.replaced, closed.shutdown], [1, 1, 1]);
	});

	it('close waits at most drainMs for a client that reads slowly', async (test) => {
		// Without native delivery, `queuedBytes` covers only managers with such an option.
		const { setup, session } = await openRecorded(test, { keepAliveMs: 60_000 });
		session.client.pause();
		const message = `data: ${'x'.repeat(300_000)}\n\n`;
		await until(() => {
			session.send(message);
			return setup.manager.stats().queuedBytes > 1_000_000;
		}, 'bytes are queued');
		const closed = setup.manager.close({ drainMs: 60_000 });
		await turn();
		session.client.resume();
		await within(closed, () => 'the manager is closed');
		await session.ends();
	});

	it('stats count the messages and bytes that were sent to sessions', async (test) => {
		const { setup, session } = await openRecorded(test, {});
		const other = await setup.open('b');
		await other.becomesDirect();
		const before = setup.manager.stats();
		for (let message = 0; message < 10; message++) {
			setup.manager.send(undefined, 'data: ü\n\n');
			for (const { expected } of [session, other]) expected.message(Buffer.from('data: ü\n\n'));
		}
		await Promise.all([session.settled(), other.settled()]);
		const { messages, bytes, sessions, queuedBytes, direct } = setup.manager.stats();
		assert.equal(messages - before.messages, 20);
		assert.equal(bytes - before.bytes, 20 * Buffer.byteLength('data: ü\n\n'));
		assert.equal(sessions, 2);
		if (isAvailable) assert.equal(direct, 2);
		await until(() => setup.manager.stats().queuedBytes === 0, `no bytes are queued, of ${queuedBytes}`);
		await session.isDeleted();
		await other.isDeleted();
		await until(() => setup.direct === 0, 'no session is direct');
	});
});
