// Subscription managers of one scope in several threads: too many notifications wait for a busy thread.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { notification, stateOf } from '../support/subscriptions.js';
import {
	caughtUp,
	changed,
	numbers,
	PROMPTS,
	resolved,
	startThreads,
} from '../support/threads/subscription-threads.js';
import { block } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

const { inOneScope } = startThreads();

describe('a mailbox that overflows', () => {
	const BOUND = 20_000;
	const large = (/** @type {number} */ n) =>
		notification('notifications/tools/list_changed', { n, filler: 'x'.repeat(BOUND / 5) });

	test('settles the calls that wait for its thread at once, and closes its registrations as cancelled when the thread wakes', async () => {
		const { here, one, two } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'a');
		await one.do('create', 'quiet', { filters: PROMPTS });
		await two.do('create', 'of two');
		assert.deepEqual(await here.do('send', changed(0)), resolved);
		const { release } = await block(one.thread);
		const early = [here.do('send', large(1)), here.do('close', 'quiet')];
		await two.do('called', 'send', 2, 'of two');
		for (const pending of early) assert.equal(await stateOf(pending), 'pending');
		for (const n of [2, 3, 4, 5, 6]) {
			early.push(here.do('send', large(n)));
			await two.do('called', 'send', n + 1, 'of two');
		}
		// The callers learn of the loss at once. A close has reached its goal.
		const [first, closing, ...others] = await Promise.all(early);
		assert.deepEqual(closing, { resolved: true });
		for (const lost of [first, ...others]) assert.equal(lost.error?.code, 'ERR_MAILBOX_OVERFLOW');
		assert.deepEqual(await here.do('create', 'a'), { resolved: false });
		await release();
		for (const id of ['a', 'quiet']) await one.do('called', 'close', 1, id);
		// All six are lost, or the last of them: there is no gap.
		const [calls] = await one.do('calls', 'a');
		assert.deepEqual(calls, ['acknowledge', 0, 'close: cancelled']);
		assert.deepEqual(await one.do('calls', 'quiet'), [['acknowledge', 'close: cancelled']]);
		// The other worker has lost nothing.
		assert.deepEqual(await two.do('calls', 'of two'), [['acknowledge', 0, 1, 2, 3, 4, 5, 6]]);
		// The mailbox accepts messages again.
		for (const id of ['a', 'quiet']) assert.deepEqual(await one.do('create', id), { resolved: true });
		assert.deepEqual(await here.do('send', changed(7)), resolved);
		assert.deepEqual((await one.do('calls', 'a')).at(-1), ['acknowledge', 7]);
		assert.deepEqual(await here.do('close', 'quiet'), { resolved: true });
		assert.deepEqual(await one.thread.do('uncaught'), []);
	});

	test('refuses a notification that is larger than its bound at the sender, and closes nothing', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'a');
		const { error } = await here.do(
			'send',
			notification('notifications/tools/list_changed', { n: 1, filler: 'x'.repeat(BOUND) }),
		);
		assert.deepEqual([error?.name, error?.code], ['RangeError', 'ERR_MESSAGE_TOO_LARGE']);
		assert.deepEqual(await here.do('send', changed(2)), resolved);
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 2]]);
	});

	test('closes a registration that is closing already only once, and waits for the current delivery', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'closing', { waits: ['close'] });
		await one.do('create', 'sending', { waits: ['send'] });
		const sent = here.do('send', changed(0));
		await one.do('called', 'send', 1, 'sending');
		const closing = here.do('close', 'closing', 'closed');
		await one.do('called', 'close', 1, 'closing');
		const { release } = await block(one.thread);
		const lost = numbers(6).map((n) => here.do('send', large(n)));
		for (const { error } of await Promise.all(lost)) assert.equal(error?.code, 'ERR_MAILBOX_OVERFLOW');
		await release();
		await caughtUp(here, one);
		for (const pending of [sent, closing]) assert.equal(await stateOf(pending), 'pending');
		await one.do('release', 'sending');
		await one.do('called', 'close', 1, 'sending');
		await one.do('release', 'closing');
		assert.deepEqual(await Promise.all([sent, closing]), [resolved, { resolved: true }]);
		assert.deepEqual(await one.do('calls', 'closing'), [['acknowledge', 0, 'close: closed']]);
		assert.deepEqual(await one.do('calls', 'sending'), [['acknowledge', 0, 'close: cancelled']]);
	});

	test('releases the names of its registrations', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'a', { waits: ['close'] });
		const { release } = await block(one.thread);
		await Promise.all(numbers(6).map((n) => here.do('send', large(n))));
		await release();
		await one.do('called', 'close', 1, 'a');
		assert.deepEqual(await here.do('create', 'a'), { resolved: true });
		await one.do('release', 'a');
		await caughtUp(here, one);
		// The older registration does not affect the newer one when it is closed.
		assert.deepEqual(await one.do('create', 'a'), { resolved: false });
		assert.deepEqual(await one.do('send', changed(1)), resolved);
		assert.deepEqual(await here.do('calls', 'a'), [['acknowledge', 1]]);
	});

	test('leaves no rejection unhandled when the close callbacks fail', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'a', { waits: ['close'] });
		await one.do('create', 'b');
		const { release } = await block(one.thread);
		await Promise.all(numbers(6).map((n) => here.do('send', large(n))));
		await release();
		await one.do('called', 'close', 1, 'a');
		await one.do('fail', 'not closed', 'a');
		await one.do('called', 'close', 1, 'b');
		await caughtUp(here, one);
		assert.deepEqual(await one.thread.do('uncaught'), []);
		for (const id of ['a', 'b']) assert.deepEqual(await here.do('create', id), { resolved: true });
	});

	test('still delivers the replies that its thread waits for', async () => {
		const { here, one } = await inOneScope({ maxMailboxBytes: BOUND });
		await one.do('create', 'of one', { origin: 'lost' });
		await here.do('create', 'slow', { waits: ['send', 'close'] });
		const sent = one.do('send', changed(1));
		await here.do('called', 'send', 1, 'slow');
		const { release } = await block(one.thread);
		const lost = numbers(6).map((n) => here.do('send', large(n)));
		await here.do('release', 'slow');
		for (const n of numbers(6)) {
			await here.do('called', 'send', n + 2, 'slow');
			await here.do('release', 'slow');
		}
		await Promise.all(lost);
		await release();
		assert.deepEqual(await sent, resolved);
		await one.do('called', 'close', 1, 'of one', 'lost');
	});
});
