// The options `maxSessions` and `maxAgeMs`.

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { SessionLimitError } from '@tmcp-native/session-manager';

import { createSessions, hubs, NONE, recordClosings, withClock } from '../support/policy.js';
import { openStream } from '../support/streams.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
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

			test('reports each refused session in stats, on the channel and to onSessionLimit, and throws all the same', async () => {
				/** @type {unknown[]} */
				const calls = [];
				/** @type {unknown[]} */
				const published = [];
				const listen = (/** @type {any} */ event) => void published.push(event);
				subscribe('tmcp-native:session:refused', listen);
				const manager = make({
					maxSessions: 1,
					async onSessionLimit(error, id) {
						calls.push({ id, error });
						throw new Error('rejected by onSessionLimit');
					},
				});
				createSessions(manager, 1);
				assert.equal(manager.stats().refused, 0);
				for (const id of ['b', 'c']) {
					assert.throws(
						() => manager.create(id, openStream().controller),
						(error) => {
							assert.deepEqual(calls.at(-1), { id, error });
							return error instanceof SessionLimitError;
						},
					);
				}
				unsubscribe('tmcp-native:session:refused', listen);
				// A rejection that is not handled fails the test in this turn.
				await turn();
				assert.equal(manager.stats().refused, 2);
				assert.deepEqual(published, calls);
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
	});
}
