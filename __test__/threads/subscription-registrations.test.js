// Subscription managers of one scope in several threads: `create`, `close` and `closeAll` with registrations of other threads.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { stateOf } from '../support/subscriptions.js';
import {
	blockBefore,
	caughtUp,
	changed,
	numbers,
	resolved,
	startThreads,
} from '../support/threads/subscription-threads.js';
import { block, Thread } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';
import { until } from '../support/until.js';

const { inOneScope } = startThreads();

describe('create', () => {
	test('refuses an origin and id that another thread has, and calls no callback', async () => {
		const { here, one, two } = await inOneScope();
		const ids = [1, '1', 0, NaN, '', '__proto__', 'ü\ud83d', 'x'.repeat(500)];
		for (const id of ids) assert.deepEqual(await one.do('create', id), { resolved: true });
		for (const thread of [here, two]) {
			for (const id of [...ids, -0]) {
				assert.deepEqual(await thread.do('create', id), { resolved: false });
				assert.deepEqual((await thread.do('calls', id)).at(-1), []);
			}
		}
		for (const [index, thread] of [here, two].entries()) {
			assert.deepEqual(await thread.do('create', 1, { origin: `another ${index}` }), { resolved: true });
			assert.deepEqual(await thread.do('create', index + 2), { resolved: true });
		}
		await here.do('send', changed(1));
		for (const id of ids) assert.deepEqual(await one.do('calls', id), [['acknowledge', 1]]);
	});

	test('of one name in three threads at once succeeds in one thread', async () => {
		const { here, one, two } = await inOneScope();
		const threads = [here, one, two];
		for (const id of numbers(100)) {
			const created = await Promise.all(threads.map((thread) => thread.do('create', id)));
			assert.equal(created.filter(({ resolved }) => resolved).length, 1);
		}
	});

	test('refuses a name while its acknowledgement is pending in another thread, and accepts it after that has failed', async () => {
		const { here, one } = await inOneScope();
		const created = one.do('create', 'a', { waits: ['acknowledge'] });
		await one.do('called', 'acknowledge', 1, 'a');
		assert.deepEqual(await here.do('create', 'a'), { resolved: false });
		await one.do('fail', 'failure', 'a');
		assert.equal((await created).error.message, 'failure');
		assert.deepEqual(await here.do('create', 'a'), { resolved: true });
	});

	test('accepts a name after another thread has closed it, and refuses it while the close is pending', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'a', { waits: ['close'] });
		const closing = one.do('close', 'a');
		await one.do('called', 'close', 1, 'a');
		assert.deepEqual(await here.do('create', 'a'), { resolved: false });
		await one.do('release', 'a');
		assert.deepEqual(await closing, { resolved: true });
		assert.deepEqual(await here.do('create', 'a'), { resolved: true });
		assert.deepEqual(await one.do('create', 'a'), { resolved: false });
		assert.deepEqual(await two.do('close', 'a'), { resolved: true });
		assert.deepEqual(await one.do('create', 'a'), { resolved: true });
		await two.do('send', changed(1));
		assert.deepEqual(await here.do('calls', 'a'), [[], ['acknowledge', 'close: closed']]);
		assert.deepEqual((await one.do('calls', 'a')).at(-1), ['acknowledge', 1]);
	});

	test('accepts a name after the managers that had it were collected', async () => {
		const { here, one, scope } = await inOneScope();
		const worker = new Thread();
		const driver = await worker.open();
		await driver.run(async (/** @type {any} */ { tools }, scope) => {
			const make = async () => {
				const { manager } = new tools.SubscriptionDriver({ scope });
				const callbacks = { acknowledge() {}, send() {}, close() {} };
				await manager.create({ id: 'a', origin: 'origin', filters: { toolsListChanged: true } }, callbacks);
				return [new WeakRef(manager), new WeakRef(callbacks)];
			};
			for (const reference of await make()) await tools.collected(reference);
		}, scope);
		await until(async () => (await here.do('create', 'a')).resolved);
		assert.deepEqual(await one.do('send', changed(1)), resolved);
		assert.deepEqual((await here.do('calls', 'a')).at(-1), ['acknowledge', 1]);
		await worker.terminate();
	});
});

