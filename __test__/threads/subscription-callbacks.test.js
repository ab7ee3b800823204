// Subscription managers of one scope in several threads: which registrations a notification reaches, what its sender
// learns of the result, and what one thread can do with the registrations of another.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, describe, test as testOf } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import { InMemoryStreamSessionManager, InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { REFUSED, testNotificationRefusals } from '../suites/notification-values.js';
import { collected } from '../support/garbage.js';
import { assertMemoryStaysFlat } from '../support/memory.js';
import { listener, notification, stateOf, subscription, toolsChanged, updated } from '../support/subscriptions.js';
import { driveSubscriptionsHere, driveSubscriptionsIn } from '../support/threads/subscription-driver.js';
import { block, newScope, releaseAll, Thread, until } from '../support/threads/threads.js';

/** @import { SubscriptionDriverProxy } from '../support/threads/subscription-driver.js' */

const run = promisify(execFile);
const child = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

const workers = [new Thread(), new Thread()];
after(() => Promise.all(workers.map((worker) => worker.terminate())));
afterEach(releaseAll);

/**
 * Defines a test with a timeout, so that a test that waits forever fails alone.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} what
 */
const test = (name, what) => testOf(name, { timeout: 30_000 }, what);

/**
 * Managers of one new scope in the main thread and in two workers.
 *
 * @param {any} [options]
 */
async function inOneScope(options) {
	const scope = newScope();
	const [one, two] = await Promise.all(workers.map((worker) => driveSubscriptionsIn(worker, { scope, ...options })));
	return { here: driveSubscriptionsHere({ scope, ...options }), one, two, scope };
}

/**
 * A manager in this thread, and one of the same scope in a worker that the test may end.
 *
 * @param {any} [options]
 */
async function withWorker(options) {
	const scope = newScope();
	const worker = new Thread();
	const there = await driveSubscriptionsIn(worker, { scope, ...options });
	return { here: driveSubscriptionsHere({ scope }), there, worker, scope };
}

/** @type {unknown[]} */
const heldToTheEnd = [];

/** @param {number} n */
const changed = (n) => notification('notifications/tools/list_changed', { n });

/** @param {number} count */
const numbers = (count) => Array.from({ length: count }, (_, n) => n);

const resolved = { resolved: undefined };
const PROMPTS = { promptsListChanged: true };

/**
 * Settles when each of the threads has drained its mailbox, and the replies have arrived.
 *
 * @param {SubscriptionDriverProxy[]} threads
 */
async function caughtUp(...threads) {
	// Twice: the replies to the first flush are sent before the second.
	for (const _ of [1, 2]) {
		for (const [id, thread] of threads.entries()) {
			await thread.do('create', id, { origin: 'caught up', filters: { resourcesListChanged: true } });
		}
		await Promise.all(threads.map((thread) => thread.do('send', notification('notifications/resources/list_changed'))));
	}
}

/**
 * Blocks a thread like {@link block}, and runs a function there on release, before the thread drains its mailbox.
 *
 * @param {SubscriptionDriverProxy} thread
 * @param {(driver: any) => any} then must not use anything from its scope
 * @returns {Promise<{ release: () => Promise<any> }>} `release` settles with what `then` returns
 */
function blockBefore(thread, then) {
	/** @type {SubscriptionDriverProxy['run']} */
	const waitThenRun = (wait, flags) =>
		thread.run(
			(driver, wait, then, flags) => {
				const [waits, thens] = [wait, then].map((source) => Function(`return (${source})`)());
				waits(driver, flags);
				return thens(driver);
			},
			wait.toString(),
			then.toString(),
			flags,
		);
	return block(/** @type {any} */ ({ run: waitThenRun }));
}

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

