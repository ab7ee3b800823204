// Subscription managers of one scope in several threads: which registrations a notification reaches, in which order, when
// `send` resolves, and what a notification may contain.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { runInNewContext } from 'node:vm';

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { REFUSED, testNotificationRefusals } from '../suites/notification-values.js';
import { listener, notification, stateOf, subscription, toolsChanged, updated } from '../support/subscriptions.js';
import { driveSubscriptionsHere, driveSubscriptionsIn } from '../support/threads/subscription-driver.js';
import {
	blockBefore,
	caughtUp,
	changed,
	numbers,
	PROMPTS,
	resolved,
	startThreads,
} from '../support/threads/subscription-threads.js';
import { block, newScope } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

/** @import { SubscriptionDriverProxy } from '../support/threads/subscription-driver.js' */

const { workers, inOneScope } = startThreads();

describe('send', () => {
	test('reaches the registrations of every thread once, and in order for each registration', async () => {
		const { here, one, two } = await inOneScope();
		const threads = [here, one, two];
		for (const [index, thread] of threads.entries()) {
			for (const id of [`first ${index}`, `second ${index}`]) {
				assert.deepEqual(await thread.do('create', id), { resolved: true });
			}
		}
		for (const [index, thread] of threads.entries()) {
			for (const n of [0, 1]) assert.deepEqual(await thread.do('send', changed(index * 2 + n)), resolved);
		}
		for (const [index, thread] of threads.entries()) {
			for (const id of [`first ${index}`, `second ${index}`]) {
				assert.deepEqual(await thread.do('calls', id), [['acknowledge', 0, 1, 2, 3, 4, 5]]);
			}
		}
	});

	test('keeps the order of a burst of one thread, for each registration of another thread', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'quick');
		await one.do('create', 'slow', { waits: ['send'] });
		await two.do('create', 'of two');
		const sends = numbers(500).map((n) => here.do('send', changed(n)));
		for (let n = 0; n < 500; n++) {
			await one.do('called', 'send', n + 1, 'slow');
			await one.do('release', 'slow');
		}
		assert.deepEqual(await Promise.all(sends), Array(500).fill(resolved));
		for (const [thread, id] of /** @type {[SubscriptionDriverProxy, string][]} */ ([
			[one, 'quick'],
			[one, 'slow'],
			[two, 'of two'],
		])) {
			assert.deepEqual(await thread.do('calls', id), [['acknowledge', ...numbers(500)]]);
		}
	});

	test('selects registrations by the list that has changed, and by the exact URI of the resource', async () => {
		const { here, one, two } = await inOneScope();
		const uris = ['file:///a', 'file:///A', '', '__proto__', 'ü', '\ud83d', '\ude00', 'a\0b', 'x'.repeat(20_000)];
		const lists = { tools: 'toolsListChanged', prompts: 'promptsListChanged', resources: 'resourcesListChanged' };
		const filters = [
			...Object.values(lists).map((flag) => ({ [flag]: true })),
			...uris.map((uri) => ({ resourceSubscriptions: [uri] })),
			Object.fromEntries(Object.values(lists).map((flag) => [flag, true])),
			{ resourceSubscriptions: [...uris, uris[0]] },
			{},
		];
		const sent = [
			...Object.keys(lists).map((list) => notification(`notifications/${list}/list_changed`)),
			...uris.map(updated),
			updated('file:///unknown'),
			notification('notifications/resources/updated'),
			notification('notifications/message', { uri: 'file:///a' }),
		];
		for (const [id, filter] of filters.entries()) await one.do('create', id, { filters: filter });
		for (const each of sent) {
			for (const thread of [here, one, two]) assert.deepEqual(await thread.do('send', each), resolved);
		}
		const thrice = (/** @type {object[]} */ all) => all.flatMap((each) => [each, each, each]);
		const expected = [
			...sent.slice(0, 3 + uris.length).map((each) => thrice([each])),
			thrice(sent.slice(0, 3)),
			thrice(sent.slice(3, 3 + uris.length)),
			[],
		];
		for (const id of filters.keys()) assert.deepEqual(await one.do('got', id), expected[id], `${id}`);
	});

	test('does not reach another scope, or a manager without a scope', async () => {
		const [{ here, one }, elsewhere] = [await inOneScope(), await inOneScope()];
		const alone = await driveSubscriptionsIn(workers[0]);
		for (const thread of [one, elsewhere.one, alone]) await thread.do('create', 'a');
		await here.do('send', changed(1));
		await elsewhere.here.do('send', changed(2));
		await driveSubscriptionsHere().do('send', changed(3));
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 1]]);
		assert.deepEqual(await elsewhere.one.do('calls', 'a'), [['acknowledge', 2]]);
		assert.deepEqual(await alone.do('calls', 'a'), [['acknowledge']]);
	});

	test('gives each other thread an equal copy, and the registrations of its own thread the same object', async () => {
		const { here, one, two } = await inOneScope();
		const callbacks = listener();
		await here.manager.create(subscription('here'), callbacks);
		await one.do('create', 'of one');
		await two.do('create', 'of two');
		const params = {
			text: 'aé☃\u{1f600}\0\ud83d\u2028"\\',
			numbers: [0, 1.5, -1e300, 2 ** 53, 5e-324],
			nothing: null,
			flags: [true, false],
			deep: { list: [[], {}, [[{ a: [] }]]], '': 1, 'a.b': 2, constructor: 3, toString: 4 },
			own: JSON.parse('{ "__proto__": { "polluted": true }, "a": 1 }'),
			long: 'é☃x'.repeat(100_000),
		};
		const given = notification('notifications/tools/list_changed', params);
		assert.deepEqual(await here.do('send', given), resolved);
		assert.equal(callbacks.sent[0], given);
		for (const thread of [one, two]) {
			assert.deepEqual(await thread.do('got', thread === one ? 'of one' : 'of two'), [given]);
			assert.equal(await thread.run(() => /** @type {any} */ ({}).polluted), undefined);
		}
	});

	test('gives the registrations of one thread one shared copy, and the next notification another', async () => {
		const { here, one } = await inOneScope();
		const same = await one.run(async ({ manager, own }) => {
			own.sent = [];
			const callbacks = { acknowledge() {}, send: (/** @type {any} */ sent) => void own.sent.push(sent), close() {} };
			const filters = { toolsListChanged: true };
			for (const id of [1, 2]) await manager.create({ id, origin: 'origin', filters }, callbacks);
		});
		assert.equal(same, undefined);
		await here.do('send', changed(1));
		await here.do('send', changed(1));
		assert.deepEqual(
			await one.run(({ own }) => own.sent.map((/** @type {any} */ each) => own.sent.indexOf(each))),
			[0, 0, 2, 2],
		);
	});

	test('delivers the notification as it was at the call, even when the caller changes it later', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		const given = changed(1);
		const sent = here.do('send', given);
		given.params.n = 2;
		given.method = 'another';
		assert.deepEqual(await sent, resolved);
		assert.deepEqual(await one.do('got', 'a'), [changed(1)]);
	});

	test('leaves out properties that are undefined', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		const given = { ...toolsChanged(), params: { a: undefined, b: { c: undefined } }, id: undefined };
		assert.deepEqual(await here.do('send', given), resolved);
		assert.deepEqual(await one.do('got', 'a'), [{ ...toolsChanged(), params: { b: {} } }]);
	});

	test('does not reach a registration that another thread creates later', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'early');
		const { release } = await blockBefore(one, (driver) => driver.create('late'));
		const sent = here.do('send', changed(1));
		assert.deepEqual(await release(), { resolved: true });
		assert.deepEqual(await sent, resolved);
		assert.deepEqual(await one.do('calls', 'early'), [['acknowledge', 1]]);
		assert.deepEqual(await one.do('calls', 'late'), [['acknowledge']]);
	});

	test('waits for the acknowledgement of a registration in another thread', async () => {
		const { here, one } = await inOneScope();
		const created = one.do('create', 'a', { waits: ['acknowledge'] });
		await one.do('called', 'acknowledge', 1, 'a');
		const sends = [here.do('send', changed(1)), here.do('send', changed(2))];
		await caughtUp(here, one);
		for (const sent of sends) assert.equal(await stateOf(sent), 'pending');
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge']]);
		await one.do('release', 'a');
		assert.deepEqual(await Promise.all([created, ...sends]), [{ resolved: true }, resolved, resolved]);
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 1, 2]]);
	});

	test('resolves even when the acknowledgement that it waits for in another thread fails', async () => {
		const { here, one } = await inOneScope();
		const created = one.do('create', 'a', { waits: ['acknowledge'] });
		await one.do('called', 'acknowledge', 1, 'a');
		const sent = here.do('send', changed(1));
		await caughtUp(here, one);
		await one.do('fail', 'not today', 'a');
		assert.equal((await created).error.message, 'not today');
		assert.deepEqual(await sent, resolved);
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge']]);
		assert.deepEqual(await here.do('create', 'a'), { resolved: true });
	});

	test('resolves when the last callback in any thread has settled, and not before', async () => {
		for (const order of [
			[0, 1, 2],
			[1, 2, 0],
			[2, 0, 1],
		]) {
			const { here, one, two } = await inOneScope();
			const threads = [here, one, two];
			for (const thread of threads) {
				await thread.do('create', threads.indexOf(thread), { waits: ['send'] });
				await thread.do('create', `quick ${threads.indexOf(thread)}`);
			}
			const sent = here.do('send', changed(1));
			for (const [id, thread] of threads.entries()) await thread.do('called', 'send', 1, id);
			for (const last of order) {
				await caughtUp(here, one, two);
				assert.equal(await stateOf(sent), 'pending');
				await threads[last].do('release', last);
			}
			assert.deepEqual(await sent, resolved);
		}
	});

	test('resolves to undefined when no thread has a registration', async () => {
		const { here, one } = await inOneScope();
		assert.deepEqual(await here.do('send', changed(1)), resolved);
		await one.do('create', 'a', { filters: PROMPTS });
		assert.equal(await here.manager.send(changed(1)), undefined);
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge']]);
	});

	test('reaches 2,000 registrations of a worker', async () => {
		const { here, one } = await inOneScope();
		await one.run(async ({ manager, own }) => {
			own.got = Array(2_000).fill(0);
			const filters = { toolsListChanged: true };
			const creates = own.got.map((/** @type {number} */ _, /** @type {number} */ id) => {
				const callbacks = { acknowledge() {}, send: () => void own.got[id]++, close() {} };
				return manager.create({ id, origin: `origin ${id % 7}`, filters }, callbacks);
			});
			await Promise.all(creates);
		});
		for (const n of numbers(5)) assert.deepEqual(await here.do('send', changed(n)), resolved);
		assert.deepEqual(await one.run(({ own }) => own.got), Array(2_000).fill(5));
		assert.deepEqual(await here.do('closeAll'), resolved);
		assert.deepEqual(await here.do('send', changed(5)), resolved);
		assert.deepEqual(await one.run(({ own }) => own.got), Array(2_000).fill(5));
	});
});