describe('close', () => {
	for (const reason of /** @type {const} */ (['closed', 'cancelled'])) {
		test(`closes a registration of another thread as ${reason}, and resolves to true after its callback`, async () => {
			const { here, one, two } = await inOneScope();
			for (const closer of [here, two, one]) {
				await one.do('create', 'a', { waits: ['close'] });
				const closing = closer.do('close', 'a', reason);
				await one.do('called', 'close', 1, 'a');
				await caughtUp(here, one, two);
				assert.equal(await stateOf(closing), 'pending');
				// It receives nothing more.
				assert.deepEqual(await here.do('send', changed(1)), resolved);
				await one.do('release', 'a');
				assert.deepEqual(await closing, { resolved: true });
				assert.deepEqual((await one.do('calls', 'a')).at(-1), ['acknowledge', `close: ${reason}`]);
				for (const thread of [here, one, two]) {
					assert.deepEqual(await thread.do('close', 'a', reason), { resolved: false });
				}
			}
		});
	}

	test('resolves to false for a registration that no thread has', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 1);
		for (const [id, origin] of /** @type {any[]} */ ([
			['1', 'origin'],
			[2, 'origin'],
			[1, 'another'],
			[undefined, 'origin'],
			[1, undefined],
			[1, null],
			[null, null],
			[{}, 'origin'],
			[1n, 'origin'],
			[Symbol('1'), 'origin'],
		])) {
			assert.equal(await here.manager.close(id, origin, 'closed'), false);
		}
		assert.deepEqual(await one.do('calls', 1), [['acknowledge']]);
	});

	test('compares ids of another thread as a Map does', async () => {
		const { here, one } = await inOneScope();
		const ids = [1, '1', 0, NaN, 'NaN', 0.1, 2 ** 53, Infinity, '', '\ud83d', '\ude00', 'x'.repeat(5_000)];
		for (const id of ids) await one.do('create', id);
		for (const id of ids) assert.equal(await here.manager.close(Object.is(id, 0) ? -0 : id, 'origin', 'closed'), true);
		for (const id of ids) assert.deepEqual(await one.do('calls', id), [['acknowledge', 'close: closed']]);
	});

	test('rejects with the error of a callback in another thread, and the registration is removed', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a', { waits: ['close'] });
		const closings = [here.do('close', 'a'), here.do('close', 'a')];
		await caughtUp(here, one);
		await one.do('fail', 'not closed', 'a');
		for (const closing of closings) {
			const { error } = await closing;
			assert.deepEqual([error.name, error.message, error.code], ['RangeError', 'not closed', 'E_TEST']);
		}
		assert.deepEqual(await here.do('close', 'a'), { resolved: false });
		assert.deepEqual(await here.do('create', 'a'), { resolved: true });
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 'close: closed']]);
	});

	test('from several threads calls the callback once, and every caller waits for it', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'a', { waits: ['close'] });
		const first = two.do('close', 'a', 'cancelled');
		await one.do('called', 'close', 1, 'a');
		const others = [here.do('close', 'a', 'closed'), one.do('close', 'a', 'closed'), two.do('close', 'a', 'closed')];
		const all = [here.do('closeAll'), one.do('closeAll'), two.do('closeAll', 'origin')];
		await caughtUp(here, one, two);
		for (const closing of [first, ...others, ...all]) assert.equal(await stateOf(closing), 'pending');
		await one.do('release', 'a');
		assert.deepEqual(await Promise.all([first, ...others]), Array(4).fill({ resolved: true }));
		assert.deepEqual(await Promise.all(all), Array(3).fill(resolved));
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 'close: cancelled']]);
	});

	test('waits for the current delivery in another thread, and drops the deliveries after it, whose sends resolve', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'a', { waits: ['send'] });
		const sends = [here.do('send', changed(1)), here.do('send', changed(2)), here.do('send', changed(3))];
		await one.do('called', 'send', 1, 'a');
		const closing = two.do('close', 'a');
		await caughtUp(here, one, two);
		for (const pending of [closing, ...sends]) assert.equal(await stateOf(pending), 'pending');
		await one.do('release', 'a');
		assert.deepEqual(await Promise.all(sends), [resolved, resolved, resolved]);
		assert.deepEqual(await closing, { resolved: true });
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 1, 'close: closed']]);
	});

	test('does not fail a send that is pending meanwhile', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		await one.do('create', 'b');
		const { release } = await blockBefore(one, (driver) => driver.close('a'));
		const sent = here.do('send', changed(1));
		assert.deepEqual(await release(), { resolved: true });
		assert.deepEqual(await sent, resolved);
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 'close: closed']]);
		assert.deepEqual(await one.do('calls', 'b'), [['acknowledge', 1]]);
	});

	test('of a registration that closes itself meanwhile calls it once and resolves to true', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		const { release } = await blockBefore(one, (driver) => driver.close('a', 'closed'));
		const closing = here.do('close', 'a', 'cancelled');
		assert.deepEqual(await Promise.all([closing, release()]), [{ resolved: true }, { resolved: true }]);
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 'close: closed']]);
	});

	test('does not close a new registration that takes the name meanwhile', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		const { release } = await blockBefore(one, async (driver) => {
			await driver.close('a');
			return driver.create('a');
		});
		const closing = here.do('close', 'a', 'cancelled');
		assert.deepEqual(await release(), { resolved: true });
		assert.deepEqual(await closing, { resolved: true });
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 'close: closed'], ['acknowledge']]);
	});
});

