// What a stream manager can be told to do with its streams, one option after the other and together: alone, and alone in a
// scope.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { InMemoryStreamSessionManager, SessionClosedError, SessionLimitError } from '@tmcp-native/session-manager';

import { crowd, NONE, noting, ofBytes, places, withClock, withSlowClock } from '../support/policy.js';
import { fakeController, openByteStream, openStream, text } from '../support/streams.js';

/** @import { StreamSessionManagerOptions } from '@tmcp-native/session-manager' */

const run = promisify(execFile);

/** Streams that say in all kinds of ways how much is queued in them. @type {Record<string, () => any>} */
const STREAMS = {
	'counts chunks': () => openStream(),
	'counts chunks, and wants none': () => openStream({}, { highWaterMark: 0 }),
	'counts chunks, and wants 16': () => openStream({}, { highWaterMark: 16 }),
	'counts bytes, and wants none': () => openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 0 })),
	'counts bytes, and wants 64': () => openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 64 })),
	'counts bytes, and wants 16,384': () => openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 16_384 })),
	'counts each chunk three times': () => openStream({}, { size: () => 3, highWaterMark: 4 }),
	'counts in tenths': () => openStream({}, { size: (chunk) => chunk.length / 10, highWaterMark: 1 }),
	'is a byte stream': () => openByteStream(),
};

/** @param {any} stream @param {number} count */
async function read(stream, count) {
	const messages = [];
	for (let n = 0; n < count; n++) messages.push(await stream.next());
	return messages;
}

const own = (/** @type {string} */ message) => new TextEncoder().encode(message);
const SLOW = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'slow' };
const DEAD = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'dead' };
const SHUTDOWN = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'shutdown' };

