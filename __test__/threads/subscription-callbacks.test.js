// Subscription managers of one scope in several threads: what a sender learns of a callback that fails in another thread, and
// what callbacks may do.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { caughtUp, changed, PROMPTS, resolved, startThreads } from '../support/threads/subscription-threads.js';
import { block } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

const { inOneScope } = startThreads();

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