describe('a thread without a match', () => {
	test('does not delay send, even while it is blocked', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'prompts', { filters: PROMPTS });
		await one.do('create', 'a', { filters: { resourceSubscriptions: ['file:///a'] } });
		await two.do('create', 'tools');
		await two.do('create', 'b', { filters: { resourceSubscriptions: ['file:///b'] } });
		const { release } = await block(one.thread);
		assert.deepEqual(await here.do('send', changed(1)), resolved);
		assert.deepEqual(await here.do('send', updated('file:///b')), resolved);
		assert.deepEqual(await two.do('send', changed(2)), resolved);
		await release();
		assert.deepEqual(await one.do('calls', 'prompts'), [['acknowledge']]);
		assert.deepEqual(await two.do('calls', 'tools'), [['acknowledge', 1, 2]]);
	});

	test('gets no message', async () => {
		const scope = newScope();
		// One byte more would overflow the mailbox.
		const there = await driveSubscriptionsIn(workers[0], { scope, maxMailboxBytes: 1 });
		const here = driveSubscriptionsHere({ scope });
		await there.do('create', 'prompts', { filters: PROMPTS });
		await there.do('create', 'a', { filters: { resourceSubscriptions: ['file:///a'] } });
		for (const n of numbers(100)) await here.do('send', changed(n));
		await here.do('send', updated('file:///b'));
		assert.deepEqual(await here.do('close', 'unknown'), { resolved: false });
		assert.deepEqual(await here.do('closeAll', 'unknown'), resolved);
		for (const id of ['prompts', 'a']) assert.deepEqual(await there.do('close', id), { resolved: true });
		assert.deepEqual(await there.do('calls', 'prompts'), [['acknowledge', 'close: closed']]);
	});
});