for (const { where, make } of places) {
	describe(`a manager ${where}`, () => {
		describe('counts what is queued', () => {
			for (const [what, open] of Object.entries(STREAMS)) {
				for (const coalesce of [false, true]) {
					test(`in a stream that ${what}${coalesce ? ', with coalesce' : ''}`, async () => {
						const manager = make({ maxQueuedBytes: 1_000, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						const queued = () => manager.stats().queuedBytes;
						for (let round = 0; round < 3; round++) {
							for (const [bytes, sum] of [
								[10, 10],
								[20, 30],
								[70, 100],
							]) {
								manager.send(['a'], ofBytes(bytes));
								assert.equal(queued(), sum, 'at once');
								await manager.flush();
								assert.equal(queued(), sum);
							}
							await stream.next();
							assert.equal(queued(), 90);
							await stream.next();
							assert.equal(queued(), 70);
							await stream.next();
							assert.equal(queued(), 0);
							// To whom waits for it.
							const next = stream.next();
							manager.send(['a'], ofBytes(500));
							await manager.flush();
							assert.equal((await next).length, 500);
							assert.equal(queued(), 0);
						}
					});
				}
			}

			test('in a byte stream that is read in part', async () => {
				const manager = make({ maxQueuedBytes: 150 });
				const { stream, controller } = bytes();
				manager.create('a', controller);
				manager.send(['a'], ofBytes(100));
				const reader = stream.getReader({ mode: 'byob' });
				await reader.read(new Uint8Array(30));
				const { queuedBytes } = manager.stats();
				assert.ok(queuedBytes >= 70 && queuedBytes <= 100, `${queuedBytes}`);
				await reader.read(new Uint8Array(70));
				assert.equal(manager.stats().queuedBytes, 0);
				// Of what is read by whom waits for less than it is, the rest is queued.
				const part = reader.read(new Uint8Array(60));
				manager.send(['a'], ofBytes(100));
				assert.equal((await part).value?.length, 60);
				const left = manager.stats().queuedBytes;
				assert.ok(left >= 40 && left <= 100, `${left}`);
				manager.send(['a'], ofBytes(100));
				assert.equal(await manager.has('a'), left + 100 <= 150);
			});

			test('of which its transport queues something itself, before the session is made and after', async () => {
				const manager = make({ maxQueuedBytes: 1_000 });
				const stream = openStream();
				stream.controller.enqueue(own('before'));
				manager.create('a', stream.controller);
				manager.send(['a'], ofBytes(100));
				assert.equal(manager.stats().queuedBytes, 100);
				assert.equal(await stream.next(), 'before');
				await stream.next();
				assert.equal(manager.stats().queuedBytes, 0);
				manager.send(['a'], ofBytes(100));
				stream.controller.enqueue(own('after'));
				manager.send(['a'], ofBytes(50));
				await stream.next();
				const { queuedBytes } = manager.stats();
				assert.ok(queuedBytes >= 50 && queuedBytes <= 150, `${queuedBytes}`);
				await read(stream, 2);
				assert.equal(manager.stats().queuedBytes, 0);
			});

			test('in a stream that reads itself when it is asked for more', async () => {
				const manager = make({ maxQueuedBytes: 100 });
				/** @type {any} */
				let controller;
				/** @type {string[]} */
				const got = [];
				const reader = new ReadableStream(
					{
						start(given) {
							controller = given;
						},
						pull() {
							if (controller.desiredSize < 2) reader.read().then(({ value }) => got.push(text(value)));
						},
					},
					{ highWaterMark: 2 },
				).getReader();
				await turn();
				manager.create('a', controller);
				for (let n = 0; n < 20; n++) {
					manager.send(['a'], ofBytes(90));
					await turn();
				}
				assert.equal(manager.stats().queuedBytes, 0);
				assert.equal(got.length, 20);
			});

			test('in a stream that sends to itself when it is asked for more', async () => {
				const manager = make({ maxQueuedBytes: 1_000 });
				let left = 0;
				const stream = openStream(
					{
						pull() {
							if (left-- > 0) manager.send(['a'], ofBytes(7));
						},
					},
					{ highWaterMark: 8 },
				);
				await turn();
				manager.create('a', stream.controller);
				left = 2;
				manager.send(['a'], ofBytes(10));
				await turn();
				assert.equal(manager.stats().queuedBytes, 24);
				await read(stream, 3);
				assert.equal(manager.stats().queuedBytes, 0);
			});

			for (const [what, open] of Object.entries(STREAMS)) {
				test(`while many messages go through a stream that ${what}, and takes nobody for dead when all is read`, () =>
					withClock(async (pass) => {
						const { manager, closings } = noting(make, { maxQueuedBytes: 1_000_000, keepAliveMs: 1_000 });
						const stream = open();
						manager.create('a', stream.controller);
						/** @type {number[]} */
						const sizes = [];
						const queued = () => manager.stats().queuedBytes;
						const sum = () => sizes.reduce((sum, size) => sum + size, 0);
						for (let n = 0; n < 500; n++) {
							const bytes = 1 + ((n * 37) % 49);
							sizes.push(bytes);
							manager.send(['a'], ofBytes(bytes));
							// Now more is read than sent, now less.
							for (let reads = (n >> 5) % 2 ? 2 : n % 2; reads > 0 && sizes.length > 0; reads--) {
								await stream.next();
								sizes.shift();
							}
							if (n % 7 === 0) assert.equal(queued(), sum());
						}
						for (; sizes.length > 0; sizes.shift()) await stream.next();
						assert.equal(queued(), 0);
						const next = stream.next();
						await pass(1_250);
						assert.equal(await next, ': keepalive\n\n');
						for (let n = 0; n < 6; n++) {
							const comment = stream.next();
							await pass(1_000);
							await comment;
						}
						assert.deepEqual(closings, []);
					}));
			}
		});

		describe('with maxQueuedBytes', () => {
			for (const [what, open] of Object.entries(STREAMS)) {
				for (const coalesce of [false, true]) {
					const but = coalesce ? ', with coalesce' : '';
					test(`cuts a stream that ${what} by the message that is too much${but}`, async () => {
						const { manager, closings } = noting(make, { maxQueuedBytes: 100, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						manager.create('b', fakeController());
						manager.send(['a'], ofBytes(60));
						manager.send(['a'], ofBytes(40));
						assert.deepEqual(closings, []);
						manager.send(undefined, 'x');
						assert.deepEqual(closings, [['a', 'slow']]);
						assert.deepEqual(manager.ids(), ['b']);
						await assert.rejects(stream.next(), SLOW);
						assert.deepEqual(manager.stats().closed, { ...NONE, slow: 1 });
						await turn();
						assert.equal(manager.stats().queuedBytes, 0);
						assert.deepEqual(closings, [['a', 'slow']]);
					});

					test(`drops for a stream that ${what} the message that is too much, if told so${but}`, async () => {
						const { manager, closings } = noting(make, { maxQueuedBytes: 100, onSlowClient: 'drop', coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						manager.send(['a'], ofBytes(90));
						manager.send(undefined, ofBytes(11));
						manager.send(undefined, ofBytes(10, 'y'));
						manager.send(['a'], 'z');
						await manager.flush();
						const { messages, bytes, dropped, queuedBytes } = manager.stats();
						assert.deepEqual([messages, bytes, dropped, queuedBytes], [2, 100, 2, 100]);
						manager.delete('a');
						assert.equal((await stream.rest()).join(''), ofBytes(90) + ofBytes(10, 'y'));
						assert.deepEqual(closings, [['a', 'deleted']]);
					});

					test(`takes any message while nothing is queued in a stream that ${what}${but}`, async () => {
						const { manager, closings } = noting(make, { maxQueuedBytes: 10, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						for (let n = 0; n < 5; n++) {
							manager.send(['a'], ofBytes(100_000));
							assert.equal((await stream.next()).length, 100_000);
						}
						assert.deepEqual(closings, []);
					});

					test(`leaves a client alone who reads all, of a stream that ${what}${but}`, async () => {
						const { manager, closings } = noting(make, { maxQueuedBytes: 100, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						for (let n = 0; n < 30; n++) {
							manager.send(['a'], ofBytes(30));
							manager.send(['a'], ofBytes(30));
							await manager.flush();
							for (let bytes = 0; bytes < 60; ) bytes += (await stream.next()).length;
						}
						assert.deepEqual(closings, []);
					});
				}
			}

			for (const onSlowClient of /** @type {const} */ (['close', 'drop'])) {
				for (const highWaterMark of [0, 1, 16]) {
					test(`and '${onSlowClient}', finds out by messages that a client has left with something queued, of a stream that wants ${highWaterMark}`, async () => {
						const { manager, closings } = noting(make, { maxQueuedBytes: 100, onSlowClient });
						const stream = openStream({}, { highWaterMark });
						manager.create('a', stream.controller);
						manager.send(['a'], ofBytes(90));
						await stream.reader.cancel();
						// One in 64 that are dropped asks.
						for (let n = 0; n < (onSlowClient === 'drop' ? 64 : 1); n++) manager.send(['a'], ofBytes(50));
						assert.deepEqual(closings, [['a', 'gone']]);
						assert.equal(await manager.has('a'), false);
					});
				}
			}

			for (const coalesce of [false, true]) {
				test(`does not limit controllers that do not tell${coalesce ? ', with coalesce' : ''}`, async () => {
					const { manager, closings } = noting(make, { maxQueuedBytes: 10, coalesce });
					const controller = fakeController();
					manager.create('a', controller);
					for (let n = 0; n < 9; n++) manager.send(['a'], ofBytes(100));
					await manager.flush();
					assert.deepEqual([controller.messages.join('').length, closings], [900, []]);
					assert.equal(manager.stats().queuedBytes, 0);
				});
			}

			for (const coalesce of [false, true]) {
				test(`closes a controller that has no error(), and feeds it nothing more${coalesce ? ', with coalesce' : ''}`, async () => {
					const { manager, closings } = noting(make, { maxQueuedBytes: 100, coalesce });
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
					manager.send(['a'], ofBytes(90));
					manager.send(['a'], ofBytes(20));
					await turn();
					assert.equal(log.at(-1), 'closed');
					assert.equal(log.filter((entry) => entry === 'closed').length, 1);
					assert.deepEqual(closings, [['a', 'slow']]);
				});
			}

			test("and 'drop', queues one message more than it may, at most, for a client who does not read", async () => {
				const { manager, closings } = noting(make, { maxQueuedBytes: 100, onSlowClient: 'drop' });
				const stream = openStream();
				manager.create('a', stream.controller);
				manager.send(['a'], ofBytes(90));
				for (let n = 0; n < 1_000; n++) manager.send(['a'], ofBytes(50));
				const { dropped, queuedBytes } = manager.stats();
				assert.deepEqual([closings, dropped, queuedBytes], [[], 999, 140]);
			});

			test('keeps a byte stream that is just full, which takes no empty chunk', async () => {
				const { manager, closings } = noting(make, { maxQueuedBytes: 100, onSlowClient: 'drop' });
				const { stream, controller } = bytes(90);
				manager.create('a', controller);
				manager.send(['a'], ofBytes(90));
				manager.send(['a'], ofBytes(50));
				assert.deepEqual([closings, manager.stats().dropped], [[], 1]);
				assert.equal((await stream.getReader().read()).value?.length, 90);
			});

			test('gets over a controller whose error() and close() throw', async () => {
				const { manager, closings } = noting(make, { maxQueuedBytes: 10 });
				const fail = () => {
					throw new Error('thrown by a controller');
				};
				let desiredSize = 1;
				const enqueue = () => desiredSize--;
				const doubles = [{ error: fail }, {}].map((more) => ({
					get desiredSize() {
						return desiredSize;
					},
					enqueue,
					close: fail,
					...more,
				}));
				// Getters do not live through a spread.
				for (const double of doubles) Object.defineProperty(double, 'desiredSize', { get: () => desiredSize });
				const other = fakeController();
				for (const [number, double] of doubles.entries()) manager.create(`${number}`, double);
				manager.create('other', other);
				manager.send(undefined, ofBytes(9));
				manager.send(undefined, ofBytes(9));
				assert.deepEqual(manager.ids(), ['other']);
				assert.equal(other.messages.length, 2);
				assert.deepEqual(closings, [
					['0', 'slow'],
					['1', 'slow'],
				]);
			});
		});

		test('does not limit a stream that wants any number of chunks, which says nothing of what is queued, nor takes it for dead', () =>
			withClock(async (pass) => {
				const { manager, closings } = noting(make, { maxQueuedBytes: 100, keepAliveMs: 1_000 });
				const stream = openStream({}, { highWaterMark: Infinity });
				manager.create('a', stream.controller);
				for (let n = 0; n < 30; n++) {
					manager.send(['a'], ofBytes(60));
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

		describe('with keepAliveMs', () => {
			const KEEP_ALIVE = ': keepalive\n\n';

			for (const [what, open] of Object.entries(STREAMS)) {
				test(`sends a comment to a stream that ${what} when it has had nothing for so long`, () =>
					withClock(async (pass) => {
						const { manager, closings } = noting(make, { keepAliveMs: 1_000 });
						const stream = open();
						manager.create('a', stream.controller);
						for (let n = 0; n < 20; n++) {
							const next = stream.next();
							let waited = 0;
							for (let came = false; !came && waited < 2_000; waited += 50) {
								next.then(() => {
									came = true;
								});
								await pass(50);
							}
							assert.ok(waited >= 1_000 && waited <= 1_250, `${waited}`);
							assert.equal(await next, KEEP_ALIVE);
						}
						assert.deepEqual(closings, []);
						const { messages, bytes, queuedBytes } = manager.stats();
						assert.deepEqual([messages, bytes, queuedBytes], [0, 0, 0]);
					}));
			}

			test('sends none to a stream that is sent something in time', () =>
				withClock(async (pass) => {
					const manager = make({ keepAliveMs: 1_000 });
					const [busy, idle] = crowd(manager, 2);
					for (let n = 0; n < 10; n++) {
						manager.send(['0'], `${n}`);
						await pass(750);
					}
					assert.equal(busy.messages.includes(KEEP_ALIVE), false);
					const comments = idle.messages.length;
					assert.ok(comments >= 6 && comments <= 7, `${comments}`);
				}));

			test('sends two, not more, to a stream that is not read: the second asks whether it is still open', () =>
				withClock(async (pass) => {
					const manager = make({ keepAliveMs: 1_000, deadAfterKeepAlives: 0 });
					const stream = openStream();
					manager.create('a', stream.controller);
					await pass(10_000);
					assert.equal(manager.stats().queuedBytes, 2 * KEEP_ALIVE.length);
					manager.delete('a');
					assert.deepEqual(await stream.rest(), [KEEP_ALIVE, KEEP_ALIVE]);
				}));

			test('gives each stream without a pool, and each byte stream, a comment of its own', () =>
				withClock(async (pass) => {
					const manager = make({ keepAliveMs: 1_000, pool: false });
					const controllers = crowd(manager, 2);
					await pass(1_250);
					const [one, two] = controllers.map(({ chunks }) => chunks[0].buffer);
					assert.notEqual(one, two);
					const streams = [openByteStream(), openByteStream()];
					for (const [number, stream] of streams.entries()) manager.create(`bytes ${number}`, stream.controller);
					await pass(1_250);
					assert.deepEqual(await Promise.all(streams.map((stream) => stream.next())), [KEEP_ALIVE, KEEP_ALIVE]);
				}));

			test('cuts a stream whose client reads nothing over three of them', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { keepAliveMs: 1_000 });
					const [stuck, reading] = [openStream(), openStream()];
					manager.create('stuck', stuck.controller);
					manager.create('reading', reading.controller);
					manager.send(undefined, 'one');
					manager.send(undefined, 'two');
					for (let second = 0; second < 3; second++) {
						await pass(950);
						assert.deepEqual(closings, []);
						manager.send(['reading'], 'more');
						await reading.next();
					}
					await pass(1_500);
					assert.deepEqual(closings, [['stuck', 'dead']]);
					await assert.rejects(stuck.next(), DEAD);
					assert.deepEqual(manager.stats().closed, { ...NONE, dead: 1 });
				}));

			test('takes a client for dead also where more is sent to it meanwhile', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { keepAliveMs: 1_000, deadAfterKeepAlives: 1 });
					manager.create('a', openStream().controller);
					for (let n = 0; n < 10; n++) {
						manager.send(['a'], 'message');
						await pass(250);
					}
					assert.deepEqual(closings, [['a', 'dead']]);
				}));

			test('takes nobody for dead who reads one message in each of its times', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { keepAliveMs: 1_000, deadAfterKeepAlives: 1 });
					const stream = openStream();
					manager.create('a', stream.controller);
					for (let n = 0; n < 30; n++) manager.send(['a'], 'message');
					for (let n = 0; n < 10; n++) {
						await stream.next();
						await pass(1_000);
					}
					assert.deepEqual(closings, []);
				}));

			test('takes nobody for dead where deadAfterKeepAlives is 0', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { keepAliveMs: 100, deadAfterKeepAlives: 0 });
					manager.create('a', openStream().controller);
					manager.send(['a'], 'message');
					await pass(5_000);
					assert.deepEqual(closings, []);
				}));

			test('takes a client for dead that has read what its transport queued before the session, and nothing since', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { keepAliveMs: 1_000 });
					const stream = openStream();
					stream.controller.enqueue(own('before'));
					manager.create('a', stream.controller);
					await stream.next();
					manager.send(['a'], 'message');
					assert.equal(manager.stats().queuedBytes, 7);
					await pass(4_500);
					assert.deepEqual(closings, [['a', 'dead']]);
				}));

			for (const highWaterMark of [0, 1, 16]) {
				test(`finds out that the client has left, of a stream that wants ${highWaterMark}`, () =>
					withClock(async (pass) => {
						const { manager, closings } = noting(make, { keepAliveMs: 1_000 });
						const stream = openStream({}, { highWaterMark });
						manager.create('a', stream.controller);
						await stream.reader.cancel();
						await pass(5_000);
						assert.deepEqual(closings, [['a', 'gone']]);
					}));
			}

			test('passes over a controller that throws, and goes on with the others', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { keepAliveMs: 1_000 });
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('a', { enqueue, close() {} });
					const [controller] = crowd(manager, 1);
					await pass(1_250);
					assert.deepEqual(closings, [['a', 'gone']]);
					assert.deepEqual(controller.messages, [KEEP_ALIVE]);
				}));

			test('sends none to sessions of other managers', () =>
				withClock(async (pass) => {
					const scope = `keep-alive ${where}`;
					const one = new InMemoryStreamSessionManager({ scope, keepAliveMs: 1_000 });
					const other = new InMemoryStreamSessionManager({ scope });
					const [kept] = crowd(one, 1);
					const [left] = crowd(other, 1, 1);
					await pass(1_250);
					assert.deepEqual([kept.messages, left.messages], [[KEEP_ALIVE], []]);
				}));
		});

		describe('with coalesce', () => {
			test('joins what one turn sends to a stream to one chunk, which is there in a microtask', async () => {
				const manager = make({ coalesce: true });
				const [a, b] = crowd(manager, 2);
				manager.send(undefined, 'one ');
				manager.send(['0'], 'two ');
				manager.send(['1'], 'zwei ');
				manager.send(['1', '0'], 'three');
				assert.deepEqual([a.messages, b.messages], [[], []]);
				await Promise.resolve();
				assert.deepEqual([a.messages, b.messages], [['one two three'], ['one zwei three']]);
				await turn();
				manager.send(undefined, 'four');
				await Promise.resolve();
				assert.deepEqual(a.messages, ['one two three', 'four']);
				const { messages, bytes } = manager.stats();
				assert.deepEqual([messages, bytes], [8, 2 * 4 + 4 + 5 + 2 * 5 + 2 * 4]);
			});

			test('keeps every byte, of short texts and of long ones', async () => {
				const manager = make({ coalesce: true });
				const streams = Object.values(STREAMS).map((open) => open());
				for (const [number, stream] of streams.entries()) manager.create(`${number}`, stream.controller);
				const texts = ['é☃', '', 'x'.repeat(2_000), '\0', '\u{1f600}'.repeat(10_000), 'é'.repeat(70_000), 'end'];
				for (const data of texts) manager.send(undefined, data);
				for (const stream of streams) assert.equal(await stream.next(), texts.join(''));
			});

			test('gives all streams that get the same the same chunk, unless they are not to share', async () => {
				const manager = make({ coalesce: true });
				const [a, b] = crowd(manager, 2);
				manager.send(undefined, 'one');
				manager.send(undefined, 'two');
				await Promise.resolve();
				assert.equal(a.chunks[0], b.chunks[0]);
				const apart = make({ coalesce: true, pool: false });
				const [c, d] = crowd(apart, 2);
				apart.send(undefined, 'one');
				apart.send(undefined, 'two');
				await Promise.resolve();
				assert.notEqual(c.chunks[0].buffer, d.chunks[0].buffer);
			});

			for (const [how, end] of /** @type {[string, (manager: any) => unknown][]} */ ([
				['deleted', (manager) => manager.delete('0')],
				['replaced', (manager) => manager.create('0', fakeController())],
				['shutdown', (manager) => manager.close()],
			])) {
				test(`feeds a stream all before it is closed: ${how}`, async () => {
					const { manager, closings } = noting(make, { coalesce: true });
					/** @type {string[]} */
					const log = [];
					manager.create('0', { enqueue: (chunk) => log.push(text(chunk)), close: () => log.push('closed') });
					manager.send(['0'], 'one ');
					manager.send(undefined, 'two');
					const ended = end(manager);
					manager.send(['0'], 'later');
					await ended;
					await turn();
					assert.deepEqual(log, ['one two', 'closed']);
					assert.deepEqual(closings, [['0', how]]);
				});
			}

			test('loses a session whose controller throws in the end, and feeds the others', async () => {
				const { manager, closings } = noting(make, { coalesce: true });
				const enqueue = () => {
					throw new Error('thrown by a controller');
				};
				manager.create('a', { enqueue, close() {} });
				const [controller] = crowd(manager, 1);
				manager.send(undefined, 'one');
				assert.deepEqual(closings, []);
				await Promise.resolve();
				assert.deepEqual(closings, [['a', 'gone']]);
				assert.deepEqual(controller.messages, ['one']);
				manager.create('a', { enqueue, close() {} });
				manager.send(['a'], 'one');
				manager.delete('a');
				assert.deepEqual(closings.slice(1), [['a', 'gone']]);
			});

			test('lets a controller call back while it is fed', async () => {
				const { manager, closings } = noting(make, { coalesce: true });
				const last = fakeController();
				let calls = 0;
				const first = fakeController({
					onEnqueue() {
						if (calls++ > 0) return;
						manager.send(['last', 'first'], ' again');
						manager.delete('middle');
						manager.create('new', fresh);
						manager.send(['new'], 'hello');
					},
				});
				const fresh = fakeController();
				const middle = fakeController();
				manager.create('first', first);
				manager.create('middle', middle);
				manager.create('last', last);
				manager.send(undefined, 'message');
				await turn();
				assert.deepEqual(first.messages, ['message', ' again']);
				assert.equal(last.messages.join(''), 'message again');
				assert.deepEqual([middle.messages, middle.closed], [['message'], 1]);
				assert.deepEqual(fresh.messages, ['hello']);
				assert.deepEqual(closings, [['middle', 'deleted']]);
			});

			test('counts what waits against maxQueuedBytes', async () => {
				const { manager, closings } = noting(make, { coalesce: true, maxQueuedBytes: 100, onSlowClient: 'drop' });
				const stream = openStream();
				manager.create('a', stream.controller);
				manager.send(['a'], ofBytes(60));
				manager.send(['a'], ofBytes(60, 'y'));
				manager.send(['a'], ofBytes(40, 'z'));
				assert.equal(manager.stats().queuedBytes, 100);
				assert.equal(await stream.next(), ofBytes(60) + ofBytes(40, 'z'));
				assert.deepEqual([manager.stats().dropped, closings.length], [1, 0]);
			});

			test('has all in the queues when flush() resolves', async () => {
				const manager = make({ coalesce: true });
				const [a] = crowd(manager, 1);
				manager.send(undefined, 'one');
				const flushed = manager.flush();
				await flushed;
				assert.deepEqual(a.messages, ['one']);
			});
		});

		describe('with sliceMs', () => {
			const COUNT = 200;
			const LAST = `${COUNT - 1}`;

			test('feeds many sessions over several turns of the event loop, and others get theirs', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					const controllers = crowd(manager, COUNT);
					manager.send(undefined, 'message');
					const fed = () => controllers.filter(({ messages }) => messages.length > 0).length;
					assert.ok(fed() > 0 && fed() < COUNT / 2, `${fed()}`);
					let turns = 0;
					for (; fed() < COUNT; turns++) await turn();
					assert.ok(turns >= 3, `${turns}`);
					const { messages, bytes } = manager.stats();
					assert.deepEqual([messages, bytes], [COUNT, 7 * COUNT]);
				}));

			test('feeds all at once that it can in that time', () => {
				const manager = make({ sliceMs: 60_000 });
				const controllers = crowd(manager, COUNT);
				manager.send(undefined, 'message');
				assert.deepEqual(controllers.at(-1)?.messages, ['message']);
			});

			test('has all in the queues when flush() resolves, in the order for each session', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					const controllers = crowd(manager, COUNT);
					manager.send(undefined, 'a');
					manager.send([LAST], 'b');
					manager.send(undefined, 'c');
					manager.send(['0', 'nobody', LAST, LAST], 'd');
					await turn();
					manager.send([LAST], 'e');
					await manager.flush();
					assert.deepEqual(controllers[0].messages, ['a', 'c', 'd']);
					assert.deepEqual(controllers.at(-1)?.messages, ['a', 'b', 'c', 'd', 'e']);
					for (const { messages } of controllers.slice(1, -1)) assert.deepEqual(messages, ['a', 'c']);
					assert.equal(manager.stats().messages, 2 * COUNT + 4);
				}));

			for (const [how, end] of /** @type {[string, (manager: any) => unknown][]} */ ([
				['deleted', (manager) => manager.delete(LAST)],
				['replaced', (manager) => manager.create(LAST, fakeController())],
			])) {
				test(`feeds a session what was sent before it is ${how}, and nothing more`, () =>
					withSlowClock(async () => {
						const { manager, closings } = noting(make, { sliceMs: 1 });
						const last = crowd(manager, COUNT).at(-1);
						manager.send(undefined, 'a');
						manager.send([LAST], 'b');
						manager.send(undefined, 'c');
						end(manager);
						assert.deepEqual([last?.messages, last?.closed], [['a', 'b', 'c'], 1]);
						assert.deepEqual(closings, [[LAST, how]]);
						manager.send(undefined, 'd');
						await manager.flush();
						assert.deepEqual([last?.messages, last?.closed], [['a', 'b', 'c'], 1]);
					}));
			}

			test('feeds a new session nothing that was sent before it', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					crowd(manager, COUNT);
					manager.send(undefined, 'a');
					const [fresh] = crowd(manager, 1, COUNT);
					const [again] = crowd(manager, 1, COUNT - 1);
					manager.send([`${COUNT}`, LAST], 'b');
					manager.send(undefined, 'c');
					await manager.flush();
					assert.deepEqual(fresh.messages, ['b', 'c']);
					assert.deepEqual(again.messages, ['b', 'c']);
				}));

			for (const slice of ['the first', 'a later']) {
				test(`lets a controller send, create and delete while it is fed in ${slice} slice`, () =>
					withSlowClock(async () => {
						const manager = make({ sliceMs: 1 });
						const fresh = fakeController();
						const place = slice === 'the first' ? 0 : COUNT - 20;
						crowd(manager, place);
						let calls = 0;
						const caller = fakeController({
							onEnqueue() {
								if (calls++ > 0) return;
								manager.send(undefined, 'b');
								manager.create('new', fresh);
								manager.send(['new', 'caller', LAST], 'c');
								manager.delete('caller too');
							},
						});
						const gone = fakeController();
						manager.create('caller', caller);
						manager.create('caller too', gone);
						const last = crowd(manager, COUNT - place, place).at(-1);
						manager.send(undefined, 'a');
						await manager.flush();
						await manager.flush();
						assert.deepEqual(last?.messages, ['a', 'b', 'c']);
						assert.deepEqual(caller.messages, ['a', 'b', 'c']);
						assert.deepEqual(fresh.messages, ['c']);
						assert.equal(gone.closed, 1);
						assert.deepEqual(await Promise.all(['new', 'caller', 'caller too'].map((id) => manager.has(id))), [
							true,
							true,
							false,
						]);
					}));
			}

			test('feeds a session what was sent before it is deleted by a controller that is fed in a later slice', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					crowd(manager, 100);
					manager.create('caller', fakeController({ onEnqueue: () => manager.delete('victim') }));
					const victim = fakeController();
					manager.create('victim', victim);
					crowd(manager, 50, 100);
					manager.send(undefined, 'a');
					manager.send(['victim'], 'b');
					assert.deepEqual(victim.messages, []);
					await manager.flush();
					assert.deepEqual([victim.messages, victim.closed], [['a', 'b'], 1]);
				}));

			test('feeds a session what was sent before it is deleted by an onClose in a later slice', () =>
				withSlowClock(async () => {
					const manager = make({
						sliceMs: 1,
						onClose(id) {
							if (id === 'gone') manager.delete('sibling');
						},
					});
					crowd(manager, 100);
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('gone', { enqueue, close() {} });
					const sibling = fakeController();
					manager.create('sibling', sibling);
					manager.send(undefined, 'a');
					manager.send(['sibling'], 'b');
					await manager.flush();
					assert.deepEqual([sibling.messages, sibling.closed], [['a', 'b'], 1]);
				}));

			test('feeds nothing more to a session that was lost by what it had still to get', () =>
				withSlowClock(async () => {
					const { manager, closings } = noting(make, { sliceMs: 1 });
					crowd(manager, COUNT);
					/** @type {string[]} */
					const calls = [];
					manager.create('a', {
						enqueue(chunk) {
							calls.push(text(chunk));
							throw new Error('thrown by a controller');
						},
						close() {},
					});
					manager.send(undefined, '1');
					manager.send(undefined, '2');
					manager.send(['a'], '3');
					manager.delete('a');
					assert.deepEqual(closings, [['a', 'gone']]);
					assert.deepEqual(calls, ['1']);
					await manager.flush();
					assert.deepEqual(calls, ['1']);
				}));

			test('loses in a slice the sessions whose controllers throw, and goes on with the others', () =>
				withSlowClock(async () => {
					const { manager, closings } = noting(make, { sliceMs: 1 });
					const controllers = crowd(manager, 100);
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('a', { enqueue, close() {} });
					controllers.push(...crowd(manager, 100, 100));
					manager.send(undefined, 'one');
					manager.send(['a'], 'two');
					manager.send(undefined, 'three');
					await manager.flush();
					assert.deepEqual(closings, [['a', 'gone']]);
					for (const { messages } of controllers) assert.deepEqual(messages, ['one', 'three']);
				}));

			for (const [what, count, data] of /** @type {const} */ ([
				['1,024 messages', 1_100, 'x'],
				['16 MiB', 20, ofBytes(1024 * 1024)],
			])) {
				test(`does all at once where more than ${what} would wait, in order`, () =>
					withSlowClock(async () => {
						const manager = make({ sliceMs: 1 });
						const sums = Array.from({ length: 100 }, () => 0);
						for (const number of sums.keys()) {
							manager.create(`${number}`, {
								enqueue(chunk) {
									assert.equal(Number(text(chunk.subarray(0, 5))), sums[number]++);
								},
								close() {},
							});
						}
						for (let n = 0; n < count; n++) manager.send(undefined, `${n}`.padStart(5) + data);
						assert.ok(sums[99] > count / 2, `${sums[99]}`);
						await manager.flush();
						assert.deepEqual(new Set(sums), new Set([count]));
					}));
			}

			test('and coalesce, joins what several messages of a turn have for a stream, in order', () =>
				withSlowClock(async () => {
					const { manager, closings } = noting(make, { sliceMs: 1, coalesce: true });
					const controllers = crowd(manager, COUNT);
					for (const data of ['a', 'b', 'c']) manager.send(undefined, data);
					manager.send([LAST], 'd');
					manager.delete(LAST);
					assert.deepEqual([controllers.at(-1)?.messages, controllers.at(-1)?.closed], [['abcd'], 1]);
					await manager.flush();
					for (const { messages } of controllers.slice(0, -1)) assert.equal(messages.join(''), 'abc');
					assert.deepEqual(closings, [[LAST, 'deleted']]);
				}));

			test('and maxQueuedBytes, cuts a slow client when it gets to it', () =>
				withSlowClock(async () => {
					const { manager, closings } = noting(make, { sliceMs: 1, maxQueuedBytes: 10 });
					crowd(manager, COUNT);
					const stream = openStream();
					manager.create('a', stream.controller);
					for (let n = 0; n < 3; n++) manager.send(undefined, 'message');
					assert.deepEqual(closings, []);
					await manager.flush();
					assert.deepEqual(closings, [['a', 'slow']]);
					await assert.rejects(stream.next(), SLOW);
				}));

			test('and keepAliveMs, sends no comment in between', () =>
				withClock(async (pass) => {
					const manager = make({ sliceMs: 1, keepAliveMs: 1_000 });
					const controllers = crowd(manager, COUNT);
					await pass(950);
					await withSlowClock(async () => {
						manager.send(undefined, 'message');
						await pass(350);
						await manager.flush();
					});
					for (const { messages } of controllers) assert.deepEqual(messages, ['message']);
				}));
		});

		describe('with maxSessions', () => {
			test('refuses a session too many with a SessionLimitError, and changes nothing', async () => {
				const { manager, closings } = noting(make, { maxSessions: 2 });
				const controllers = crowd(manager, 2);
				const refused = openStream();
				for (let n = 0; n < 3; n++) {
					assert.throws(
						() => manager.create('c', refused.controller),
						(error) => {
							assert.ok(error instanceof SessionLimitError);
							assert.deepEqual([error.name, error.code, error.limit], ['SessionLimitError', 'ERR_SESSION_LIMIT', 2]);
							return true;
						},
					);
				}
				assert.deepEqual([manager.size, manager.ids(), manager.stats().sessions], [2, ['0', '1'], 2]);
				assert.equal(await manager.has('c'), false);
				manager.send(undefined, 'message');
				for (const { messages } of controllers) assert.deepEqual(messages, ['message']);
				assert.deepEqual([refused.controller.desiredSize, closings], [1, []]);
			});

			test('takes a stream that takes another’s place, and one more when one is gone', () => {
				const { manager, closings } = noting(make, { maxSessions: 2 });
				const [first] = crowd(manager, 2);
				crowd(manager, 2);
				assert.equal(first.closed, 1);
				manager.delete('0');
				crowd(manager, 1, 2);
				assert.throws(() => crowd(manager, 1, 3), { code: 'ERR_SESSION_LIMIT' });
				const enqueue = () => {
					throw new Error('thrown by a controller');
				};
				manager.create('1', { enqueue, close() {} });
				manager.send(['1'], 'message');
				crowd(manager, 1, 3);
				assert.deepEqual(
					closings.map(([, reason]) => reason),
					['replaced', 'replaced', 'deleted', 'replaced', 'gone'],
				);
			});

			test('lets onClose create what there is room for now', () => {
				const manager = make({
					maxSessions: 1,
					onClose(_, reason) {
						if (reason === 'deleted') crowd(manager, 1, 1);
					},
				});
				crowd(manager, 1);
				manager.delete('0');
				assert.deepEqual(manager.ids(), ['1']);
			});
		});

		describe('with maxAgeMs', () => {
			test('closes a stream when it is between four fifths of that old and all', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { maxAgeMs: 10_000 });
					/** How old each was. @type {number[]} */
					const ages = [];
					let made = 0;
					let time = 0;
					const births = new Map();
					for (; time < 30_000; time += 50) {
						const before = closings.length;
						await pass(50);
						for (const [id] of closings.slice(before)) ages.push(time + 50 - births.get(id));
						if (time < 15_000) {
							births.set(`${made}`, time + 50);
							crowd(manager, 1, made++);
						}
					}
					assert.equal(manager.size, 0);
					assert.equal(ages.length, made);
					assert.ok(Math.min(...ages) >= 8_000, `youngest ${Math.min(...ages)}`);
					assert.ok(Math.max(...ages) <= 10_000, `oldest ${Math.max(...ages)}`);
					assert.deepEqual(manager.stats().closed, { ...NONE, expired: made });
				}));

			test('does not close at once those that came at once', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { maxAgeMs: 10_000 });
					crowd(manager, 1_000);
					let most = 0;
					for (let time = 0; time < 10_000; time += 50) {
						const before = closings.length;
						await pass(50);
						most = Math.max(most, closings.length - before);
					}
					assert.equal(closings.length, 1_000);
					assert.ok(most <= 500, `${most} in one turn`);
				}));

			test('closes behind what is queued, and also what is not idle', () =>
				withClock(async (pass) => {
					const { manager, closings } = noting(make, { maxAgeMs: 1_000, keepAliveMs: 500, coalesce: true });
					const stream = openStream();
					manager.create('a', stream.controller);
					for (let n = 0; n < 6; n++) {
						manager.send(['a'], `${n}`);
						await pass(150);
					}
					await pass(350);
					assert.deepEqual(closings, [['a', 'expired']]);
					assert.equal((await stream.rest()).join(''), '012345');
				}));

			test('takes a stream that an onClose makes for a new one', () =>
				withClock(async (pass) => {
					let made = 1;
					const manager = make({
						maxAgeMs: 1_000,
						onClose: () => {
							made++;
							crowd(manager, 1);
						},
					});
					crowd(manager, 1);
					await pass(5_000);
					assert.ok(made >= 5 && made <= 7, `${made}`);
				}));
		});

		describe('with onClose', () => {
			test('tells of each session once, with the reason, when its stream is closed', () => {
				/** @type {unknown[]} */
				const log = [];
				const manager = make({ onClose: (id, reason) => void log.push([id, reason, manager.ids()]) });
				const controller = { enqueue() {}, close: () => void log.push('closed') };
				manager.create('a', controller);
				manager.create('b', controller);
				manager.create('a', controller);
				manager.delete('a');
				manager.delete('a');
				manager.delete('nobody');
				assert.deepEqual(log, ['closed', ['a', 'replaced', ['b', 'a']], 'closed', ['a', 'deleted', ['b']]]);
				assert.deepEqual(manager.stats().closed, { ...NONE, replaced: 1, deleted: 1 });
			});

			for (const [how, end] of /** @type {[string, (stream: any) => unknown][]} */ ([
				['cancelled', ({ reader }) => reader.cancel()],
				[
					'errored',
					({ controller, reader }) => [reader.closed.catch(() => {}), controller.error(new Error('errored'))],
				],
				['closed', ({ controller }) => controller.close()],
			])) {
				for (const [by, find] of /** @type {[string, (manager: any) => unknown][]} */ ([
					['a message', (manager) => manager.send(['a'], 'message')],
					['a message to all', (manager) => manager.send(undefined, 'message')],
					['delete', (manager) => manager.delete('a')],
					['a stream that takes its place', (manager) => manager.create('a', fakeController())],
					['close()', (manager) => manager.close()],
				])) {
					test(`says 'gone' of a stream that was ${how} before, found out by ${by}`, async () => {
						for (const options of [{}, { coalesce: true }, { maxQueuedBytes: 100 }, { keepAliveMs: 60_000 }]) {
							const { manager, closings } = noting(make, options);
							const stream = openStream();
							manager.create('a', stream.controller);
							await end(stream);
							await find(manager);
							await manager.flush();
							assert.deepEqual(closings, [['a', 'gone']]);
							assert.deepEqual(manager.stats().closed, { ...NONE, gone: 1 });
						}
					});
				}
			}

			test('is not disturbed by what it throws, or rejects with', async () => {
				/** @type {unknown[]} */
				const rejected = [];
				const note = (/** @type {unknown} */ error) => rejected.push(error);
				process.on('unhandledRejection', note);
				try {
					const failures = [
						() => {
							throw new Error('thrown by onClose');
						},
						async () => {
							throw new Error('rejected by onClose');
						},
						() => ({
							// biome-ignore lint/suspicious/noThenProperty: a callback may return any thenable
							get then() {
								throw new Error('thrown by then');
							},
						}),
						// biome-ignore lint/suspicious/noThenProperty: a callback may return any thenable
						() => ({ then: (/** @type {any} */ _, /** @type {any} */ reject) => reject(new Error('rejected')) }),
					];
					for (const onClose of failures) {
						const manager = make({ onClose: /** @type {any} */ (onClose), maxQueuedBytes: 10 });
						const enqueue = () => {
							throw new Error('thrown by a controller');
						};
						manager.create('gone', { enqueue, close() {} });
						manager.create('slow', openStream().controller);
						const [last] = crowd(manager, 1);
						manager.send(undefined, ofBytes(9));
						manager.send(undefined, ofBytes(9));
						crowd(manager, 1);
						manager.delete('0');
						assert.equal(last.messages.length, 2);
						await manager.close();
						assert.deepEqual(manager.stats().closed, { ...NONE, gone: 1, slow: 1, replaced: 1, deleted: 1 });
					}
					await turn();
					await turn();
				} finally {
					process.off('unhandledRejection', note);
				}
				assert.deepEqual(rejected, []);
			});

			test('lets it create, delete, send and close', async () => {
				/** @type {string[]} */
				const told = [];
				let closing = Promise.resolve();
				const manager = make({
					onClose(id, reason) {
						told.push(`${id} ${reason}`);
						if (reason === 'gone') {
							manager.create(id, again);
							manager.delete('b');
							manager.send(['a', 'c'], 'from onClose');
						}
						if (reason === 'deleted' && id === 'c') closing = manager.close();
					},
				});
				const again = fakeController();
				const enqueue = () => {
					throw new Error('thrown by a controller');
				};
				manager.create('a', { enqueue, close() {} });
				const [b, c] = [fakeController(), fakeController()];
				manager.create('b', b);
				manager.create('c', c);
				manager.send(['a', 'b', 'c'], 'message');
				assert.deepEqual(told, ['a gone', 'b deleted']);
				assert.deepEqual([b.messages, b.closed], [[], 1]);
				assert.deepEqual(c.messages, ['from onClose', 'message']);
				assert.equal(again.messages[0], 'from onClose');
				manager.delete('c');
				assert.throws(() => crowd(manager, 1), { code: 'ERR_MANAGER_CLOSED' });
				await closing;
				assert.deepEqual(told, ['a gone', 'b deleted', 'c deleted', 'a shutdown']);
			});

			test('tells each session’s end to the manager it is of', () => {
				const scope = `onClose ${where}`;
				const one = noting((options) => new InMemoryStreamSessionManager({ scope, ...options }));
				const other = noting((options) => new InMemoryStreamSessionManager({ scope, ...options }));
				crowd(one.manager, 1);
				crowd(other.manager, 1);
				one.manager.delete('0');
				assert.deepEqual([one.closings, other.closings], [[['0', 'replaced']], [['0', 'deleted']]]);
			});
		});

		describe('close()', () => {
			test('closes all streams behind what is queued, and resolves then', async () => {
				const { manager, closings } = noting(make);
				const stream = openStream();
				const bytes = openByteStream();
				manager.create('a', stream.controller);
				manager.create('b', bytes.controller);
				manager.send(undefined, 'message');
				await manager.close();
				assert.deepEqual(await stream.rest(), ['message']);
				assert.deepEqual(await bytes.rest(), ['message']);
				assert.deepEqual(closings, [
					['a', 'shutdown'],
					['b', 'shutdown'],
				]);
				assert.deepEqual([manager.size, manager.stats().closed], [0, { ...NONE, shutdown: 2 }]);
			});

			test('takes no more sessions from the call on, and everything else goes on', async () => {
				const manager = make();
				const closing = manager.close();
				assert.throws(() => manager.create('a', fakeController()), {
					name: 'Error',
					code: 'ERR_MANAGER_CLOSED',
					message: /InMemoryStreamSessionManager/,
				});
				await closing;
				manager.send(undefined, 'message');
				manager.delete('a');
				assert.equal(await manager.has('a'), false);
				await manager.flush();
			});

			test('closes some hundred in a turn of the event loop', async () => {
				const { manager, closings } = noting(make);
				crowd(manager, 1_000);
				const closing = manager.close();
				let most = 0;
				for (let before = 0; closings.length < 1_000; before = closings.length) {
					await turn();
					most = Math.max(most, closings.length - before);
				}
				assert.ok(most <= 512, `${most}`);
				await closing;
			});

			test('called twice closes once, and resolves for both', async () => {
				const { manager, closings } = noting(make);
				const [controller] = crowd(manager, 1);
				await Promise.all([manager.close(), manager.close({ drainMs: 10 }), manager.close()]);
				await manager.close();
				assert.deepEqual([controller.closed, closings.length], [1, 1]);
			});

			test('is what await using does', async () => {
				const { manager, closings } = noting(make);
				crowd(manager, 1);
				await manager[Symbol.asyncDispose]();
				assert.deepEqual(closings, [['0', 'shutdown']]);
				assert.throws(() => crowd(manager, 1), { code: 'ERR_MANAGER_CLOSED' });
			});

			test('rejects with a TypeError for options that are none, and closes nothing', async () => {
				const manager = make();
				crowd(manager, 1);
				for (const options of [
					null,
					1,
					[],
					{ drainMs: -1 },
					{ drainMs: 1.5 },
					{ drainMs: '5' },
					{ drainMs: 2 ** 31 },
				]) {
					await assert.rejects(manager.close(/** @type {any} */ (options)), { code: 'ERR_INVALID_ARG_TYPE' });
				}
				await assert.rejects(manager.close(/** @type {any} */ ({ drainMS: 1 })), { code: 'ERR_UNKNOWN_OPTION' });
				crowd(manager, 1, 1);
				assert.equal(manager.size, 2);
			});

			test('during a message in slices, feeds all of them before it closes them', () =>
				withSlowClock(async () => {
					const { manager, closings } = noting(make, { sliceMs: 1 });
					const controllers = crowd(manager, 300);
					manager.send(undefined, 'a');
					manager.send(['299'], 'b');
					await manager.close();
					for (const { messages, closed } of controllers.slice(0, -1)) assert.deepEqual([messages, closed], [['a'], 1]);
					assert.deepEqual(controllers.at(-1)?.messages, ['a', 'b']);
					assert.equal(closings.length, 300);
				}));

			test('feeds a session once what it has still to get, also where that makes its controller delete it', () =>
				withSlowClock(async () => {
					const { manager, closings } = noting(make, { sliceMs: 1 });
					crowd(manager, 200);
					const leaving = fakeController({ onEnqueue: () => manager.delete('leaving') });
					manager.create('leaving', leaving);
					const closing = manager.close();
					manager.send(undefined, 'bye');
					assert.deepEqual(leaving.messages, []);
					await closing;
					assert.deepEqual([leaving.messages, leaving.closed], [['bye'], 1]);
					assert.equal(closings.filter(([id]) => id === 'leaving').length, 1);
				}));

			for (const [with_, options] of /** @type {[string, StreamSessionManagerOptions][]} */ ([
				['', {}],
				[' and maxQueuedBytes', { maxQueuedBytes: 1_000 }],
				[' and coalesce', { coalesce: true }],
			])) {
				for (const [what, open] of Object.entries(STREAMS)) {
					test(`with drainMs${with_}, waits for a client who reads late, and cuts one who never does, of a stream that ${what}`, async () => {
						const { manager, closings } = noting(make, options);
						const [late, never] = [open(), open()];
						manager.create('late', late.controller);
						manager.create('never', never.controller);
						manager.send(undefined, 'one');
						await manager.flush();
						manager.send(undefined, 'two');
						const closing = manager.close({ drainMs: 200 });
						await turn();
						assert.deepEqual(closings, []);
						assert.equal((await read(late, 2)).join(' '), 'one two');
						assert.equal(await late.next(), undefined);
						assert.deepEqual(closings, [['late', 'shutdown']]);
						await closing;
						assert.deepEqual(closings, [
							['late', 'shutdown'],
							['never', 'shutdown'],
						]);
						await assert.rejects(never.next(), (error) => error instanceof SessionClosedError);
						await assert.rejects(never.next(), SHUTDOWN);
					});

					test(`with drainMs${with_}, ends at once where all is read, of a stream that ${what}`, async () => {
						const { manager, closings } = noting(make, options);
						const stream = open();
						manager.create('a', stream.controller);
						manager.send(undefined, 'one');
						assert.equal(await stream.next(), 'one');
						const start = performance.now();
						await manager.close({ drainMs: 1_000 });
						assert.ok(performance.now() - start < 800);
						assert.equal(await stream.next(), undefined);
						assert.deepEqual(closings, [['a', 'shutdown']]);
					});
				}

				test(`with drainMs${with_}, waits no longer for a client who has left without a word than for one who does not read`, async () => {
					const { manager, closings } = noting(make, options);
					const stream = openStream();
					manager.create('a', stream.controller);
					manager.send(undefined, 'one');
					await manager.flush();
					await stream.reader.cancel();
					const start = performance.now();
					await manager.close({ drainMs: 100 });
					assert.ok(performance.now() - start < 20_000);
					assert.deepEqual(closings, [['a', 'gone']]);
				});
			}

			test('with drainMs, closes controllers that do not tell', async () => {
				const manager = make();
				const controllers = crowd(manager, 300);
				await manager.close({ drainMs: 10_000 });
				assert.ok(controllers.every(({ closed }) => closed === 1));
			});
		});

		describe('diagnostics', () => {
			/** @param {(log: unknown[]) => unknown} act */
			async function listening(act) {
				/** @type {any[]} */
				const log = [];
				const names = ['session:created', 'session:closed', 'message:dropped'];
				const listeners = names.map(
					(name) =>
						/** @type {const} */ ([
							channel(`tmcp-native:${name}`),
							(/** @type {any} */ message) => void log.push([name, { ...message }]),
						]),
				);
				for (const [on, listener] of listeners) on.subscribe(listener);
				try {
					await act(log);
				} finally {
					for (const [on, listener] of listeners) on.unsubscribe(listener);
				}
			}

			test('tell of sessions that come and go, and of messages that are dropped', () =>
				listening(async (/** @type {any[]} */ log) => {
					const manager = make({ maxQueuedBytes: 10, onSlowClient: 'drop' });
					manager.create('a', openStream().controller);
					manager.send(['a'], ofBytes(9));
					manager.send(['a'], ofBytes(7));
					manager.create('a', fakeController());
					manager.delete('a');
					const [first] = log;
					const key = first[1].key;
					const other = log[2][1].key;
					assert.notEqual(key, other);
					const durations = log.map(([, { durationMs }]) => durationMs).filter((ms) => ms !== undefined);
					assert.ok(durations.length === 2 && durations.every((ms) => ms >= 0 && ms < 60_000));
					for (const [, message] of log) delete message.durationMs;
					assert.deepEqual(log, [
						['session:created', { id: 'a', key }],
						['message:dropped', { id: 'a', key, bytes: 7 }],
						['session:created', { id: 'a', key: other }],
						['session:closed', { id: 'a', key, reason: 'replaced' }],
						['session:closed', { id: 'a', key: other, reason: 'deleted' }],
					]);
				}));

			test('tell of nothing that was refused, and of the end of a session whose begin nobody heard', async () => {
				const manager = make({ maxSessions: 1 });
				crowd(manager, 1);
				await listening(async (/** @type {any[]} */ log) => {
					assert.throws(() => crowd(manager, 1, 1), { code: 'ERR_SESSION_LIMIT' });
					manager.delete('0');
					assert.equal(log.length, 1);
					const [[name, { id, reason, durationMs }]] = log;
					assert.deepEqual([name, id, reason, durationMs], ['session:closed', '0', 'deleted', undefined]);
				});
			});
		});

		describe('stats', () => {
			test('are right after each call', async () => {
				const manager = make({ maxQueuedBytes: 100 });
				const none = { sessions: 0, messages: 0, bytes: 0, dropped: 0, closed: NONE, queuedBytes: 0, mailboxBytes: 0 };
				assert.deepEqual(manager.stats(), none);
				const [a, b] = [openStream(), openStream()];
				manager.create('a', a.controller);
				manager.create('b', b.controller);
				assert.deepEqual(manager.stats(), { ...none, sessions: 2 });
				manager.send(['a', 'nobody'], 'é');
				assert.deepEqual(manager.stats(), { ...none, sessions: 2, messages: 1, bytes: 2, queuedBytes: 2 });
				manager.send([], 'é');
				manager.send(['nobody'], 'é');
				manager.send(undefined, 'xyz');
				assert.deepEqual(manager.stats(), { ...none, sessions: 2, messages: 3, bytes: 8, queuedBytes: 8 });
				await b.next();
				assert.deepEqual(manager.stats(), { ...none, sessions: 2, messages: 3, bytes: 8, queuedBytes: 5 });
				manager.delete('a');
				const closed = { ...NONE, deleted: 1 };
				assert.deepEqual(manager.stats(), { ...none, sessions: 1, messages: 3, bytes: 8, closed });
			});

			test('are a copy', () => {
				const manager = make();
				manager.stats().closed.deleted = 9;
				assert.equal(manager.stats().closed.deleted, 0);
			});

			test('count what streams were given: not what was for one that takes no more, or is cut', async () => {
				const manager = make({ maxQueuedBytes: 10 });
				const [cancelled, slow] = [openStream(), openStream()];
				manager.create('cancelled', cancelled.controller);
				manager.create('slow', slow.controller);
				await cancelled.reader.cancel();
				manager.send(undefined, ofBytes(9));
				assert.deepEqual([manager.stats().messages, manager.stats().bytes], [1, 9]);
				manager.send(['slow'], ofBytes(9));
				assert.deepEqual([manager.stats().messages, manager.stats().bytes], [1, 9]);
			});
		});

		describe('refuses', () => {
			const WRONG = [null, -1, 1.5, Number.NaN, '5', true, {}, 2n, 2 ** 53];
			for (const name of [
				'keepAliveMs',
				'maxQueuedBytes',
				'sliceMs',
				'maxSessions',
				'maxAgeMs',
				'deadAfterKeepAlives',
			]) {
				test(`a ${name} that is no whole number`, () => {
					for (const value of WRONG) {
						const options = /** @type {any} */ ({
							...(name === 'deadAfterKeepAlives' ? { keepAliveMs: 1_000 } : {}),
							[name]: value,
						});
						assert.throws(() => make(options), {
							name: 'TypeError',
							code: 'ERR_INVALID_ARG_TYPE',
							message: new RegExp(name),
						});
					}
				});
			}

			test('0 where it means nothing, and more than a timer takes', () => {
				for (const name of ['maxQueuedBytes', 'sliceMs', 'maxSessions', 'maxAgeMs']) {
					assert.throws(() => make({ [name]: 0 }), { code: 'ERR_INVALID_ARG_TYPE', message: new RegExp(name) });
				}
				for (const name of ['keepAliveMs', 'sliceMs', 'maxAgeMs']) {
					assert.throws(() => make({ [name]: 2 ** 31 }), { code: 'ERR_INVALID_ARG_TYPE', message: /2147483647/ });
				}
			});

			test('other values of another type', () => {
				for (const [name, value] of /** @type {[string, unknown][]} */ ([
					['coalesce', 'yes'],
					['coalesce', 1],
					['coalesce', null],
					['onClose', 'f'],
					['onClose', null],
					['onClose', {}],
				])) {
					assert.throws(() => make(/** @type {any} */ ({ [name]: value })), {
						code: 'ERR_INVALID_ARG_TYPE',
						message: new RegExp(`"${name}"`),
					});
				}
				for (const onSlowClient of ['Close', 'disconnect', null, 1]) {
					assert.throws(() => make(/** @type {any} */ ({ maxQueuedBytes: 1, onSlowClient })), {
						code: 'ERR_INVALID_ARG_TYPE',
						message: /'close' or 'drop'/,
					});
				}
			});

			test('an option that says nothing without another', () => {
				assert.throws(() => make({ onSlowClient: 'drop' }), {
					code: 'ERR_INVALID_ARG_TYPE',
					message: /maxQueuedBytes/,
				});
				assert.throws(() => make({ deadAfterKeepAlives: 2 }), { code: 'ERR_INVALID_ARG_TYPE', message: /keepAliveMs/ });
				assert.throws(() => make({ keepAliveMs: 0, deadAfterKeepAlives: 2 }), { code: 'ERR_INVALID_ARG_TYPE' });
			});

			test('an option that does not exist, and names the nearest', () => {
				for (const [name, meant] of [
					['keepAlive', 'keepAliveMs'],
					['maxQueueBytes', 'maxQueuedBytes'],
					['coalece', 'coalesce'],
					['onclose', 'onClose'],
				]) {
					assert.throws(() => make(/** @type {any} */ ({ [name]: 1 })), {
						code: 'ERR_UNKNOWN_OPTION',
						message: new RegExp(`did you mean "${meant}"`),
					});
				}
			});
		});

		test('takes the defaults of all options, given as such', async () => {
			const manager = make({
				pool: true,
				keepAliveMs: 0,
				deadAfterKeepAlives: undefined,
				maxQueuedBytes: undefined,
				onSlowClient: undefined,
				coalesce: false,
				sliceMs: undefined,
				maxSessions: Infinity,
				maxAgeMs: undefined,
				onClose: undefined,
			});
			const [controller] = crowd(manager, 1);
			manager.send(undefined, 'message');
			assert.deepEqual(controller.messages, ['message']);
		});
	});
}

