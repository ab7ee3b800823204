// `close()` of a stream manager, and its option `drainMs`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { SessionClosedError } from '@tmcp-native/session-manager';

import { createSessions, hubs, NONE, recordClosings, SHUTDOWN, withClock, withSlowClock } from '../support/policy.js';
import { fakeController, openByteStream, openStream, read, STREAMS } from '../support/streams.js';

/** @import { StreamSessionManagerOptions } from '@tmcp-native/session-manager' */

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
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

			test('rejects for invalid options, and closes nothing', async () => {
				const manager = make();
				createSessions(manager, 1);
				for (const options of [null, 1, [], { drainMs: '5' }]) {
					await assert.rejects(manager.close(/** @type {any} */ (options)), {
						name: 'TypeError',
						code: 'ERR_INVALID_ARG_TYPE',
					});
				}
				for (const drainMs of [-1, 1.5, NaN, 2 ** 31]) {
					await assert.rejects(manager.close({ drainMs }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
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
					test(`with drainMs${suffix}, waits for a client that reads late, and ends the stream of one that never reads, for a stream that ${what}`, () =>
						withClock(async (pass) => {
							const { manager, closings } = recordClosings(make, options);
							const [late, never] = [open(), open()];
							manager.create('late', late.controller);
							manager.create('never', never.controller);
							manager.send(undefined, 'one');
							await manager.flush();
							manager.send(undefined, 'two');
							const closing = manager.close({ drainMs: 200 });
							await pass(100);
							assert.deepEqual(closings, []);
							assert.equal((await read(late, 2)).join(' '), 'one two');
							await pass(50);
							assert.equal(await late.next(), undefined);
							assert.deepEqual(closings, [['late', 'shutdown']]);
							await pass(50);
							await closing;
							assert.deepEqual(closings, [
								['late', 'shutdown'],
								['never', 'shutdown'],
							]);
							await assert.rejects(never.next(), (error) => error instanceof SessionClosedError);
							await assert.rejects(never.next(), SHUTDOWN);
						}));

					test(`with drainMs${suffix}, resolves at once if everything is read, for a stream that ${what}`, () =>
						withClock(async () => {
							const { manager, closings } = recordClosings(make, options);
							const stream = open();
							manager.create('a', stream.controller);
							manager.send(undefined, 'one');
							assert.equal(await stream.next(), 'one');
							await manager.close({ drainMs: 1_000 });
							assert.equal(await stream.next(), undefined);
							assert.deepEqual(closings, [['a', 'shutdown']]);
						}));
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
	});
}
