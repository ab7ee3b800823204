// The options `maxQueuedBytes` and `onSlowClient`: what a stream manager does about a client that reads too slowly.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { hubs, NONE, recordClosings, SLOW, textOfBytes, withClock } from '../support/policy.js';
import { fakeController, openStream, STREAMS, text, unreadByteStream } from '../support/streams.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
		describe('with maxQueuedBytes', () => {
			for (const [what, open] of Object.entries(STREAMS)) {
				for (const coalesce of [false, true]) {
					const suffix = coalesce ? ', with coalesce' : '';
					test(`ends a stream that ${what} with an error when more than the limit was left for a turn${suffix}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						manager.create('b', fakeController());
						manager.send(['a'], textOfBytes(60));
						manager.send(['a'], textOfBytes(40));
						await turn();
						manager.send(['a'], 'x');
						assert.deepEqual(closings, []);
						await turn();
						manager.send(undefined, 'y');
						assert.deepEqual(closings, [['a', 'slow']]);
						assert.deepEqual(manager.ids(), ['b']);
						await assert.rejects(stream.next(), SLOW);
						assert.deepEqual(manager.stats().closed, { ...NONE, slow: 1 });
						await turn();
						assert.equal(manager.stats().queuedBytes, 0);
						assert.deepEqual(closings, [['a', 'slow']]);
					});

					test(`with onSlowClient 'drop', drops messages for a stream that ${what} while more than the limit is left${suffix}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, onSlowClient: 'drop', coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						manager.send(['a'], textOfBytes(90));
						await turn();
						manager.send(undefined, textOfBytes(11, 'y'));
						await turn();
						manager.send(undefined, textOfBytes(10));
						manager.send(['a'], 'x');
						await manager.flush();
						const { messages, bytes, dropped, queuedBytes } = manager.stats();
						assert.deepEqual([messages, bytes, dropped, queuedBytes], [2, 101, 2, 101]);
						assert.equal(await stream.next(), textOfBytes(90));
						manager.send(['a'], 'z');
						assert.equal(manager.stats().dropped, 2);
						manager.delete('a');
						assert.equal((await stream.rest()).join(''), `${textOfBytes(11, 'y')}z`);
						assert.deepEqual(closings, [['a', 'deleted']]);
					});

					test(`accepts a message of any size while nothing is queued in a stream that ${what}${suffix}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 10, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						for (let n = 0; n < 5; n++) {
							manager.send(['a'], textOfBytes(100_000));
							assert.equal((await stream.next()).length, 100_000);
						}
						assert.deepEqual(closings, []);
					});

					test(`does not close a client that reads everything from a stream that ${what}${suffix}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						for (let n = 0; n < 30; n++) {
							manager.send(['a'], textOfBytes(30));
							manager.send(['a'], textOfBytes(30));
							await manager.flush();
							for (let bytes = 0; bytes < 60; ) bytes += (await stream.next()).length;
						}
						assert.deepEqual(closings, []);
					});

					test(`does not close a client that reads everything from a stream that ${what}, however much one turn sends${suffix}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 1_048_576, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						let received = 0;
						const reading = (async () => {
							for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next())
								received += chunk.length;
						})();
						let sent = 0;
						const send = (/** @type {number} */ bytes) => {
							manager.send(['a'], textOfBytes(bytes));
							sent += bytes;
						};
						for (let round = 0; round < 3; round++) {
							send(10);
							send(10);
							send(1_100_000);
							await turn();
							for (let n = 0; n < 200; n++) send(10_000);
							await turn();
							for (let n = 0; n < 2; n++) send(2_000_000);
							await turn();
						}
						assert.deepEqual(closings, []);
						manager.delete('a');
						await reading;
						assert.equal(received, sent);
					});

					test(`queues for a client that does not read from a stream that ${what} at most the limit and what one turn sends${suffix}`, async () => {
						for (const onSlowClient of /** @type {const} */ (['close', 'drop'])) {
							const { manager } = recordClosings(make, { maxQueuedBytes: 1_000, coalesce, onSlowClient });
							const stream = open();
							manager.create('a', stream.controller);
							let most = 0;
							for (let round = 0; round < 20; round++) {
								for (let n = 0; n < 3; n++) manager.send(['a'], textOfBytes(300));
								most = Math.max(most, manager.stats().queuedBytes);
								await turn();
							}
							assert.equal(most, 1_800);
							assert.equal(manager.size, onSlowClient === 'drop' ? 1 : 0);
						}
					});
				}
			}

			for (const onSlowClient of /** @type {const} */ (['close', 'drop'])) {
				for (const highWaterMark of [0, 1, 16]) {
					test(`with onSlowClient '${onSlowClient}', notices at a send that a client has left with queued messages, with highWaterMark ${highWaterMark}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, onSlowClient });
						const stream = openStream({}, { highWaterMark });
						manager.create('a', stream.controller);
						manager.send(['a'], textOfBytes(90));
						await stream.reader.cancel();
						// One of 64 dropped messages checks the stream.
						for (let n = 0; n < (onSlowClient === 'drop' ? 64 : 1); n++) manager.send(['a'], textOfBytes(50));
						assert.deepEqual(closings, [['a', 'gone']]);
						assert.equal(await manager.has('a'), false);
					});
				}
			}

			for (const coalesce of [false, true]) {
				test(`does not limit controllers without desiredSize${coalesce ? ', with coalesce' : ''}`, async () => {
					const { manager, closings } = recordClosings(make, { maxQueuedBytes: 10, coalesce });
					const controller = fakeController();
					manager.create('a', controller);
					for (let n = 0; n < 9; n++) manager.send(['a'], textOfBytes(100));
					await manager.flush();
					assert.deepEqual([controller.messages.join('').length, closings], [900, []]);
					assert.equal(manager.stats().queuedBytes, 0);
				});
			}

			for (const coalesce of [false, true]) {
				test(`closes a controller without error(), which then gets no more messages${coalesce ? ', with coalesce' : ''}`, async () => {
					const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, coalesce });
					/** @type {string[]} */
					const log = [];
					let desiredSize = 1;
					manager.create('a', {
						get desiredSize() {
							return desiredSize;
						},
						enqueue(chunk) {
							desiredSize--;
							log.push(text(chunk));
						},
						close() {
							log.push('closed');
						},
					});
					for (let n = 0; n < 3; n++) {
						manager.send(['a'], textOfBytes(90));
						await turn();
					}
					assert.equal(log.at(-1), 'closed');
					assert.equal(log.filter((entry) => entry === 'closed').length, 1);
					assert.deepEqual(closings, [['a', 'slow']]);
				});
			}

			test('ends a stream to which one turn sends more than 64 MiB', async () => {
				const { manager, closings } = recordClosings(make, { maxQueuedBytes: 1_048_576 });
				const stream = openStream();
				manager.create('a', stream.controller);
				const text = textOfBytes(2 ** 20);
				for (let n = 0; n < 65; n++) manager.send(['a'], text);
				assert.deepEqual([closings, manager.stats().queuedBytes], [[], 65 * 2 ** 20]);
				manager.send(['a'], text);
				assert.deepEqual(closings, [['a', 'slow']]);
				await assert.rejects(stream.next(), SLOW);
			});

			test("with onSlowClient 'drop', exceeds the limit by at most one message in a turn for a client that does not read", async () => {
				const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, onSlowClient: 'drop' });
				const stream = openStream();
				manager.create('a', stream.controller);
				manager.send(['a'], textOfBytes(90));
				for (let n = 0; n < 1_000; n++) {
					manager.send(['a'], textOfBytes(50));
					await turn();
				}
				const { dropped, queuedBytes } = manager.stats();
				assert.deepEqual([closings, dropped, queuedBytes], [[], 999, 140]);
			});

			test('keeps a byte stream that is exactly full, although its enqueue throws for an empty chunk', async () => {
				const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, onSlowClient: 'drop' });
				const { stream, controller } = unreadByteStream(90);
				manager.create('a', controller);
				manager.send(['a'], textOfBytes(90));
				manager.send(['a'], textOfBytes(50));
				await turn();
				manager.send(['a'], textOfBytes(50));
				assert.deepEqual([closings, manager.stats().dropped], [[], 1]);
				assert.equal((await stream.getReader().read()).value?.length, 90);
			});

			test('closes a session even if error() and close() of its controller throw', async () => {
				const { manager, closings } = recordClosings(make, { maxQueuedBytes: 10 });
				const fail = () => {
					throw new Error('thrown by a controller');
				};
				let desiredSize = 1;
				const enqueue = () => desiredSize--;
				const controllers = [{ error: fail }, {}].map((more) => ({
					get desiredSize() {
						return desiredSize;
					},
					enqueue,
					close: fail,
					...more,
				}));
				// A spread replaces a getter with its value.
				for (const controller of controllers)
					Object.defineProperty(controller, 'desiredSize', { get: () => desiredSize });
				const other = fakeController();
				for (const [number, controller] of controllers.entries()) manager.create(`${number}`, controller);
				manager.create('other', other);
				manager.send(undefined, textOfBytes(9));
				manager.send(undefined, textOfBytes(9));
				await turn();
				manager.send(undefined, textOfBytes(9));
				assert.deepEqual(manager.ids(), ['other']);
				assert.equal(other.messages.length, 3);
				assert.deepEqual(closings, [
					['0', 'slow'],
					['1', 'slow'],
				]);
			});
		});

		test('a stream with an infinite highWaterMark is neither limited nor closed as dead, since its queue is not known', () =>
			withClock(async (pass) => {
				const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, keepAliveMs: 1_000 });
				const stream = openStream({}, { highWaterMark: Infinity });
				manager.create('a', stream.controller);
				for (let n = 0; n < 30; n++) {
					manager.send(['a'], textOfBytes(60));
					assert.equal((await stream.next()).length, 60);
				}
				assert.deepEqual([closings, manager.stats().queuedBytes], [[], 0]);
				const next = stream.next();
				await pass(1_250);
				assert.equal(await next, ': keepalive\n\n');
				await manager.close({ drainMs: 1_000 });
				assert.equal(await stream.next(), undefined);
				assert.deepEqual(closings, [['a', 'shutdown']]);
			}));
	});
}