test('a scope refuses another sliceMs than it has, and takes nothing of what was given with it', async () => {
	const scope = 'slices';
	const first = new InMemoryStreamSessionManager({ scope, sliceMs: 5 });
	assert.throws(() => new InMemoryStreamSessionManager({ scope, sliceMs: 6, maxMailboxBytes: 1_000 }), {
		name: 'TypeError',
		code: 'ERR_INVALID_ARG_VALUE',
		message: /"sliceMs" is 6.*set 5/,
	});
	new InMemoryStreamSessionManager({ scope, sliceMs: 5, maxMailboxBytes: 2_000 });
	new InMemoryStreamSessionManager({ scope });
	assert.equal(first.size, 0);
});

test('a message to a long list waits behind one to all, which goes on in slices', () =>
	withSlowClock(async () => {
		const manager = new InMemoryStreamSessionManager({ sliceMs: 1 });
		const controllers = crowd(manager, 3_000);
		const most = controllers.map((_, number) => `${number}`).slice(0, 2_000);
		manager.send(undefined, 'all ');
		manager.send(most, 'most');
		assert.ok(controllers.filter(({ messages }) => messages.length > 0).length < 3_000, 'nothing was done at once');
		await manager.flush();
		const got = controllers.map(({ messages }) => messages.join(''));
		assert.deepEqual(got, [...Array(2_000).fill('all most'), ...Array(1_000).fill('all ')]);
	}));

