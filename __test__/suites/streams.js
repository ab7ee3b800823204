// The drop-in contract of the stream managers, point by point, for every implementation that must fulfill it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fakeController, openByteStream, openStream, text } from '../support/streams.js';
import { assertReturnedNothing } from './results.js';

/** @import { Implementation } from '../support/implementations.js' */

/** @param {Implementation} implementation */
export function testStreams(implementation) {
	const { name, make, slowLists } = implementation;

	describe(`the stream manager of ${name}`, () => {
		describe('1. create', () => {
			test('registers the session synchronously and returns undefined', async () => {
				const manager = make();
				const stream = openStream();
				const created = manager.create('a', stream.controller);
				manager.send(['a'], 'at once');
				assert.equal(await stream.next(), 'at once');
				await assertReturnedNothing(created, implementation);
			});

			test('accepts controllers of streams, controllers of byte streams, and plain objects', async () => {
				const manager = make();
				const [stream, bytes, fake] = [openStream(), openByteStream(), fakeController()];
				manager.create('stream', stream.controller);
				manager.create('bytes', bytes.controller);
				manager.create('fake', fake);
				for (const message of ['one', 'two']) manager.send(undefined, message);
				assert.deepEqual([await stream.next(), await stream.next()], ['one', 'two']);
				assert.deepEqual([await bytes.next(), await bytes.next()], ['one', 'two']);
				assert.deepEqual(fake.messages, ['one', 'two']);
			});

			test('does not call the controller', () => {
				const fake = fakeController();
				make().create('a', fake);
				assert.deepEqual([fake.messages, fake.closed], [[], 0]);
			});

			test('keeps similar and unusual ids apart', async () => {
				const ids = ['', '__proto__', 'constructor', 'c:d', 'ü', '\u{1f600}', '\ud83d', '\ude00', 'a\0b', 'a'];
				ids.push('x'.repeat(94), 'x'.repeat(95), 'x'.repeat(96), `${'x'.repeat(96)}y`, 'ü'.repeat(5_000));
				const manager = make();
				const controllers = ids.map(() => fakeController());
				ids.forEach((id, index) => {
					manager.create(id, controllers[index]);
				});
				ids.forEach((id, index) => {
					manager.send([id], String(index));
				});
				controllers.forEach((controller, index) => {
					assert.deepEqual(controller.messages, [String(index)]);
				});
				for (const id of ids) assert.equal(await manager.has(id), true);
				assert.equal(await manager.has('b'), false);
			});
		});

		describe('2. has', () => {
			test('returns a promise of a boolean', async () => {
				const manager = make();
				const answer = manager.has('a');
				assert.ok(answer instanceof Promise);
				assert.equal(await answer, false);
				manager.create('a', fakeController());
				assert.equal(await manager.has('a'), true);
				manager.delete('a');
				assert.equal(await manager.has('a'), false);
			});

			test('resolves to true for a canceled stream until a send notices', async () => {
				const manager = make();
				const stream = openStream();
				manager.create('a', stream.controller);
				await stream.reader.cancel();
				assert.equal(await manager.has('a'), true);
				manager.send(undefined, 'into the void');
				assert.equal(await manager.has('a'), false);
			});

			test('resolves to false for a value that is not a string', async () => {
				const manager = make();
				manager.create('1', fakeController());
				for (const id of [1, undefined, null, {}, ['1'], Symbol('1')]) {
					assert.equal(await manager.has(/** @type {any} */ (id)), false);
				}
			});
		});

		describe('3. send', () => {
			test('returns undefined when every chunk is in its queue', async () => {
				const manager = make();
				const stream = openStream();
				manager.create('a', stream.controller);
				assert.equal(stream.controller.desiredSize, 1);
				const sent = manager.send(['a'], 'x');
				assert.equal(stream.controller.desiredSize, 0);
				const broadcast = manager.send(undefined, 'x');
				assert.equal(stream.controller.desiredSize, -1);
				for (const answer of [sent, broadcast]) await assertReturnedNothing(answer, implementation);
			});

			test('reaches every session for undefined and null, and none for an empty list', () => {
				const manager = make();
				const [a, b] = [fakeController(), fakeController()];
				manager.create('a', a);
				manager.create('b', b);
				manager.send(undefined, 'undefined');
				manager.send(null, 'null');
				manager.send([], 'none');
				assert.deepEqual(a.messages, ['undefined', 'null']);
				assert.deepEqual(b.messages, ['undefined', 'null']);
			});

			test('ignores unknown ids and values that are not strings', () => {
				const manager = make();
				const a = fakeController();
				manager.create('a', a);
				manager.send(['b'], 'unknown');
				manager.send(/** @type {any} */ ([undefined, 1, {}, 'b', 'a', null, Symbol('a')]), 'among others');
				manager.send(/** @type {any} */ ([undefined]), 'none');
				assert.deepEqual(a.messages, ['among others']);
			});

			test('reaches a session once even if the list has its id several times', () => {
				const manager = make();
				const [a, b] = [fakeController(), fakeController()];
				manager.create('a', a);
				manager.create('b', b);
				manager.send(['a', 'b', 'a', 'a', 'b'], 'once');
				assert.deepEqual([a.messages, b.messages], [['once'], ['once']]);
			});

			test('delivers to sessions in the order of their creation, not in the order of the list', () => {
				const manager = make();
				/** @type {string[]} */
				const order = [];
				for (const id of ['c', 'a', 'd', 'b']) {
					manager.create(id, fakeController({ onEnqueue: () => order.push(id) }));
				}
				manager.send(['a', 'b', 'c', 'd'], 'x');
				manager.send(undefined, 'x');
				assert.equal(order.join(''), 'cadbcadb');
			});

			test('reaches every session of a very long list', () => {
				const manager = make();
				const ids = Array.from({ length: 40_000 }, (_, index) => `session-${index}`);
				let delivered = 0;
				for (const id of ids.filter((_, index) => index % 8 === 0)) {
					manager.create(id, fakeController({ onEnqueue: () => delivered++ }));
				}
				manager.send(slowLists ? ids.filter((_, index) => index % 8 === 0) : ids, 'x');
				assert.equal(delivered, 5_000);
			});
		});

		describe('4. a message', () => {
			/** @type {[string, string][]} */
			const texts = [
				['a text of ASCII', 'event: message\ndata: {}\n\n'],
				['a text of characters of every width', 'aé☃\u{1f600}'],
				['an empty text', ''],
				['a text with NULs', '\0a\0\0b\0'],
				['a text with lone surrogates', 'a\ud83db\ude00c\ud83d'],
				['a text with a byte order mark', '\ufeffx'],
			];
			for (const length of [1_023, 1_024, 1_025, 2_730, 2_731, 8_192, 13_653, 13_654, 16_384, 65_536, 1_000_000]) {
				texts.push([`a text of ${length} ASCII characters`, 'x'.repeat(length)]);
				texts.push([`a text of ${length} characters of three bytes`, '☃'.repeat(length)]);
			}
			for (const [what, message] of texts) {
				test(`is one chunk, a Uint8Array of UTF-8: ${what}`, () => {
					const manager = make();
					const a = fakeController();
					manager.create('a', a);
					manager.send(['a'], message);
					manager.send(undefined, message);
					const expected = new TextEncoder().encode(message);
					assert.equal(a.chunks.length, 2);
					for (const chunk of a.chunks) {
						assert.equal(Object.getPrototypeOf(chunk), Uint8Array.prototype);
						assert.equal(Buffer.compare(chunk, expected), 0);
					}
				});
			}

			test('arrives as a whole wherever its characters end in memory that it shares with other messages', () => {
				const manager = make();
				const a = fakeController();
				manager.create('a', a);
				const characters = ['x', 'é', '☃', '\u{1f600}', '\ud83d', 'x☃'];
				const messages = Array.from({ length: 2_000 }, (_, n) => {
					const ascii = 'x'.repeat((n * 7919) % (n % 5 === 0 ? 15_000 : 1_100));
					return ascii + characters[n % 6].repeat((n * 104_729) % (n % 7 === 0 ? 6_000 : 200));
				});
				for (const message of messages) manager.send(['a'], message);
				const encoder = new TextEncoder();
				for (const [n, message] of messages.entries()) {
					assert.equal(Buffer.compare(a.chunks[n], encoder.encode(message)), 0, `message ${n}`);
				}
			});

			test('is not changed by later messages', () => {
				const manager = make();
				const a = fakeController();
				manager.create('a', a);
				const messages = Array.from({ length: 3_000 }, (_, n) => `${n}:${'é☃x'[n % 3].repeat((n * 37) % 700)}`);
				for (const message of messages) manager.send(['a'], message);
				assert.deepEqual(
					a.chunks.map((chunk) => Buffer.from(chunk).toString()),
					messages,
				);
			});
		});

		describe('5. a controller that throws on enqueue', () => {
			test('loses its session, and every other session still gets the message', async () => {
				const manager = make();
				const [closed, errored, cancelled] = [openStream(), openStream(), openStream()];
				const last = fakeController();
				manager.create('closed', closed.controller);
				manager.create('errored', errored.controller);
				manager.create('cancelled', cancelled.controller);
				manager.create('last', last);
				closed.controller.close();
				errored.reader.closed.catch(() => {});
				errored.controller.error(new Error('gone'));
				await cancelled.reader.cancel();

				manager.send(undefined, 'one');
				assert.deepEqual(last.messages, ['one']);
				for (const id of ['closed', 'errored', 'cancelled']) assert.equal(await manager.has(id), false, id);
				assert.equal(await manager.has('last'), true);
			});

			test('loses its session also in a send to a list', async () => {
				const manager = make();
				const stream = openStream();
				const [a, b] = [fakeController(), fakeController()];
				manager.create('a', a);
				manager.create('gone', stream.controller);
				manager.create('b', b);
				stream.controller.close();
				manager.send(['a', 'gone', 'b'], 'x');
				assert.deepEqual([a.messages, b.messages], [['x'], ['x']]);
				assert.equal(await manager.has('gone'), false);
				manager.send(['gone'], 'x');
			});

			test('is not closed by the manager', () => {
				const manager = make();
				let closed = 0;
				manager.create('a', {
					enqueue() {
						throw new Error('no');
					},
					close: () => closed++,
				});
				manager.send(['a'], 'x');
				manager.delete('a');
				assert.equal(closed, 0);
			});
		});

		describe('6. delete', () => {
			test('closes the controller, and what is queued stays readable', async () => {
				const manager = make();
				const stream = openStream();
				manager.create('a', stream.controller);
				manager.send(['a'], 'one');
				manager.send(['a'], 'two');
				const deleted = manager.delete('a');
				manager.send(['a'], 'three');
				assert.deepEqual(await stream.rest(), ['one', 'two']);
				await assertReturnedNothing(deleted, implementation);
			});

			test('removes the session before it closes the controller', async () => {
				const manager = make();
				/** @type {Promise<boolean>[]} */
				const exists = [];
				manager.create('a', { enqueue() {}, close: () => exists.push(manager.has('a')) });
				manager.delete('a');
				assert.deepEqual(await Promise.all(exists), [false]);
			});

			test('accepts a controller without the method close: there is nothing to call', async () => {
				const manager = make();
				/** @type {string[]} */
				const messages = [];
				manager.create('a', { enqueue: (chunk) => void messages.push(text(chunk)) });
				manager.send(['a'], 'one');
				const deleted = manager.delete('a');
				manager.send(['a'], 'two');
				assert.deepEqual(messages, ['one']);
				assert.equal(await manager.has('a'), false);
				await assertReturnedNothing(deleted, implementation);
			});

			test('accepts a controller that is already closed', async () => {
				const manager = make();
				const stream = openStream();
				manager.create('a', stream.controller);
				stream.controller.close();
				manager.delete('a');
				assert.equal(await manager.has('a'), false);
			});

			test('ignores an unknown id and a value that is not a string', async () => {
				const manager = make();
				const a = fakeController();
				manager.create('1', a);
				for (const id of ['b', 1, undefined, null, {}])
					await assertReturnedNothing(manager.delete(/** @type {any} */ (id)), implementation);
				assert.equal(a.closed, 0);
			});
		});

		describe('7. a controller that calls the manager from enqueue', () => {
			test('can send to other sessions and to itself', () => {
				const manager = make();
				const b = fakeController();
				const a = fakeController({
					onEnqueue: (message) => {
						if (message === 'one') manager.send(['a', 'b'], 'two');
					},
				});
				manager.create('a', a);
				manager.create('b', b);
				manager.send(undefined, 'one');
				assert.deepEqual(a.messages, ['one', 'two']);
				assert.deepEqual(b.messages, ['two', 'one']);
			});

			test('can send to a list during a send to a list, ten levels deep', () => {
				const manager = make();
				const b = fakeController();
				const a = fakeController({
					onEnqueue: (message) => {
						if (Number(message) < 10) manager.send(['b', 'a'], String(Number(message) + 1));
					},
				});
				manager.create('a', a);
				manager.create('b', b);
				manager.send(['a', 'b'], '0');
				const ascending = Array.from({ length: 11 }, (_, n) => String(n));
				assert.deepEqual(a.messages, ascending);
				assert.deepEqual(b.messages, ascending.toReversed());
			});

			for (const list of [undefined, ['a', 'b', 'c']]) {
				const kind = list ? 'send to a list' : 'broadcast';
				test(`can delete another session during a ${kind}, and that session gets no more messages`, () => {
					const manager = make();
					const [b, c] = [fakeController(), fakeController()];
					manager.create('a', fakeController({ onEnqueue: () => manager.delete('b') }));
					manager.create('b', b);
					manager.create('c', c);
					manager.send(list, 'x');
					assert.deepEqual([b.messages, b.closed, c.messages], [[], 1, ['x']]);
				});

				test(`can delete its own session during a ${kind}`, async () => {
					const manager = make();
					const a = fakeController({ onEnqueue: () => manager.delete('a') });
					manager.create('a', a);
					manager.send(list, 'x');
					manager.send(list, 'y');
					assert.deepEqual([a.messages, a.closed], [['x'], 1]);
					assert.equal(await manager.has('a'), false);
				});

				test(`can create a session during a ${kind}, and that session gets the message`, () => {
					const manager = make();
					const c = fakeController();
					const b = fakeController({ onEnqueue: () => manager.create('c', c) });
					manager.create('a', fakeController());
					manager.create('b', b);
					manager.send(list, 'x');
					assert.deepEqual([b.messages, c.messages], [['x'], ['x']]);
				});
			}

			test('can delete and recreate its session during a send to it', () => {
				const manager = make();
				const again = fakeController();
				manager.create(
					'a',
					fakeController({
						onEnqueue: () => {
							manager.delete('a');
							manager.create('a', again);
						},
					}),
				);
				manager.send(['a'], 'x');
				assert.deepEqual(again.messages, ['x']);
			});

			test('can replace its session 20,000 times during one send', () => {
				for (const list of [['a'], ['a', 'b'], undefined]) {
					const manager = make();
					let delivered = 0;
					const replace = () =>
						manager.create(
							'a',
							fakeController({
								onEnqueue: () => {
									manager.delete('a');
									if (++delivered < 20_000) replace();
								},
							}),
						);
					replace();
					manager.send(list, 'x');
					assert.equal(delivered, 20_000);
				}
			});

			test('can call has', async () => {
				const manager = make();
				/** @type {Promise<boolean>[]} */
				const exists = [];
				manager.create('a', fakeController({ onEnqueue: () => exists.push(manager.has('a'), manager.has('b')) }));
				manager.send(undefined, 'x');
				assert.deepEqual(await Promise.all(exists), [true, false]);
			});

			test('can send from the pull function and the size function of a real stream', async () => {
				const manager = make();
				const log = fakeController();
				manager.create('log', log);
				const pulling = openStream({ pull: () => manager.send(['log'], 'pulled') }, { highWaterMark: 0 });
				const sized = openStream(
					{},
					{
						size: () => {
							manager.send(['log'], 'sized');
							return 1;
						},
					},
				);
				manager.create('pulling', pulling.controller);
				manager.create('sized', sized.controller);
				// A stream calls `pull` only after `start` has settled.
				await new Promise(setImmediate);
				const next = pulling.next();
				manager.send(['pulling', 'sized'], 'x');
				assert.equal(await next, 'x');
				assert.ok(log.messages.includes('pulled'));
				assert.ok(log.messages.includes('sized'));
			});
		});
	});
}
