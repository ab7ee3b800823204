// Invalid arguments: each stream manager of this package throws a TypeError that names the argument and its value, and
// changes nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fakeController } from '../support/streams.js';

/** @import { Implementation } from '../support/implementations.js' */

const CODE = 'ERR_INVALID_ARG_TYPE';

/** @param {Pick<Implementation, 'make'>} implementation */
export function testStreamMistakes({ make }) {
	describe('create', () => {
		for (const [id, got] of /** @type {const} */ ([
			[undefined, 'undefined'],
			[null, 'null'],
			[7, 'the number 7'],
			[7n, 'the bigint 7'],
			[Symbol('s'), 'the symbol Symbol(s)'],
			[{}, 'an object'],
			[['a'], 'an array'],
			[new Date(), 'an instance of Date'],
			[() => {}, 'a function'],
			[Object.create(null), 'an object'],
		])) {
			test(`refuses ${got} as an id`, () => {
				const manager = make();
				assert.throws(() => manager.create(/** @type {any} */ (id), fakeController()), {
					name: 'TypeError',
					code: CODE,
					message: `create: "id" must be a string; got ${got}`,
				});
				assert.equal(manager.size, 0);
			});
		}

		for (const [controller, got] of /** @type {const} */ ([
			[undefined, 'undefined'],
			[null, 'null'],
			['controller', 'the string "controller"'],
			[{}, 'an object'],
			[{ close() {} }, 'an object'],
			[{ enqueue: 1, close: 1 }, 'an object'],
			[new Map(), 'an instance of Map'],
		])) {
			test(`refuses ${got}${controller ? ` with ${Object.keys(controller).join(' and ')}` : ''} as a controller, and keeps the older stream`, async () => {
				const manager = make();
				const older = fakeController();
				manager.create('a', older);
				assert.throws(
					() => manager.create('a', /** @type {any} */ (controller)),
					(error) => {
						assert.ok(error instanceof TypeError);
						assert.equal(/** @type {any} */ (error).code, CODE);
						assert.match(error.message, /^create: "controller" must have the method enqueue\(\)/);
						assert.ok(error.message.endsWith(`; got ${got}`), error.message);
						return true;
					},
				);
				manager.send(['a'], 'x');
				assert.deepEqual([older.messages, older.closed], [['x'], 0]);
			});
		}

		for (const [close, got] of /** @type {const} */ ([
			[null, 'null'],
			[1, 'the number 1'],
			['close', 'the string "close"'],
			[{}, 'an object'],
		])) {
			test(`refuses a controller whose close is ${got}, and keeps the older stream`, () => {
				const manager = make();
				const older = fakeController();
				manager.create('a', older);
				assert.throws(() => manager.create('a', /** @type {any} */ ({ enqueue() {}, close })), {
					name: 'TypeError',
					code: CODE,
					message: `create: "controller.close" must be a method or undefined; got ${got}`,
				});
				manager.send(['a'], 'x');
				assert.deepEqual([older.messages, older.closed], [['x'], 0]);
			});
		}

		for (const method of ['enqueue', 'close']) {
			test(`rethrows the error of the getter of ${method} of the controller, and changes nothing`, () => {
				const manager = make();
				const controller = Object.defineProperty({ enqueue() {}, close() {} }, method, {
					get() {
						throw new RangeError('mine');
					},
				});
				assert.throws(() => manager.create('a', controller), RangeError);
				assert.equal(manager.size, 0);
			});
		}
	});

	describe('send', () => {
		for (const [data, got] of /** @type {const} */ ([
			[undefined, 'undefined'],
			[null, 'null'],
			[1, 'the number 1'],
			[{ jsonrpc: '2.0' }, 'an object'],
			[new Uint8Array(2), 'an instance of Uint8Array'],
		])) {
			test(`refuses ${got} as data, and sends nothing`, () => {
				const manager = make();
				const a = fakeController();
				manager.create('a', a);
				for (const sessions of [undefined, [], ['a'], ['a', 'b']]) {
					assert.throws(() => manager.send(sessions, /** @type {any} */ (data)), {
						name: 'TypeError',
						code: CODE,
						message: `send: "data" must be a string; got ${got}`,
					});
				}
				assert.deepEqual(a.messages, []);
			});
		}

		for (const [sessions, got] of /** @type {const} */ ([
			['a', 'the string "a"'],
			['a'.repeat(60), `the string "${'a'.repeat(40)}…"`],
			[new Set(['a']), 'an instance of Set'],
			[{ 0: 'a', length: 1 }, 'an object'],
			[0, 'the number 0'],
			[false, 'the boolean false'],
		])) {
			test(`refuses ${got} as a list of sessions, and sends nothing`, () => {
				const manager = make();
				const a = fakeController();
				manager.create('a', a);
				assert.throws(() => manager.send(/** @type {any} */ (sessions), 'x'), {
					name: 'TypeError',
					code: CODE,
					message: `send: "sessions" must be an array of session ids, or undefined for every session; got ${got}`,
				});
				assert.deepEqual(a.messages, []);
			});
		}

		test('rethrows the error of a getter in the list, and sends nothing', () => {
			const manager = make();
			const a = fakeController();
			manager.create('a', a);
			for (const list of [['a'], ['a', 'a']]) {
				Object.defineProperty(list, list.length - 1, {
					get() {
						throw new RangeError('mine');
					},
				});
				assert.throws(() => manager.send(list, 'x'), RangeError);
			}
			manager.send(['a'], 'y');
			assert.deepEqual(a.messages, ['y']);
		});

		test('accepts a proxy of a list, a sparse list, and a frozen list', () => {
			const manager = make();
			const a = fakeController();
			manager.create('a', a);
			const sparse = [];
			sparse[1_000] = 'a';
			for (const list of [new Proxy(['b', 'a'], {}), new Proxy(['a'], {}), sparse, Object.freeze(['a', 'b'])]) {
				manager.send(list, 'x');
			}
			assert.equal(a.messages.length, 4);
		});

		test('may be called by a getter in the list', () => {
			const manager = make();
			const a = fakeController();
			manager.create('a', a);
			const list = ['b', 'a'];
			Object.defineProperty(list, 0, {
				get() {
					manager.send(['a', 'b', 'c'], 'inner');
					return 'b';
				},
			});
			manager.send(list, 'outer');
			assert.deepEqual(a.messages, ['inner', 'outer']);
		});
	});

	describe('code of the caller that runs during a call', () => {
		test('leaves no partial session behind: a controller whose inspection throws is not registered', async () => {
			const manager = make();
			const older = fakeController();
			manager.create('a', older);
			const controller = new Proxy(fakeController(), {
				has() {
					throw new RangeError('mine');
				},
			});
			for (const id of ['a', 'b']) assert.throws(() => manager.create(id, controller), RangeError);
			manager.send(['a'], 'x');
			assert.deepEqual([manager.ids(), older.messages, older.closed], [['a'], ['x'], 0]);
		});

		test('may extend the list and create sessions from enqueue: the send continues', () => {
			const manager = make();
			const list = ['a', 'b'];
			const b = fakeController();
			manager.create(
				'a',
				fakeController({
					onEnqueue: () => {
						for (let n = 0; n < 1_000; n++) list.push(`later ${n}`);
						manager.create('later 0', fakeController());
					},
				}),
			);
			manager.create('b', b);
			manager.send(list, 'x');
			assert.deepEqual(b.messages, ['x']);
		});

		test('may create a session from a getter in the list: that session gets the message once', () => {
			for (const list of [['a'], ['a', 'b']]) {
				const manager = make();
				const a = fakeController();
				let created = false;
				Object.defineProperty(list, 0, {
					get() {
						if (!created) manager.create('a', a);
						created = true;
						return 'a';
					},
				});
				manager.send(list, 'x');
				assert.deepEqual(a.messages, ['x']);
			}
		});
	});

	describe('size and ids()', () => {
		test('are the number of sessions and their ids, oldest first', () => {
			const manager = make();
			assert.deepEqual([manager.size, manager.ids()], [0, []]);
			for (const id of ['c', '\ud83d', 'a', '', 'b']) manager.create(id, fakeController());
			manager.delete('a');
			manager.create('c', fakeController());
			assert.deepEqual([manager.size, manager.ids()], [4, ['\ud83d', '', 'b', 'c']]);
		});
	});
}