testNotificationRefusals({
	async open() {
		const { here, one } = await inOneScope();
		return { here, there: one };
	},
	refusal: (found) =>
		`send: "notification" must be data that JSON can represent, because other threads or processes receive it; ${found}: pass plain objects and arrays, or use an in-memory manager without "scope"`,
});

describe('a notification that JSON cannot carry', () => {
	test('is delivered as it is by a manager without a scope', async () => {
		const [manager, callbacks] = [new InMemorySubscriptionManager(), listener()];
		await manager.create(subscription('a'), callbacks);
		for (const [, params] of REFUSED) await manager.send(notification('notifications/tools/list_changed', params));
		assert.deepEqual(
			callbacks.sent.map(({ params }) => params),
			REFUSED.map(([, params]) => params),
		);
	});

	test('may repeat an object, and hold objects without a prototype and objects of another realm', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		const shared = { x: [1] };
		const params = {
			list: [shared, shared, { shared }],
			bare: Object.assign(Object.create(null), { a: shared }),
			afar: runInNewContext('({ a: [1, { b: null }] })'),
		};
		assert.deepEqual(await here.do('send', notification('notifications/tools/list_changed', params)), resolved);
		const [got] = await one.do('got', 'a');
		assert.deepEqual(got.params, JSON.parse(JSON.stringify(params)));
	});

	test('may be a proxy, and is read through it', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a');
		const params = new Proxy({ list: new Proxy([1, 2], {}) }, {});
		assert.deepEqual(await here.do('send', notification('notifications/tools/list_changed', params)), resolved);
		assert.deepEqual((await one.do('got', 'a'))[0].params, { list: [1, 2] });
	});
});
