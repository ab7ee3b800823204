// `stats()` of a stream manager, and its diagnostics channels.

import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { createSessions, hubs, NONE, textOfBytes } from '../support/policy.js';
import { fakeController, openStream } from '../support/streams.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
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
					manager.send(['a'], textOfBytes(11));
					await turn();
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
				const none = {
					sessions: 0,
					direct: 0,
					messages: 0,
					bytes: 0,
					dropped: 0,
					refused: 0,
					closed: NONE,
					queuedBytes: 0,
					mailboxBytes: 0,
				};
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
				manager.send(undefined, textOfBytes(11));
				assert.deepEqual([manager.stats().messages, manager.stats().bytes], [1, 11]);
				await turn();
				manager.send(['slow'], textOfBytes(9));
				assert.deepEqual([manager.stats().messages, manager.stats().bytes], [1, 11]);
			});
		});
	});
}
