// The options `keepAliveMs` and `deadAfterKeepAlives`: comments to idle streams, and the end of streams whose client does not
// read. Timers do not keep a process alive.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { needsNative } from '../support/native.js';
import { createSessions, DEAD, hubs, NONE, recordClosings, withClock } from '../support/policy.js';
import { encode, openByteStream, openStream, STREAMS } from '../support/streams.js';

const run = promisify(execFile);

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
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

			test('sends none to sessions of other managers', needsNative, () =>
				withClock(async (pass) => {
					const scope = `keep-alive ${where}`;
					const one = new InMemoryStreamSessionManager({ scope, keepAliveMs: 1_000 });
					const other = new InMemoryStreamSessionManager({ scope });
					const [kept] = createSessions(one, 1);
					const [left] = createSessions(other, 1, 1);
					await pass(1_250);
					assert.deepEqual([kept.messages, left.messages], [[KEEP_ALIVE], []]);
				}),
			);
		});
	});
}

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
