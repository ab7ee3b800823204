// The options of a stream manager, alone and combined, for a manager without a scope and for the only manager of a scope.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { InMemoryStreamSessionManager, SessionClosedError, SessionLimitError } from '@tmcp-native/session-manager';

import {
	createSessions,
	hubs,
	NONE,
	recordClosings,
	textOfBytes,
	withClock,
	withSlowClock,
} from '../support/policy.js';
import { fakeController, openByteStream, openStream, text } from '../support/streams.js';

/** @import { StreamSessionManagerOptions } from '@tmcp-native/session-manager' */

const run = promisify(execFile);

/** Streams whose `desiredSize` counts chunks, bytes or something else. @type {Record<string, () => any>} */
const STREAMS = {
	'counts chunks': () => openStream(),
	'counts chunks, with highWaterMark 0': () => openStream({}, { highWaterMark: 0 }),
	'counts chunks, with highWaterMark 16': () => openStream({}, { highWaterMark: 16 }),
	'counts bytes, with highWaterMark 0': () => openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 0 })),
	'counts bytes, with highWaterMark 64': () => openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 64 })),
	'counts bytes, with highWaterMark 16,384': () =>
		openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 16_384 })),
	'counts each chunk as three': () => openStream({}, { size: () => 3, highWaterMark: 4 }),
	'counts each byte as a tenth': () => openStream({}, { size: (chunk) => chunk.length / 10, highWaterMark: 1 }),
	'is a byte stream': () => openByteStream(),
};

/** Reads this number of messages. @param {any} stream @param {number} count */
async function read(stream, count) {
	const messages = [];
	for (let n = 0; n < count; n++) messages.push(await stream.next());
	return messages;
}

const encode = (/** @type {string} */ message) => new TextEncoder().encode(message);
const SLOW = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'slow' };
const DEAD = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'dead' };
const SHUTDOWN = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'shutdown' };

