// The option `onClose`: when a stream manager calls it, with which reason, and what it may do.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { needsNative } from '../support/native.js';
import { createSessions, hubs, NONE, recordClosings, textOfBytes } from '../support/policy.js';
import { fakeController, openStream } from '../support/streams.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
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
						for (let n = 0; n < 3; n++) {
							manager.send(undefined, textOfBytes(9));
							await turn();
						}
						createSessions(manager, 1);
						manager.delete('0');
						assert.equal(last.messages.length, 3);
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

			test('is called by the manager that created the session', needsNative, () => {
				const scope = `onClose ${where}`;
				const one = recordClosings((options) => new InMemoryStreamSessionManager({ scope, ...options }));
				const other = recordClosings((options) => new InMemoryStreamSessionManager({ scope, ...options }));
				createSessions(one.manager, 1);
				createSessions(other.manager, 1);
				one.manager.delete('0');
				assert.deepEqual([one.closings, other.closings], [[['0', 'replaced']], [['0', 'deleted']]]);
			});
		});
	});
}