test('a session whose controller sends when it gets the last before its end gets nothing twice', () =>
	withSlowClock(async () => {
		const manager = new InMemoryStreamSessionManager({ sliceMs: 1 });
		const controllers = crowd(manager, 100);
		/** @type {string[]} */
		const got = [];
		manager.create('sends', {
			enqueue(chunk) {
				got.push(new TextDecoder().decode(chunk));
				for (let n = 0; n < 1_100; n++) manager.send(undefined, 'x');
			},
			close: () => got.push('closed'),
		});
		for (const data of ['a', 'b', 'c']) manager.send(undefined, data);
		manager.delete('sends');
		await manager.flush();
		assert.deepEqual(got, ['a', 'b', 'c', 'closed']);
		assert.equal(controllers[0].messages.length, 3 + 3 * 1_100);
	}));

test('a process with managers that have something to do regularly exits by itself', async () => {
	const { stdout } = await run(
		process.execPath,
		[fileURLToPath(new URL('../programs/open-managers-with-timers.js', import.meta.url))],
		{
			timeout: 30_000,
		},
	);
	assert.equal(stdout, 'ended\n');
});

/** A byte stream that nobody reads yet. @param {number} [highWaterMark] */
function bytes(highWaterMark = 0) {
	/** @type {any} */
	let controller;
	/** @param {any} given */
	const start = (given) => {
		controller = given;
	};
	const stream = new ReadableStream({ type: 'bytes', start }, { highWaterMark });
	return { stream, controller };
}