for (const { where, make } of hubs) {
	describe(`a manager ${where}`, () => {
		describe('counts queued bytes', () => {
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
								manager.send(['a'], textOfBytes(bytes));
								assert.equal(queued(), sum, 'in the same turn');
								await manager.flush();
								assert.equal(queued(), sum);
							}
							await stream.next();
							assert.equal(queued(), 90);
							await stream.next();
							assert.equal(queued(), 70);
							await stream.next();
							assert.equal(queued(), 0);
							// A message for a pending read is not queued.
							const next = stream.next();
							manager.send(['a'], textOfBytes(500));
							await manager.flush();
							assert.equal((await next).length, 500);
							assert.equal(queued(), 0);
						}
					});
				}
			}

			test('in a byte stream that is read in parts', async () => {
				const manager = make({ maxQueuedBytes: 150 });
				const { stream, controller } = unreadByteStream();
				manager.create('a', controller);
				manager.send(['a'], textOfBytes(100));
				const reader = stream.getReader({ mode: 'byob' });
				await reader.read(new Uint8Array(30));
				const { queuedBytes } = manager.stats();
				assert.ok(queuedBytes >= 70 && queuedBytes <= 100, `${queuedBytes}`);
				await reader.read(new Uint8Array(70));
				assert.equal(manager.stats().queuedBytes, 0);
				// A pending read takes a part of the chunk; the rest is queued.
				const part = reader.read(new Uint8Array(60));
				manager.send(['a'], textOfBytes(100));
				assert.equal((await part).value?.length, 60);
				const left = manager.stats().queuedBytes;
				assert.ok(left >= 40 && left <= 100, `${left}`);
				manager.send(['a'], textOfBytes(100));
				assert.equal(await manager.has('a'), left + 100 <= 150);
			});

			test('in a stream in which its transport enqueues chunks itself, before and after create', async () => {
				const manager = make({ maxQueuedBytes: 1_000 });
				const stream = openStream();
				stream.controller.enqueue(encode('before'));
				manager.create('a', stream.controller);
				manager.send(['a'], textOfBytes(100));
				assert.equal(manager.stats().queuedBytes, 100);
				assert.equal(await stream.next(), 'before');
				await stream.next();
				assert.equal(manager.stats().queuedBytes, 0);
				manager.send(['a'], textOfBytes(100));
				stream.controller.enqueue(encode('after'));
				manager.send(['a'], textOfBytes(50));
				await stream.next();
				const { queuedBytes } = manager.stats();
				assert.ok(queuedBytes >= 50 && queuedBytes <= 150, `${queuedBytes}`);
				await read(stream, 2);
				assert.equal(manager.stats().queuedBytes, 0);
			});

			test('in a stream whose pull reads from it', async () => {
				const manager = make({ maxQueuedBytes: 100 });
				/** @type {any} */
				let controller;
				/** @type {string[]} */
				const received = [];
				const reader = new ReadableStream(
					{
						start(given) {
							controller = given;
						},
						pull() {
							if (controller.desiredSize < 2) reader.read().then(({ value }) => received.push(text(value)));
						},
					},
					{ highWaterMark: 2 },
				).getReader();
				await turn();
				manager.create('a', controller);
				for (let n = 0; n < 20; n++) {
					manager.send(['a'], textOfBytes(90));
					await turn();
				}
				assert.equal(manager.stats().queuedBytes, 0);
				assert.equal(received.length, 20);
			});

			test('in a stream whose pull sends to it', async () => {
				const manager = make({ maxQueuedBytes: 1_000 });
				let left = 0;
				const stream = openStream(
					{
						pull() {
							if (left-- > 0) manager.send(['a'], textOfBytes(7));
						},
					},
					{ highWaterMark: 8 },
				);
				await turn();
				manager.create('a', stream.controller);
				left = 2;
				manager.send(['a'], textOfBytes(10));
				await turn();
				assert.equal(manager.stats().queuedBytes, 24);
				await read(stream, 3);
				assert.equal(manager.stats().queuedBytes, 0);
			});

			for (const [what, open] of Object.entries(STREAMS)) {
				test(`during many messages to a stream that ${what}, and does not treat a client as dead that has read everything`, () =>
					withClock(async (pass) => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 1_000_000, keepAliveMs: 1_000 });
						const stream = open();
						manager.create('a', stream.controller);
						/** @type {number[]} */
						const sizes = [];
						const queued = () => manager.stats().queuedBytes;
						const sum = () => sizes.reduce((sum, size) => sum + size, 0);
						for (let n = 0; n < 500; n++) {
							const bytes = 1 + ((n * 37) % 49);
							sizes.push(bytes);
							manager.send(['a'], textOfBytes(bytes));
							// In some rounds there are more reads than messages, in others fewer.
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
					const suffix = coalesce ? ', with coalesce' : '';
					test(`ends a stream that ${what} with an error at the message that exceeds the limit${suffix}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						manager.create('b', fakeController());
						manager.send(['a'], textOfBytes(60));
						manager.send(['a'], textOfBytes(40));
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

					test(`with onSlowClient 'drop', drops the message that exceeds the limit of a stream that ${what}${suffix}`, async () => {
						const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, onSlowClient: 'drop', coalesce });
						const stream = open();
						manager.create('a', stream.controller);
						manager.send(['a'], textOfBytes(90));
						manager.send(undefined, textOfBytes(11));
						manager.send(undefined, textOfBytes(10, 'y'));
						manager.send(['a'], 'z');
						await manager.flush();
						const { messages, bytes, dropped, queuedBytes } = manager.stats();
						assert.deepEqual([messages, bytes, dropped, queuedBytes], [2, 100, 2, 100]);
						manager.delete('a');
						assert.equal((await stream.rest()).join(''), textOfBytes(90) + textOfBytes(10, 'y'));
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
					manager.send(['a'], textOfBytes(90));
					manager.send(['a'], textOfBytes(20));
					await turn();
					assert.equal(log.at(-1), 'closed');
					assert.equal(log.filter((entry) => entry === 'closed').length, 1);
					assert.deepEqual(closings, [['a', 'slow']]);
				});
			}

			test("with onSlowClient 'drop', exceeds the limit by at most one message for a client that does not read", async () => {
				const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, onSlowClient: 'drop' });
				const stream = openStream();
				manager.create('a', stream.controller);
				manager.send(['a'], textOfBytes(90));
				for (let n = 0; n < 1_000; n++) manager.send(['a'], textOfBytes(50));
				const { dropped, queuedBytes } = manager.stats();
				assert.deepEqual([closings, dropped, queuedBytes], [[], 999, 140]);
			});

			test('keeps a byte stream that is exactly full, although its enqueue throws for an empty chunk', async () => {
				const { manager, closings } = recordClosings(make, { maxQueuedBytes: 100, onSlowClient: 'drop' });
				const { stream, controller } = unreadByteStream(90);
				manager.create('a', controller);
				manager.send(['a'], textOfBytes(90));
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
				assert.deepEqual(manager.ids(), ['other']);
				assert.equal(other.messages.length, 2);
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

		describe('with keepAliveMs', () => {
			const KEEP_ALIVE = ': keepalive\n\n';

			for (const [what, open] of Object.entries(STREAMS)) {
				test(`sends a comment to a stream that ${what} after keepAliveMs without a message`, () =>
					withClock(async (pass) => {
						const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000 });
						const stream = open();
						manager.create('a', stream.controller);
						for (let n = 0; n < 20; n++) {
							const next = stream.next();
							let waitedMs = 0;
							for (let isRead = false; !isRead && waitedMs < 2_000; waitedMs += 50) {
								next.then(() => {
									isRead = true;
								});
								await pass(50);
							}
							assert.ok(waitedMs >= 1_000 && waitedMs <= 1_250, `${waitedMs}`);
							assert.equal(await next, KEEP_ALIVE);
						}
						assert.deepEqual(closings, []);
						const { messages, bytes, queuedBytes } = manager.stats();
						assert.deepEqual([messages, bytes, queuedBytes], [0, 0, 0]);
					}));
			}

			test('sends none to a stream that gets a message in time', () =>
				withClock(async (pass) => {
					const manager = make({ keepAliveMs: 1_000 });
					const [busy, idle] = createSessions(manager, 2);
					for (let n = 0; n < 10; n++) {
						manager.send(['0'], `${n}`);
						await pass(750);
					}
					assert.equal(busy.messages.includes(KEEP_ALIVE), false);
					const comments = idle.messages.length;
					assert.ok(comments >= 6 && comments <= 7, `${comments}`);
				}));

			test('sends at most two to a stream that is not read: the second one checks whether the stream is still open', () =>
				withClock(async (pass) => {
					const manager = make({ keepAliveMs: 1_000, deadAfterKeepAlives: 0 });
					const stream = openStream();
					manager.create('a', stream.controller);
					await pass(10_000);
					assert.equal(manager.stats().queuedBytes, 2 * KEEP_ALIVE.length);
					manager.delete('a');
					assert.deepEqual(await stream.rest(), [KEEP_ALIVE, KEEP_ALIVE]);
				}));

			test('sends a separate chunk to each byte stream, and to each stream with pool: false', () =>
				withClock(async (pass) => {
					const manager = make({ keepAliveMs: 1_000, pool: false });
					const controllers = createSessions(manager, 2);
					await pass(1_250);
					const [one, two] = controllers.map(({ chunks }) => chunks[0].buffer);
					assert.notEqual(one, two);
					const streams = [openByteStream(), openByteStream()];
					for (const [number, stream] of streams.entries()) manager.create(`bytes ${number}`, stream.controller);
					await pass(1_250);
					assert.deepEqual(await Promise.all(streams.map((stream) => stream.next())), [KEEP_ALIVE, KEEP_ALIVE]);
				}));

			test('ends a stream with an error when its client reads nothing during three of them', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000 });
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

			test('closes a dead client even if it is sent more messages in the meantime', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000, deadAfterKeepAlives: 1 });
					manager.create('a', openStream().controller);
					for (let n = 0; n < 10; n++) {
						manager.send(['a'], 'message');
						await pass(250);
					}
					assert.deepEqual(closings, [['a', 'dead']]);
				}));

			test('does not close a client that reads one message in each keepAliveMs', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000, deadAfterKeepAlives: 1 });
					const stream = openStream();
					manager.create('a', stream.controller);
					for (let n = 0; n < 30; n++) manager.send(['a'], 'message');
					for (let n = 0; n < 10; n++) {
						await stream.next();
						await pass(1_000);
					}
					assert.deepEqual(closings, []);
				}));

			test('closes no client as dead if deadAfterKeepAlives is 0', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { keepAliveMs: 100, deadAfterKeepAlives: 0 });
					manager.create('a', openStream().controller);
					manager.send(['a'], 'message');
					await pass(5_000);
					assert.deepEqual(closings, []);
				}));

			test('closes a client as dead that has only read what its transport enqueued before create', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000 });
					const stream = openStream();
					stream.controller.enqueue(encode('before'));
					manager.create('a', stream.controller);
					await stream.next();
					manager.send(['a'], 'message');
					assert.equal(manager.stats().queuedBytes, 7);
					await pass(4_500);
					assert.deepEqual(closings, [['a', 'dead']]);
				}));

			for (const highWaterMark of [0, 1, 16]) {
				test(`notices that the client of a stream with highWaterMark ${highWaterMark} has left`, () =>
					withClock(async (pass) => {
						const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000 });
						const stream = openStream({}, { highWaterMark });
						manager.create('a', stream.controller);
						await stream.reader.cancel();
						await pass(5_000);
						assert.deepEqual(closings, [['a', 'gone']]);
					}));
			}

			test('ends the session of a controller that throws, and continues with the others', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000 });
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('a', { enqueue, close() {} });
					const [controller] = createSessions(manager, 1);
					await pass(1_250);
					assert.deepEqual(closings, [['a', 'gone']]);
					assert.deepEqual(controller.messages, [KEEP_ALIVE]);
				}));

			test('sends none to sessions of other managers', () =>
				withClock(async (pass) => {
					const scope = `keep-alive ${where}`;
					const one = new InMemoryStreamSessionManager({ scope, keepAliveMs: 1_000 });
					const other = new InMemoryStreamSessionManager({ scope });
					const [kept] = createSessions(one, 1);
					const [left] = createSessions(other, 1, 1);
					await pass(1_250);
					assert.deepEqual([kept.messages, left.messages], [[KEEP_ALIVE], []]);
				}));
		});

		describe('with coalesce', () => {
			test('joins the messages of one turn to a stream into one chunk, which is enqueued in a microtask', async () => {
				const manager = make({ coalesce: true });
				const [a, b] = createSessions(manager, 2);
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

			test('keeps every byte of short and long texts', async () => {
				const manager = make({ coalesce: true });
				const streams = Object.values(STREAMS).map((open) => open());
				for (const [number, stream] of streams.entries()) manager.create(`${number}`, stream.controller);
				const texts = ['é☃', '', 'x'.repeat(2_000), '\0', '\u{1f600}'.repeat(10_000), 'é'.repeat(70_000), 'end'];
				for (const data of texts) manager.send(undefined, data);
				for (const stream of streams) assert.equal(await stream.next(), texts.join(''));
			});

			test('shares one chunk between streams that get the same messages, except with pool: false', async () => {
				const manager = make({ coalesce: true });
				const [a, b] = createSessions(manager, 2);
				manager.send(undefined, 'one');
				manager.send(undefined, 'two');
				await Promise.resolve();
				assert.equal(a.chunks[0], b.chunks[0]);
				const unpooled = make({ coalesce: true, pool: false });
				const [c, d] = createSessions(unpooled, 2);
				unpooled.send(undefined, 'one');
				unpooled.send(undefined, 'two');
				await Promise.resolve();
				assert.notEqual(c.chunks[0].buffer, d.chunks[0].buffer);
			});

			for (const [how, end] of /** @type {[string, (manager: any) => unknown][]} */ ([
				['deleted', (manager) => manager.delete('0')],
				['replaced', (manager) => manager.create('0', fakeController())],
				['shutdown', (manager) => manager.close()],
			])) {
				test(`delivers everything before a stream is closed: ${how}`, async () => {
					const { manager, closings } = recordClosings(make, { coalesce: true });
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

			test('ends a session whose controller throws in the microtask, and delivers to the others', async () => {
				const { manager, closings } = recordClosings(make, { coalesce: true });
				const enqueue = () => {
					throw new Error('thrown by a controller');
				};
				manager.create('a', { enqueue, close() {} });
				const [controller] = createSessions(manager, 1);
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

			test('lets a controller call the manager from enqueue', async () => {
				const { manager, closings } = recordClosings(make, { coalesce: true });
				const last = fakeController();
				let calls = 0;
				const first = fakeController({
					onEnqueue() {
						if (calls++ > 0) return;
						manager.send(['last', 'first'], ' again');
						manager.delete('middle');
						manager.create('new', added);
						manager.send(['new'], 'hello');
					},
				});
				const added = fakeController();
				const middle = fakeController();
				manager.create('first', first);
				manager.create('middle', middle);
				manager.create('last', last);
				manager.send(undefined, 'message');
				await turn();
				assert.deepEqual(first.messages, ['message', ' again']);
				assert.equal(last.messages.join(''), 'message again');
				assert.deepEqual([middle.messages, middle.closed], [['message'], 1]);
				assert.deepEqual(added.messages, ['hello']);
				assert.deepEqual(closings, [['middle', 'deleted']]);
			});

			test('counts joined messages against maxQueuedBytes before they are enqueued', async () => {
				const { manager, closings } = recordClosings(make, {
					coalesce: true,
					maxQueuedBytes: 100,
					onSlowClient: 'drop',
				});
				const stream = openStream();
				manager.create('a', stream.controller);
				manager.send(['a'], textOfBytes(60));
				manager.send(['a'], textOfBytes(60, 'y'));
				manager.send(['a'], textOfBytes(40, 'z'));
				assert.equal(manager.stats().queuedBytes, 100);
				assert.equal(await stream.next(), textOfBytes(60) + textOfBytes(40, 'z'));
				assert.deepEqual([manager.stats().dropped, closings.length], [1, 0]);
			});

			test('has delivered everything when flush() resolves', async () => {
				const manager = make({ coalesce: true });
				const [a] = createSessions(manager, 1);
				manager.send(undefined, 'one');
				const flushed = manager.flush();
				await flushed;
				assert.deepEqual(a.messages, ['one']);
			});
		});

		describe('with sliceMs', () => {
			const COUNT = 200;
			const LAST = `${COUNT - 1}`;

			test('delivers to many sessions over several turns of the event loop, so other work runs in between', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					const controllers = createSessions(manager, COUNT);
					manager.send(undefined, 'message');
					const delivered = () => controllers.filter(({ messages }) => messages.length > 0).length;
					assert.ok(delivered() > 0 && delivered() < COUNT / 2, `${delivered()}`);
					let turns = 0;
					for (; delivered() < COUNT; turns++) await turn();
					assert.ok(turns >= 3, `${turns}`);
					const { messages, bytes } = manager.stats();
					assert.deepEqual([messages, bytes], [COUNT, 7 * COUNT]);
				}));

			test('delivers at once if sliceMs is long enough', () => {
				const manager = make({ sliceMs: 60_000 });
				const controllers = createSessions(manager, COUNT);
				manager.send(undefined, 'message');
				assert.deepEqual(controllers.at(-1)?.messages, ['message']);
			});

			test('has delivered everything, in order for each session, when flush() resolves', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					const controllers = createSessions(manager, COUNT);
					manager.send(undefined, 'a');
					manager.send([LAST], 'b');
					manager.send(undefined, 'c');
					manager.send(['0', 'unknown', LAST, LAST], 'd');
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
				test(`delivers to a session what was sent before it is ${how}, and nothing later`, () =>
					withSlowClock(async () => {
						const { manager, closings } = recordClosings(make, { sliceMs: 1 });
						const last = createSessions(manager, COUNT).at(-1);
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

			test('delivers to a new session nothing that was sent before its creation', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					createSessions(manager, COUNT);
					manager.send(undefined, 'a');
					const [added] = createSessions(manager, 1, COUNT);
					const [replacing] = createSessions(manager, 1, COUNT - 1);
					manager.send([`${COUNT}`, LAST], 'b');
					manager.send(undefined, 'c');
					await manager.flush();
					assert.deepEqual(added.messages, ['b', 'c']);
					assert.deepEqual(replacing.messages, ['b', 'c']);
				}));

			for (const slice of ['the first', 'a later']) {
				test(`lets a controller send, create and delete from enqueue in ${slice} slice`, () =>
					withSlowClock(async () => {
						const manager = make({ sliceMs: 1 });
						const added = fakeController();
						const position = slice === 'the first' ? 0 : COUNT - 20;
						createSessions(manager, position);
						let calls = 0;
						const caller = fakeController({
							onEnqueue() {
								if (calls++ > 0) return;
								manager.send(undefined, 'b');
								manager.create('new', added);
								manager.send(['new', 'caller', LAST], 'c');
								manager.delete('deleted');
							},
						});
						const deleted = fakeController();
						manager.create('caller', caller);
						manager.create('deleted', deleted);
						const last = createSessions(manager, COUNT - position, position).at(-1);
						manager.send(undefined, 'a');
						await manager.flush();
						await manager.flush();
						assert.deepEqual(last?.messages, ['a', 'b', 'c']);
						assert.deepEqual(caller.messages, ['a', 'b', 'c']);
						assert.deepEqual(added.messages, ['c']);
						assert.equal(deleted.closed, 1);
						assert.deepEqual(await Promise.all(['new', 'caller', 'deleted'].map((id) => manager.has(id))), [
							true,
							true,
							false,
						]);
					}));
			}

			test('delivers to a session what was sent before a controller deletes it in a later slice', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					createSessions(manager, 100);
					manager.create('caller', fakeController({ onEnqueue: () => manager.delete('deleted') }));
					const deleted = fakeController();
					manager.create('deleted', deleted);
					createSessions(manager, 50, 100);
					manager.send(undefined, 'a');
					manager.send(['deleted'], 'b');
					assert.deepEqual(deleted.messages, []);
					await manager.flush();
					assert.deepEqual([deleted.messages, deleted.closed], [['a', 'b'], 1]);
				}));

			test('delivers to a session what was sent before onClose deletes it in a later slice', () =>
				withSlowClock(async () => {
					const manager = make({
						sliceMs: 1,
						onClose(id) {
							if (id === 'gone') manager.delete('other');
						},
					});
					createSessions(manager, 100);
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('gone', { enqueue, close() {} });
					const other = fakeController();
					manager.create('other', other);
					manager.send(undefined, 'a');
					manager.send(['other'], 'b');
					await manager.flush();
					assert.deepEqual([other.messages, other.closed], [['a', 'b'], 1]);
				}));

			test('delivers nothing more to a session whose controller throws for a pending message', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1 });
					createSessions(manager, COUNT);
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

			test('ends the sessions whose controllers throw in a slice, and continues with the others', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1 });
					const controllers = createSessions(manager, 100);
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('a', { enqueue, close() {} });
					controllers.push(...createSessions(manager, 100, 100));
					manager.send(undefined, 'one');
					manager.send(['a'], 'two');
					manager.send(undefined, 'three');
					await manager.flush();
					assert.deepEqual(closings, [['a', 'gone']]);
					for (const { messages } of controllers) assert.deepEqual(messages, ['one', 'three']);
				}));

			for (const [what, count, data] of /** @type {const} */ ([
				['1,024 messages', 1_100, 'x'],
				['16 MiB', 20, textOfBytes(1024 * 1024)],
			])) {
				test(`delivers at once, in order, when more than ${what} are pending`, () =>
					withSlowClock(async () => {
						const manager = make({ sliceMs: 1 });
						const counts = Array.from({ length: 100 }, () => 0);
						for (const number of counts.keys()) {
							manager.create(`${number}`, {
								enqueue(chunk) {
									assert.equal(Number(text(chunk.subarray(0, 5))), counts[number]++);
								},
								close() {},
							});
						}
						for (let n = 0; n < count; n++) manager.send(undefined, `${n}`.padStart(5) + data);
						assert.ok(counts[99] > count / 2, `${counts[99]}`);
						await manager.flush();
						assert.deepEqual(new Set(counts), new Set([count]));
					}));
			}

			test('with coalesce, joins the messages of a turn to a stream, in order', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1, coalesce: true });
					const controllers = createSessions(manager, COUNT);
					for (const data of ['a', 'b', 'c']) manager.send(undefined, data);
					manager.send([LAST], 'd');
					manager.delete(LAST);
					assert.deepEqual([controllers.at(-1)?.messages, controllers.at(-1)?.closed], [['abcd'], 1]);
					await manager.flush();
					for (const { messages } of controllers.slice(0, -1)) assert.equal(messages.join(''), 'abc');
					assert.deepEqual(closings, [[LAST, 'deleted']]);
				}));

			test('with maxQueuedBytes, ends the stream of a slow client when a slice reaches it', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1, maxQueuedBytes: 10 });
					createSessions(manager, COUNT);
					const stream = openStream();
					manager.create('a', stream.controller);
					for (let n = 0; n < 3; n++) manager.send(undefined, 'message');
					assert.deepEqual(closings, []);
					await manager.flush();
					assert.deepEqual(closings, [['a', 'slow']]);
					await assert.rejects(stream.next(), SLOW);
				}));

			test('with keepAliveMs, sends no comment to a session with a pending message', () =>
				withClock(async (pass) => {
					const manager = make({ sliceMs: 1, keepAliveMs: 1_000 });
					const controllers = createSessions(manager, COUNT);
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
				const { manager, closings } = recordClosings(make, { maxSessions: 2 });
				const controllers = createSessions(manager, 2);
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

			test('accepts a stream that replaces another, and a new session after one has ended', () => {
				const { manager, closings } = recordClosings(make, { maxSessions: 2 });
				const [first] = createSessions(manager, 2);
				createSessions(manager, 2);
				assert.equal(first.closed, 1);
				manager.delete('0');
				createSessions(manager, 1, 2);
				assert.throws(() => createSessions(manager, 1, 3), { code: 'ERR_SESSION_LIMIT' });
				const enqueue = () => {
					throw new Error('thrown by a controller');
				};
				manager.create('1', { enqueue, close() {} });
				manager.send(['1'], 'message');
				createSessions(manager, 1, 3);
				assert.deepEqual(
					closings.map(([, reason]) => reason),
					['replaced', 'replaced', 'deleted', 'replaced', 'gone'],
				);
			});

			test('lets onClose create a session in place of the ended one', () => {
				const manager = make({
					maxSessions: 1,
					onClose(_, reason) {
						if (reason === 'deleted') createSessions(manager, 1, 1);
					},
				});
				createSessions(manager, 1);
				manager.delete('0');
				assert.deepEqual(manager.ids(), ['1']);
			});
		});

		describe('with maxAgeMs', () => {
			test('closes a stream at an age of 80 to 100 percent of maxAgeMs', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { maxAgeMs: 10_000 });
					/** Age of each session at its end. @type {number[]} */
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
							createSessions(manager, 1, made++);
						}
					}
					assert.equal(manager.size, 0);
					assert.equal(ages.length, made);
					assert.ok(Math.min(...ages) >= 8_000, `youngest ${Math.min(...ages)}`);
					assert.ok(Math.max(...ages) <= 10_000, `oldest ${Math.max(...ages)}`);
					assert.deepEqual(manager.stats().closed, { ...NONE, expired: made });
				}));

			test('does not close all at once the sessions that were created at once', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { maxAgeMs: 10_000 });
					createSessions(manager, 1_000);
					let most = 0;
					for (let time = 0; time < 10_000; time += 50) {
						const before = closings.length;
						await pass(50);
						most = Math.max(most, closings.length - before);
					}
					assert.equal(closings.length, 1_000);
					assert.ok(most <= 500, `${most} in one turn`);
				}));

			test('closes a stream after its queued messages, and also a stream that is not idle', () =>
				withClock(async (pass) => {
					const { manager, closings } = recordClosings(make, { maxAgeMs: 1_000, keepAliveMs: 500, coalesce: true });
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

			test('treats a stream that onClose creates as new', () =>
				withClock(async (pass) => {
					let made = 1;
					const manager = make({
						maxAgeMs: 1_000,
						onClose: () => {
							made++;
							createSessions(manager, 1);
						},
					});
					createSessions(manager, 1);
					await pass(5_000);
					assert.ok(made >= 5 && made <= 7, `${made}`);
				}));
		});

		describe('with onClose', () => {
			test('is called once for each session, with the reason, when its stream is closed', () => {
				/** @type {unknown[]} */
				const log = [];
				const manager = make({ onClose: (id, reason) => void log.push([id, reason, manager.ids()]) });
				const controller = { enqueue() {}, close: () => void log.push('closed') };
				manager.create('a', controller);
				manager.create('b', controller);
				manager.create('a', controller);
				manager.delete('a');
				manager.delete('a');
				manager.delete('unknown');
				assert.deepEqual(log, ['closed', ['a', 'replaced', ['b', 'a']], 'closed', ['a', 'deleted', ['b']]]);
				assert.deepEqual(manager.stats().closed, { ...NONE, replaced: 1, deleted: 1 });
			});

			for (const [how, end] of /** @type {[string, (stream: any) => unknown][]} */ ([
				['canceled', ({ reader }) => reader.cancel()],
				[
					'errored',
					({ controller, reader }) => [reader.closed.catch(() => {}), controller.error(new Error('errored'))],
				],
				['closed', ({ controller }) => controller.close()],
			])) {
				for (const [by, notice] of /** @type {[string, (manager: any) => unknown][]} */ ([
					['a message', (manager) => manager.send(['a'], 'message')],
					['a message to all', (manager) => manager.send(undefined, 'message')],
					['delete', (manager) => manager.delete('a')],
					['create of a new stream', (manager) => manager.create('a', fakeController())],
					['close()', (manager) => manager.close()],
				])) {
					test(`gets the reason 'gone' for a stream that was ${how} before, noticed by ${by}`, async () => {
						for (const options of [{}, { coalesce: true }, { maxQueuedBytes: 100 }, { keepAliveMs: 60_000 }]) {
							const { manager, closings } = recordClosings(make, options);
							const stream = openStream();
							manager.create('a', stream.controller);
							await end(stream);
							await notice(manager);
							await manager.flush();
							assert.deepEqual(closings, [['a', 'gone']]);
							assert.deepEqual(manager.stats().closed, { ...NONE, gone: 1 });
						}
					});
				}
			}

			test('may throw or reject without effect', async () => {
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
						const [last] = createSessions(manager, 1);
						manager.send(undefined, textOfBytes(9));
						manager.send(undefined, textOfBytes(9));
						createSessions(manager, 1);
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

			test('may create, delete, send and close', async () => {
				/** @type {string[]} */
				const calls = [];
				let closing = Promise.resolve();
				const manager = make({
					onClose(id, reason) {
						calls.push(`${id} ${reason}`);
						if (reason === 'gone') {
							manager.create(id, recreated);
							manager.delete('b');
							manager.send(['a', 'c'], 'from onClose');
						}
						if (reason === 'deleted' && id === 'c') closing = manager.close();
					},
				});
				const recreated = fakeController();
				const enqueue = () => {
					throw new Error('thrown by a controller');
				};
				manager.create('a', { enqueue, close() {} });
				const [b, c] = [fakeController(), fakeController()];
				manager.create('b', b);
				manager.create('c', c);
				manager.send(['a', 'b', 'c'], 'message');
				assert.deepEqual(calls, ['a gone', 'b deleted']);
				assert.deepEqual([b.messages, b.closed], [[], 1]);
				assert.deepEqual(c.messages, ['from onClose', 'message']);
				assert.equal(recreated.messages[0], 'from onClose');
				manager.delete('c');
				assert.throws(() => createSessions(manager, 1), { code: 'ERR_MANAGER_CLOSED' });
				await closing;
				assert.deepEqual(calls, ['a gone', 'b deleted', 'c deleted', 'a shutdown']);
			});

			test('is called by the manager that created the session', () => {
				const scope = `onClose ${where}`;
				const one = recordClosings((options) => new InMemoryStreamSessionManager({ scope, ...options }));
				const other = recordClosings((options) => new InMemoryStreamSessionManager({ scope, ...options }));
				createSessions(one.manager, 1);
				createSessions(other.manager, 1);
				one.manager.delete('0');
				assert.deepEqual([one.closings, other.closings], [[['0', 'replaced']], [['0', 'deleted']]]);
			});
		});

		describe('close()', () => {
			test('closes all streams after their queued messages, and then resolves', async () => {
				const { manager, closings } = recordClosings(make);
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

			test('refuses new sessions from the call on, while all other methods keep working', async () => {
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

			test('closes at most 512 streams in a turn of the event loop', async () => {
				const { manager, closings } = recordClosings(make);
				createSessions(manager, 1_000);
				const closing = manager.close();
				let most = 0;
				for (let before = 0; closings.length < 1_000; before = closings.length) {
					await turn();
					most = Math.max(most, closings.length - before);
				}
				assert.ok(most <= 512, `${most}`);
				await closing;
			});

			test('closes each stream once for several calls, and resolves for all of them', async () => {
				const { manager, closings } = recordClosings(make);
				const [controller] = createSessions(manager, 1);
				await Promise.all([manager.close(), manager.close({ drainMs: 10 }), manager.close()]);
				await manager.close();
				assert.deepEqual([controller.closed, closings.length], [1, 1]);
			});

			test('is what `await using` calls', async () => {
				const { manager, closings } = recordClosings(make);
				createSessions(manager, 1);
				await manager[Symbol.asyncDispose]();
				assert.deepEqual(closings, [['0', 'shutdown']]);
				assert.throws(() => createSessions(manager, 1), { code: 'ERR_MANAGER_CLOSED' });
			});

			test('rejects with a TypeError for invalid options, and closes nothing', async () => {
				const manager = make();
				createSessions(manager, 1);
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
				createSessions(manager, 1, 1);
				assert.equal(manager.size, 2);
			});

			test('during a sliced broadcast, delivers to all streams before it closes them', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1 });
					const controllers = createSessions(manager, 300);
					manager.send(undefined, 'a');
					manager.send(['299'], 'b');
					await manager.close();
					for (const { messages, closed } of controllers.slice(0, -1)) assert.deepEqual([messages, closed], [['a'], 1]);
					assert.deepEqual(controllers.at(-1)?.messages, ['a', 'b']);
					assert.equal(closings.length, 300);
				}));

			test('delivers a pending message once, even if the controller then deletes its session', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1 });
					createSessions(manager, 200);
					const leaving = fakeController({ onEnqueue: () => manager.delete('leaving') });
					manager.create('leaving', leaving);
					const closing = manager.close();
					manager.send(undefined, 'bye');
					assert.deepEqual(leaving.messages, []);
					await closing;
					assert.deepEqual([leaving.messages, leaving.closed], [['bye'], 1]);
					assert.equal(closings.filter(([id]) => id === 'leaving').length, 1);
				}));

			for (const [suffix, options] of /** @type {[string, StreamSessionManagerOptions][]} */ ([
				['', {}],
				[' and maxQueuedBytes', { maxQueuedBytes: 1_000 }],
				[' and coalesce', { coalesce: true }],
			])) {
				for (const [what, open] of Object.entries(STREAMS)) {
					test(`with drainMs${suffix}, waits for a client that reads late, and ends the stream of one that never reads, for a stream that ${what}`, async () => {
						const { manager, closings } = recordClosings(make, options);
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

					test(`with drainMs${suffix}, resolves at once if everything is read, for a stream that ${what}`, async () => {
						const { manager, closings } = recordClosings(make, options);
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

				test(`with drainMs${suffix}, waits for a client that has left no longer than for one that does not read`, async () => {
					const { manager, closings } = recordClosings(make, options);
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

			test('with drainMs, closes controllers without desiredSize', async () => {
				const manager = make();
				const controllers = createSessions(manager, 300);
				await manager.close({ drainMs: 10_000 });
				assert.ok(controllers.every(({ closed }) => closed === 1));
			});
		});

		describe('diagnostics', () => {
			/** @param {(log: unknown[]) => unknown} act */
			async function recordDiagnostics(act) {
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

			test('report sessions that are created and closed, and messages that are dropped', () =>
				recordDiagnostics(async (/** @type {any[]} */ log) => {
					const manager = make({ maxQueuedBytes: 10, onSlowClient: 'drop' });
					manager.create('a', openStream().controller);
					manager.send(['a'], textOfBytes(9));
					manager.send(['a'], textOfBytes(7));
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

			test('report no refused session, and report the end of a session whose creation had no listener', async () => {
				const manager = make({ maxSessions: 1 });
				createSessions(manager, 1);
				await recordDiagnostics(async (/** @type {any[]} */ log) => {
					assert.throws(() => createSessions(manager, 1, 1), { code: 'ERR_SESSION_LIMIT' });
					manager.delete('0');
					assert.equal(log.length, 1);
					const [[name, { id, reason, durationMs }]] = log;
					assert.deepEqual([name, id, reason, durationMs], ['session:closed', '0', 'deleted', undefined]);
				});
			});
		});

		describe('stats', () => {
			test('are correct after each call', async () => {
				const manager = make({ maxQueuedBytes: 100 });
				const none = { sessions: 0, messages: 0, bytes: 0, dropped: 0, closed: NONE, queuedBytes: 0, mailboxBytes: 0 };
				assert.deepEqual(manager.stats(), none);
				const [a, b] = [openStream(), openStream()];
				manager.create('a', a.controller);
				manager.create('b', b.controller);
				assert.deepEqual(manager.stats(), { ...none, sessions: 2 });
				manager.send(['a', 'unknown'], 'é');
				assert.deepEqual(manager.stats(), { ...none, sessions: 2, messages: 1, bytes: 2, queuedBytes: 2 });
				manager.send([], 'é');
				manager.send(['unknown'], 'é');
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

			test('count messages that were enqueued, not those for a stream that is closed or over its limit', async () => {
				const manager = make({ maxQueuedBytes: 10 });
				const [cancelled, slow] = [openStream(), openStream()];
				manager.create('cancelled', cancelled.controller);
				manager.create('slow', slow.controller);
				await cancelled.reader.cancel();
				manager.send(undefined, textOfBytes(9));
				assert.deepEqual([manager.stats().messages, manager.stats().bytes], [1, 9]);
				manager.send(['slow'], textOfBytes(9));
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
				test(`a ${name} that is not an integer`, () => {
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

			test('0 for a limit, and more milliseconds than a timer supports', () => {
				for (const name of ['maxQueuedBytes', 'sliceMs', 'maxSessions', 'maxAgeMs']) {
					assert.throws(() => make({ [name]: 0 }), { code: 'ERR_INVALID_ARG_TYPE', message: new RegExp(name) });
				}
				for (const name of ['keepAliveMs', 'sliceMs', 'maxAgeMs']) {
					assert.throws(() => make({ [name]: 2 ** 31 }), { code: 'ERR_INVALID_ARG_TYPE', message: /2147483647/ });
				}
			});

			test('values of another type', () => {
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

			test('an option that has no effect without another', () => {
				assert.throws(() => make({ onSlowClient: 'drop' }), {
					code: 'ERR_INVALID_ARG_TYPE',
					message: /maxQueuedBytes/,
				});
				assert.throws(() => make({ deadAfterKeepAlives: 2 }), { code: 'ERR_INVALID_ARG_TYPE', message: /keepAliveMs/ });
				assert.throws(() => make({ keepAliveMs: 0, deadAfterKeepAlives: 2 }), { code: 'ERR_INVALID_ARG_TYPE' });
			});

			test('an unknown option, and names the most similar known one', () => {
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

		test('accepts the default of each option as an explicit value', async () => {
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
			const [controller] = createSessions(manager, 1);
			manager.send(undefined, 'message');
			assert.deepEqual(controller.messages, ['message']);
		});
	});
}

test('a scope refuses a different sliceMs, and ignores all other options of that call', async () => {
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

test('a message to a long list waits for an earlier sliced broadcast', () =>
	withSlowClock(async () => {
		const manager = new InMemoryStreamSessionManager({ sliceMs: 1 });
		const controllers = createSessions(manager, 3_000);
		const most = controllers.map((_, number) => `${number}`).slice(0, 2_000);
		manager.send(undefined, 'all ');
		manager.send(most, 'most');
		assert.ok(controllers.filter(({ messages }) => messages.length > 0).length < 3_000, 'a part is delivered later');
		await manager.flush();
		const got = controllers.map(({ messages }) => messages.join(''));
		assert.deepEqual(got, [...Array(2_000).fill('all most'), ...Array(1_000).fill('all ')]);
	}));

test('a session whose controller sends during its last deliveries gets no message twice', () =>
	withSlowClock(async () => {
		const manager = new InMemoryStreamSessionManager({ sliceMs: 1 });
		const controllers = createSessions(manager, 100);
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

test('a process with managers that have timers exits on its own', async () => {
	const { stdout } = await run(
		process.execPath,
		[fileURLToPath(new URL('../programs/open-managers-with-timers.js', import.meta.url))],
		{
			timeout: 30_000,
		},
	);
	assert.equal(stdout, 'ended\n');
});

/** Opens a byte stream without a reader. @param {number} [highWaterMark] */
function unreadByteStream(highWaterMark = 0) {
	/** @type {any} */
	let controller;
	/** @param {any} given */
	const start = (given) => {
		controller = given;
	};
	const stream = new ReadableStream({ type: 'bytes', start }, { highWaterMark });
	return { stream, controller };
}