describe('closeAll', () => {
	test('closes every registration of every thread, as cancelled, and resolves to undefined', async () => {
		const { here, one, two } = await inOneScope();
		const threads = [here, one, two];
		for (const closer of threads) {
			for (const [index, thread] of threads.entries()) {
				for (const id of [1, 2]) await thread.do('create', id, { origin: `origin ${index}` });
			}
			assert.deepEqual(await closer.do('closeAll'), resolved);
			for (const [index, thread] of threads.entries()) {
				for (const id of [1, 2]) {
					const calls = await thread.do('calls', id, `origin ${index}`);
					assert.deepEqual(calls.at(-1), ['acknowledge', 'close: cancelled']);
				}
			}
		}
	});

	test('with an origin closes the registrations of that origin in every thread, with the given reason', async () => {
		const { here, one, two } = await inOneScope();
		const threads = [here, one, two];
		for (const [index, thread] of threads.entries()) {
			for (const origin of ['a', 'b']) await thread.do('create', index, { origin });
		}
		assert.deepEqual(await here.do('closeAll', 'a', 'closed'), resolved);
		for (const origin of ['unknown', null]) assert.deepEqual(await here.do('closeAll', origin), resolved);
		for (const [index, thread] of threads.entries()) {
			assert.deepEqual(await thread.do('calls', index, 'a'), [['acknowledge', 'close: closed']]);
			assert.deepEqual(await thread.do('calls', index, 'b'), [['acknowledge']]);
		}
		assert.deepEqual(await two.do('closeAll', 'b'), resolved);
		for (const [index, thread] of threads.entries()) {
			assert.deepEqual(await thread.do('calls', index, 'b'), [['acknowledge', 'close: cancelled']]);
		}
	});

	test('resolves when the last callback in any thread has settled', async () => {
		const { here, one, two } = await inOneScope();
		const threads = [here, one, two];
		for (const [id, thread] of threads.entries()) await thread.do('create', id, { waits: ['close'] });
		const closing = here.do('closeAll');
		for (const [id, thread] of threads.entries()) {
			await thread.do('called', 'close', 1, id);
			await caughtUp(here, one, two);
			assert.equal(await stateOf(closing), 'pending');
			await thread.do('release', id);
		}
		assert.deepEqual(await closing, resolved);
	});

	test('closes every registration even when some callbacks fail, and rejects with the first error', async () => {
		const { here, one, two } = await inOneScope();
		const threads = [here, one, two];
		for (const [index, thread] of threads.entries()) {
			await thread.do('create', `failing ${index}`, { waits: ['close'] });
			await thread.do('create', `behind ${index}`);
		}
		const closing = here.do('closeAll');
		for (const [index, thread] of threads.entries()) await thread.do('called', 'close', 1, `failing ${index}`);
		await two.do('fail', 'first', 'failing 2');
		assert.equal((await closing).error.message, 'first');
		for (const [index, thread] of [here, one].entries()) await thread.do('fail', 'later', `failing ${index}`);
		for (const [index, thread] of threads.entries()) {
			await thread.do('called', 'close', 1, `behind ${index}`);
			assert.deepEqual(await thread.do('create', `failing ${index}`), { resolved: true });
		}
		for (const thread of [one, two]) assert.deepEqual(await thread.thread.do('uncaught'), []);
	});

	test('does not wait for a thread that has no registration of the origin', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'a', { origin: 'a' });
		await two.do('create', 'b', { origin: 'b' });
		const { release } = await block(two.thread);
		assert.deepEqual(await here.do('closeAll', 'a'), resolved);
		await release();
		assert.deepEqual(await two.do('calls', 'b', 'b'), [['acknowledge']]);
	});
});