describe('a callback that fails in another thread', () => {
	test('rejects send with an error like the one that it threw', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a', { waits: ['send'] });
		const sent = here.manager.send(changed(1));
		await one.do('called', 'send', 1, 'a');
		await one.do('fail', 'the client is gone', 'a');
		await assert.rejects(sent, (/** @type {any} */ error) => {
			assert.ok(error instanceof Error);
			assert.equal(error.name, 'RangeError');
			assert.equal(error.message, 'the client is gone');
			assert.equal(/** @type {any} */ (error).code, 'E_TEST');
			assert.equal(String(error), 'RangeError: the client is gone');
			// The stack of the other thread.
			assert.match(error.stack ?? '', /subscription-driver\.js/);
			assert.deepEqual(Object.keys(error), ['code']);
			return true;
		});
	});

	/**
	 * Sends to a worker whose callback throws what `make` returns there.
	 *
	 * @param {() => unknown} make must not use anything from its scope
	 */
	async function sendToOneThatThrows(make) {
		const { here, one } = await inOneScope();
		await one.run(async ({ manager, own }, make) => {
			// `make` may work only once.
			own.thrown = Function(`return (${make})`)()();
			const callbacks = {
				acknowledge() {},
				send() {
					throw own.thrown;
				},
				close: () => Promise.reject(own.thrown),
			};
			await manager.create({ id: 'a', origin: 'origin', filters: { toolsListChanged: true } }, callbacks);
		}, make.toString());
		const outcome = await here.do('send', changed(1));
		assert.deepEqual(await here.do('close', 'a'), outcome);
		// No other delivery is affected.
		await one.do('create', 'b');
		assert.deepEqual(await here.do('send', changed(2)), resolved);
		assert.deepEqual(await one.do('calls', 'b'), [['acknowledge', 2]]);
		return { ...outcome, there: one };
	}

	/** @type {[string, () => unknown, Record<string, unknown>][]} */
	const errors = [
		['an Error', () => new Error('plain'), { name: 'Error', message: 'plain', code: undefined }],
		[
			'an error of a built-in class',
			() => new TypeError('typed'),
			{ name: 'TypeError', message: 'typed', code: undefined },
		],
		[
			'an error of a custom class',
			() =>
				new (class PaymentError extends Error {
					code = 402;
					get name() {
						return 'PaymentError';
					}
				})('pay'),
			{ name: 'PaymentError', message: 'pay', code: 402 },
		],
		[
			'a DOMException',
			() => new DOMException('stopped', 'AbortError'),
			{ name: 'AbortError', message: 'stopped', code: 20 },
		],
		[
			'an AggregateError',
			() => new AggregateError([new Error('a'), 1n], 'both'),
			{ name: 'AggregateError', message: 'both', code: undefined },
		],
		[
			'an error whose cause is the error itself',
			() => {
				const error = new Error('outer');
				error.cause = error;
				return error;
			},
			{ name: 'Error', message: 'outer', code: undefined },
		],
		[
			'an error of a system call',
			() => Object.assign(new Error('ECONNRESET'), { code: 'ECONNRESET', errno: -104 }),
			{ code: 'ECONNRESET' },
		],
		['an error without a message', () => new Error(), { name: 'Error', message: '', code: undefined }],
		['a code that is null', () => Object.assign(new Error('x'), { code: null }), { code: null }],
		['a code that is false', () => Object.assign(new Error('x'), { code: false }), { code: false }],
		['a message with lone surrogates', () => new Error('\ud83d\0\ude00☃'), { message: '\ud83d\0\ude00☃' }],
		[
			'a plain object with a message, such as a JSON-RPC error',
			() => ({ code: -32_603, message: 'Internal error' }),
			{ name: 'Error', message: 'Internal error', code: -32_603 },
		],
	];
	for (const [what, make, expected] of errors) {
		test(`may throw ${what}`, async () => {
			const { error, there } = await sendToOneThatThrows(make);
			for (const [property, value] of Object.entries(expected)) assert.equal(error[property], value, property);
			assert.equal(error.prototype, 'Error');
			const stack = await there.run(({ own }) => own.thrown.stack);
			if (stack !== undefined) assert.equal(error.stack, stack);
		});
	}

	for (const [code, make] of /** @type {[string, () => unknown][]} */ ([
		['an object', () => ({ a: 1 })],
		[
			'an object with a cycle',
			() => {
				/** @type {any} */
				const code = {};
				return Object.assign(code, { code });
			},
		],
		['a function', () => () => {}],
		['a symbol', () => Symbol('code')],
		['a bigint', () => 5n],
		['NaN', () => NaN],
	])) {
		test(`loses the code of its error when the code is ${code}`, async () => {
			const source = `() => Object.assign(new Error('coded'), { code: (${make})() })`;
			const { error } = await sendToOneThatThrows(/** @type {any} */ ({ toString: () => source }));
			assert.deepEqual([error.message, error.code, error.keys], ['coded', undefined, []]);
		});
	}

	for (const [what, make] of /** @type {[string, () => unknown][]} */ ([
		['a string', () => 'thrown'],
		['an empty string', () => ''],
		['a number', () => 1.5],
		['true', () => true],
		['null', () => null],
		['undefined', () => undefined],
	])) {
		test(`may throw ${what}, which arrives unchanged`, async () => {
			const { rejected, error } = await sendToOneThatThrows(make);
			assert.deepEqual([rejected, error], [make(), undefined]);
		});
	}

	for (const [make, described] of /** @type {[() => unknown, string][]} */ ([
		[() => 5n, 'the bigint 5'],
		[() => NaN, 'the number NaN'],
		[() => -Infinity, 'the number -Infinity'],
		[() => Symbol('x'), 'the symbol Symbol(x)'],
		[() => () => {}, 'a function'],
		[() => ({ reason: 'x' }), 'an object'],
		[() => [1, 2], 'an array'],
		[() => new Map(), 'an instance of Map'],
		[() => Object.create(null), 'an object'],
	])) {
		test(`may throw ${described} (${make}), and the sender’s error names it`, async () => {
			const { error } = await sendToOneThatThrows(make);
			assert.equal(error.message, `a callback in another thread threw ${described}`);
		});
	}

	for (const [what, make] of /** @type {[string, () => unknown][]} */ ([
		[
			'whose message throws',
			() =>
				Object.defineProperty(new Error('x'), 'message', {
					get() {
						throw new Error('not to be read');
					},
				}),
		],
		[
			'that is a revoked proxy',
			() => {
				const { proxy, revoke } = Proxy.revocable(new Error('x'), {});
				revoke();
				return proxy;
			},
		],
		[
			'that throws on every access',
			() =>
				new Proxy(
					{},
					new Proxy(
						{},
						{
							get() {
								throw new Error('no');
							},
						},
					),
				),
		],
	])) {
		test(`may throw something ${what}`, async () => {
			const { error } = await sendToOneThatThrows(make);
			assert.equal(error.message, 'an error that cannot be described');
		});
	}

	for (const [what, make, expected] of /** @type {[string, () => unknown, Record<string, unknown>][]} */ ([
		['a message that is undefined', () => Object.assign(new Error(), { message: undefined }), { name: 'Error' }],
		['a message that is an object', () => Object.assign(new Error(), { message: { a: 1n } }), { name: 'Error' }],
		['a message that is a number', () => Object.assign(new Error(), { message: 5 }), { name: 'Error' }],
		['a name that is an object', () => Object.assign(new Error('x'), { name: {} }), { message: 'x', name: 'Error' }],
		['a stack that is an object', () => Object.assign(new Error('x'), { stack: { a: 1 } }), { message: 'x' }],
	])) {
		test(`may throw an error with ${what}`, async () => {
			const { error, rejected } = await sendToOneThatThrows(make);
			assert.equal(rejected, 'an error');
			for (const [property, value] of Object.entries(expected)) assert.equal(error[property], value, property);
			assert.equal(typeof error.message, 'string');
			assert.equal(typeof error.stack, 'string');
		});
	}

	test('may throw an error of any length, and its beginning arrives', async () => {
		const { error } = await sendToOneThatThrows(() =>
			Object.assign(new Error('m'.repeat(5_000_000)), { name: 'n'.repeat(5_000_000), code: 'c'.repeat(5_000_000) }),
		);
		for (const property of ['name', 'message', 'code', 'stack']) {
			assert.ok(error[property].length > 10_000 && error[property].length < 20_000, property);
		}
		assert.match(error.message, /^m+…$/);
	});

	test('may throw the error of another realm', async () => {
		const { here, one } = await inOneScope();
		await one.run(async ({ manager, tools }) => {
			const send = () => tools.runInNewContext('throw Object.assign(new TypeError("from afar"), { code: "E_FAR" })');
			const filters = { toolsListChanged: true };
			await manager.create({ id: 'a', origin: 'origin', filters }, { acknowledge() {}, send, close() {} });
		});
		const { error } = await here.do('send', changed(1));
		assert.deepEqual([error.name, error.message, error.code], ['TypeError', 'from afar', 'E_FAR']);
	});

	test('does not keep other registrations from receiving the notification', async () => {
		const { here, one, two } = await inOneScope();
		for (const [index, thread] of [here, one, two].entries()) {
			await thread.do('create', `before ${index}`);
			await thread.do('create', `failing ${index}`, { waits: ['send'] });
			await thread.do('create', `behind ${index}`);
		}
		const sends = [here.do('send', changed(1)), here.do('send', changed(2))];
		for (const [index, thread] of [here, one, two].entries()) {
			await thread.do('called', 'send', 1, `failing ${index}`);
			await thread.do('fail', 'failure', `failing ${index}`);
			await thread.do('called', 'send', 2, `failing ${index}`);
			await thread.do('release', `failing ${index}`);
		}
		assert.equal((await sends[0]).error.message, 'failure');
		assert.deepEqual(await sends[1], resolved);
		for (const [index, thread] of [here, one, two].entries()) {
			for (const id of ['before', 'failing', 'behind']) {
				assert.deepEqual(await thread.do('calls', `${id} ${index}`), [['acknowledge', 1, 2]]);
			}
		}
	});

	test('rejects send at once, even while another callback hangs, in the same thread or in another', async () => {
		for (const hanging of ['here', 'one', 'two']) {
			const threads = await inOneScope();
			const { here, one } = threads;
			const other = threads[/** @type {'here' | 'one' | 'two'} */ (hanging)];
			await other.do('create', 'hanging', { waits: ['send'] });
			await one.do('create', 'failing', { waits: ['send'] });
			const sent = here.do('send', changed(1));
			await other.do('called', 'send', 1, 'hanging');
			await one.do('called', 'send', 1, 'failing');
			await one.do('fail', 'failure', 'failing');
			assert.equal((await sent).error.message, 'failure');
			// The hanging callback settles, and the next delivery follows.
			const next = here.do('send', changed(2));
			await other.do('release', 'hanging');
			await other.do('called', 'send', 2, 'hanging');
			await other.do('release', 'hanging');
			await one.do('called', 'send', 2, 'failing');
			await one.do('release', 'failing');
			assert.deepEqual(await next, resolved);
		}
	});

	test('rejects send while another receiving thread is blocked, and that thread delivers later', async () => {
		const { here, one, two } = await inOneScope();
		await one.do('create', 'failing', { waits: ['send'] });
		await two.do('create', 'blocked');
		const { release } = await block(two.thread);
		const sent = here.do('send', changed(1));
		await one.do('called', 'send', 1, 'failing');
		await one.do('fail', 'failure', 'failing');
		assert.equal((await sent).error.message, 'failure');
		await release();
		await two.do('called', 'send', 1, 'blocked');
	});

	test('rejects send with the first of several errors, and no rejection stays unhandled', async () => {
		const { here, one, two } = await inOneScope();
		for (const thread of [here, one, two]) {
			for (const id of ['a', 'b'])
				await thread.do('create', `${[here, one, two].indexOf(thread)} ${id}`, { waits: ['send'] });
		}
		const sent = here.do('send', changed(1));
		for (const [index, thread] of [here, one, two].entries()) await thread.do('called', 'send', 1, `${index} b`);
		await two.do('fail', 'first', '2 b');
		assert.equal((await sent).error.message, 'first');
		for (const [index, thread] of [here, one].entries()) {
			for (const id of ['a', 'b']) await thread.do('fail', 'later', `${index} ${id}`);
		}
		await two.do('fail', 'last', '2 a');
		await caughtUp(here, one, two);
		for (const thread of [one, two]) assert.deepEqual(await thread.thread.do('uncaught'), []);
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

describe('a thread that ends', () => {
	/** @type {[string, (worker: Thread, there: SubscriptionDriverProxy) => unknown][]} */
	const ends = [
		['has no work left', (_, there) => there.run(({ tools }) => tools.parentPort?.unref()).catch(() => {})],
		['is terminated', (worker) => worker.terminate()],
		['calls process.exit', (_, there) => there.run(() => process.exit(0)).catch(() => {})],
		[
			'throws an uncaught error',
			(_, there) => {
				const fail = () => {
					process.removeAllListeners('uncaughtException');
					setImmediate(() => {
						throw new Error('uncaught, on purpose');
					});
				};
				return there.run(fail).catch(() => {});
			},
		],
	];

	test('while a callback hangs in it does not delay send, close or closeAll', async () => {
		const { here, there, worker } = await withWorker();
		await there.do('create', 'sending', { waits: ['send'] });
		await there.do('create', 'closing', { waits: ['close'] });
		await there.do('create', 'all', { origin: 'all', filters: {}, waits: ['close'] });
		const sent = here.do('send', changed(1));
		await there.do('called', 'send', 1, 'sending');
		const closing = here.do('close', 'closing');
		await there.do('called', 'close', 1, 'closing');
		const all = here.do('closeAll', 'all');
		await there.do('called', 'close', 1, 'all', 'all');
		for (const pending of [sent, closing, all]) assert.equal(await stateOf(pending), 'pending');
		await worker.terminate();
		assert.deepEqual(await Promise.all([sent, closing, all]), [resolved, { resolved: true }, resolved]);
	});

	test('before it has drained its mailbox does not delay them either', async () => {
		const { here, there, worker } = await withWorker();
		await there.do('create', 'a');
		await there.do('create', 'b');
		const { release } = await block(there.thread);
		const pending = [here.do('send', changed(1)), here.do('close', 'a'), here.do('closeAll')];
		for (const each of pending) assert.equal(await stateOf(each), 'pending');
		await worker.terminate();
		// Deno does not end a thread that is blocked.
		if ('Deno' in globalThis) release();
		assert.deepEqual(await Promise.all(pending), [resolved, { resolved: true }, resolved]);
		assert.deepEqual(await here.do('send', changed(2)), resolved);
		assert.deepEqual(await here.do('close', 'a'), { resolved: false });
	});

	for (const [how, end] of ends) {
		test(`because it ${how} delays no caller, and its registrations are removed at once`, async () => {
			const { here, there, worker } = await withWorker();
			await there.do('create', 'a', { waits: ['send'] });
			await there.do('create', 'closing', { waits: ['close'] });
			const sent = here.do('send', changed(1));
			await there.do('called', 'send', 1, 'a');
			const closing = here.do('close', 'closing');
			await there.do('called', 'close', 1, 'closing');
			assert.deepEqual(await here.do('create', 'a'), { resolved: false });
			await end(worker, there);
			await worker.ended;
			// Deno reports the end before the thread has ended.
			if ('Deno' in globalThis) await sent;
			for (const id of ['a', 'closing']) assert.deepEqual(await here.do('create', id), { resolved: true });
			assert.deepEqual(await sent, resolved);
			assert.deepEqual(await closing, { resolved: true });
		});
	}

	test('does not keep send from waiting for other threads, or from rejecting with their error', async () => {
		const { here, there, worker, scope } = await withWorker();
		const other = await driveSubscriptionsIn(workers[0], { scope });
		for (const [id, thread] of [there, other].entries()) await thread.do('create', id, { waits: ['send'] });
		const sends = [here.do('send', changed(1)), here.do('send', changed(2))];
		await other.do('called', 'send', 1, 1);
		await there.do('called', 'send', 1, 0);
		await worker.terminate();
		await caughtUp(here, other);
		for (const sent of sends) assert.equal(await stateOf(sent), 'pending');
		await other.do('release', 1);
		assert.deepEqual(await sends[0], resolved);
		await other.do('called', 'send', 2, 1);
		await other.do('fail', 'failure', 1);
		assert.equal((await sends[1]).error.message, 'failure');
	});

	test('at the end of the process, with a reply pending, causes no error', async () => {
		const { here, one } = await inOneScope();
		await one.do('create', 'a', { waits: ['send'] });
		here.do('send', changed(1));
		await one.do('called', 'send', 1, 'a');
		// The worker ends after the tests, together with the process.
		heldToTheEnd.push(here);
	});

	test('with requests of its own pending does not affect other threads', async () => {
		const { here, there, worker } = await withWorker();
		await here.do('create', 'a', { waits: ['send', 'close'] });
		there.do('send', changed(1)).catch(() => {});
		await here.do('called', 'send', 1, 'a');
		there.do('close', 'a').catch(() => {});
		await worker.terminate();
		await here.do('release', 'a');
		assert.deepEqual(await here.do('close', 'unknown'), { resolved: false });
		// The other thread has received the request before this one ended, or not.
		const closing = here.do('close', 'a', 'cancelled');
		await here.do('called', 'close', 1, 'a');
		await here.do('release', 'a');
		assert.deepEqual(await closing, { resolved: true });
	});
});

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

describe('a manager that is collected', () => {
	test('has received the replies of other threads before that', async () => {
		const scope = newScope();
		const there = await driveSubscriptionsIn(workers[0], { scope });
		await there.do('create', 'a', { waits: ['send'] });
		await there.do('create', 'b', { filters: {}, waits: ['close'] });
		const heard = new Set();
		const ask = () => {
			const manager = new InMemorySubscriptionManager({ scope });
			manager.send(changed(1)).then((value) => heard.add(value));
			manager.close('b', 'origin', 'closed').then((value) => heard.add(value));
			return new WeakRef(manager);
		};
		const reference = ask();
		await there.do('called', 'send', 1, 'a');
		await there.do('called', 'close', 1, 'b');
		await collected(new WeakRef({}));
		await there.do('release', 'a');
		await there.do('release', 'b');
		await until(() => heard.size === 2);
		assert.deepEqual(heard, new Set([undefined, true]));
		await collected(reference);
	});

	test('while another thread waits for its callbacks does not delay that thread', async () => {
		const { here, scope } = await inOneScope();
		const worker = new Thread();
		const driver = await worker.open();
		await driver.run(async (/** @type {any} */ { tools, own }, scope) => {
			own.make = async () => {
				const { manager } = new tools.SubscriptionDriver({ scope });
				const callbacks = { acknowledge() {}, send: () => new Promise(() => {}), close() {} };
				await manager.create({ id: 'a', origin: 'origin', filters: { toolsListChanged: true } }, callbacks);
				own.manager = manager;
			};
			await own.make();
		}, scope);
		const sent = here.do('send', changed(1));
		await caughtUp(here);
		assert.equal(await stateOf(sent), 'pending');
		await driver.run(async (/** @type {any} */ { tools, own }) => {
			const reference = new WeakRef(own.manager);
			own.manager = undefined;
			await tools.collected(reference);
		});
		assert.deepEqual(await sent, resolved);
		await worker.terminate();
	});
});

describe('two managers of one scope in one thread', () => {
	test('share their registrations', async () => {
		const scope = newScope();
		const [first, second] = [new InMemorySubscriptionManager({ scope }), new InMemorySubscriptionManager({ scope })];
		const [a, b] = [listener(), listener()];
		assert.equal(await first.create(subscription('a'), a), true);
		assert.equal(await second.create(subscription('a'), b), false);
		assert.equal(await second.create(subscription('b'), b), true);
		const given = toolsChanged();
		await first.send(given);
		assert.equal(a.sent[0], given);
		assert.equal(b.sent[0], given);
		assert.equal(await second.close('a', 'origin', 'closed'), true);
		assert.equal(await first.close('a', 'origin', 'closed'), false);
		await first.closeAll('origin');
		assert.deepEqual(a.calls, ['acknowledge', 'send', 'close: closed']);
		assert.deepEqual(b.calls, ['acknowledge', 'send', 'close: cancelled']);
	});

	test('get each notification of another thread once', async () => {
		const { here, one, scope } = await inOneScope();
		await one.run(async ({ tools, own }, scope) => {
			own.sent = [];
			own.second = new tools.InMemorySubscriptionManager({ scope });
			const callbacks = {
				acknowledge() {},
				send: (/** @type {any} */ { params }) => void own.sent.push(params.n),
				close() {},
			};
			await own.second.create({ id: 'b', origin: 'origin', filters: { toolsListChanged: true } }, callbacks);
		}, scope);
		await one.do('create', 'a');
		for (const n of [1, 2]) await here.do('send', changed(n));
		assert.deepEqual(await one.do('calls', 'a'), [['acknowledge', 1, 2]]);
		assert.deepEqual(await one.run(({ own }) => own.sent), [1, 2]);
	});

	test('keep the registrations of the other when one is collected', async () => {
		const scope = newScope();
		const left = new InMemorySubscriptionManager({ scope });
		const callbacks = listener();
		const make = async () => {
			const manager = new InMemorySubscriptionManager({ scope });
			await manager.create(subscription('a'), callbacks);
			return new WeakRef(manager);
		};
		await collected(await make());
		await left.send(toolsChanged());
		assert.equal(await left.close('a', 'origin', 'closed'), true);
		assert.deepEqual(callbacks.calls, ['acknowledge', 'send', 'close: closed']);
	});

	test('share one mailbox and its bound with the stream managers of the scope', async () => {
		const scope = newScope();
		const streams = new InMemoryStreamSessionManager({ scope, maxMailboxBytes: 10_000 });
		assert.throws(() => new InMemorySubscriptionManager({ scope, maxMailboxBytes: 10_001 }), {
			name: 'TypeError',
			code: 'ERR_INVALID_ARG_VALUE',
			message: /^InMemorySubscriptionManager: .*"maxMailboxBytes"/,
		});
		const manager = new InMemorySubscriptionManager({ scope });
		let closed = 0;
		streams.create('a', { enqueue() {}, close: () => closed++ });
		const callbacks = listener();
		await manager.create(subscription('a'), callbacks);
		const there = await driveSubscriptionsIn(workers[0], { scope });
		await there.do('send', notification('notifications/tools/list_changed', { filler: 'x'.repeat(20_000) }));
		await until(() => closed === 1);
		assert.equal(streams.stats().closed.overflow, 1);
		assert.deepEqual(callbacks.calls, ['acknowledge', 'close: cancelled']);
	});
});

describe('callbacks', () => {
	test('may call the manager and wait for other threads', async () => {
		const { here, one, two } = await inOneScope();
		await two.do('create', 'afar', { filters: PROMPTS });
		await one.run(async ({ manager, own }) => {
			const prompts = /** @type {const} */ ({ jsonrpc: '2.0', method: 'notifications/prompts/list_changed' });
			const filters = { toolsListChanged: true };
			own.answers = [];
			await manager.create(
				{ id: 'calling', origin: 'origin', filters },
				{
					acknowledge() {},
					async send() {
						await manager.send({ ...prompts, params: { n: 'from within' } });
						own.answers.push(await manager.close('afar', 'origin', 'closed'));
						const callbacks = { acknowledge() {}, send() {}, close() {} };
						own.answers.push(await manager.create({ id: 'afar', origin: 'origin', filters: {} }, callbacks));
					},
					async close() {
						await manager.closeAll('here');
					},
				},
			);
		});
		await here.do('create', 'here', { origin: 'here', filters: {} });
		assert.deepEqual(await here.do('send', changed(1)), resolved);
		assert.deepEqual(await one.run(({ own }) => own.answers), [true, true]);
		assert.deepEqual(await two.do('calls', 'afar'), [['acknowledge', 'from within', 'close: closed']]);
		assert.deepEqual(await here.do('close', 'calling'), { resolved: true });
		assert.deepEqual(await here.do('calls', 'here', 'here'), [['acknowledge', 'close: cancelled']]);
	});

	test('may change the notification that they receive, which affects no other thread', async () => {
		const { here, one, two } = await inOneScope();
		await one.run(({ manager }) => {
			const send = (/** @type {any} */ given) => {
				given.params.n = 'changed';
			};
			const filters = { toolsListChanged: true };
			return manager.create({ id: 'changing', origin: 'origin', filters }, { acknowledge() {}, send, close() {} });
		});
		await two.do('create', 'of two');
		const given = changed(1);
		await here.do('send', given);
		assert.deepEqual(given, changed(1));
		assert.deepEqual(await two.do('calls', 'of two'), [['acknowledge', 1]]);
	});
});

describe('a manager of a scope', () => {
	test('keeps neither the process nor a worker alive, with calls pending', async () => {
		const { stdout } = await run(process.execPath, [child('open-scoped-subscriptions.js')], { timeout: 30_000 });
		assert.deepEqual(JSON.parse(stdout), { code: 0, settled: [{}, { resolved: true }, {}] });
	});

	test('does not keep a worker alive', async () => {
		const asked = new Int32Array(new SharedArrayBuffer(4)).fill(1);
		const worker = new Worker(child('open-scoped-subscriptions.js'), { workerData: { scope: newScope(), asked } });
		assert.equal(await new Promise((resolve) => worker.once('exit', resolve)), 0);
	});

	test('keeps memory flat when 10,000 managers with registrations are created and dropped', async () => {
		await assertMemoryStaysFlat('dropped-scoped-subscription-managers.js', 10_000);
	});
});
