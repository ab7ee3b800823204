// A controller with no method but `enqueue`, as in tests of programs. Where the manager closes a stream, or ends it with an
// error, there is nothing to call: the session ends as any other, with the same reason.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { hubs, NONE, recordClosings, textOfBytes, withClock } from '../support/policy.js';
import { fakeController, text } from '../support/streams.js';

/** Options with which a session is plain, and options with which it is monitored. */
const PLAIN_AND_MONITORED = [{}, { coalesce: true }, { maxQueuedBytes: 100 }, { keepAliveMs: 60_000 }];

/**
 * Returns a controller with the method `enqueue`, but without `close` and `error`. With a high-water mark, its `desiredSize`
 * falls by 1 with each chunk.
 *
 * @param {number} [highWaterMark]
 */
function controllerWithoutClose(highWaterMark) {
	/** @type {string[]} */
	const messages = [];
	return {
		messages,
		/** @param {Uint8Array} chunk */
		enqueue: (chunk) => void messages.push(text(chunk)),
		get desiredSize() {
			return highWaterMark === undefined ? undefined : highWaterMark - messages.length;
		},
	};
}

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}, with a controller without close`, { skip }, () => {
		for (const [reason, end] of /** @type {[string, (manager: any) => unknown][]} */ ([
			['deleted', (manager) => manager.delete('a')],
			['replaced', (manager) => manager.create('a', fakeController())],
			['shutdown', (manager) => manager.close()],
			['shutdown', (manager) => manager.close({ drainMs: 1_000 })],
		])) {
			test(`ends the session with the reason '${reason}': ${String(end).split('=> ')[1]}`, async () => {
				for (const options of PLAIN_AND_MONITORED) {
					const { manager, closings } = recordClosings(make, options);
					const controller = controllerWithoutClose();
					manager.create('a', controller);
					manager.send(['a'], 'message');
					await end(manager);
					manager.send(undefined, 'to all');
					await manager.flush();
					assert.deepEqual(controller.messages, ['message']);
					assert.deepEqual(closings, [['a', reason]]);
					assert.deepEqual(manager.stats().closed, { ...NONE, [reason]: 1 });
				}
			});
		}

		test("ends the session with the reason 'shutdown' when its client has not read everything within drainMs", async () => {
			const { manager, closings } = recordClosings(make);
			const controller = controllerWithoutClose(1);
			manager.create('a', controller);
			manager.send(['a'], 'message');
			await manager.close({ drainMs: 1 });
			assert.deepEqual([controller.messages, closings, manager.size], [['message'], [['a', 'shutdown']], 0]);
		});

		test("ends the session of a slow client with the reason 'slow'", async () => {
			const { manager, closings } = recordClosings(make, { maxQueuedBytes: 10 });
			const controller = controllerWithoutClose(1);
			manager.create('a', controller);
			for (const letter of ['x', 'y', 'z']) {
				manager.send(['a'], textOfBytes(8, letter));
				await turn();
			}
			assert.deepEqual([controller.messages, closings], [[textOfBytes(8), textOfBytes(8, 'y')], [['a', 'slow']]]);
			assert.equal(manager.size, 0);
		});

		test("ends the session of a client that reads nothing with the reason 'dead'", () =>
			withClock(async (pass) => {
				const { manager, closings } = recordClosings(make, { keepAliveMs: 1_000, deadAfterKeepAlives: 1 });
				const controller = controllerWithoutClose(2);
				manager.create('a', controller);
				manager.send(['a'], 'message');
				await pass(5_000);
				assert.deepEqual([controller.messages, closings, manager.size], [['message'], [['a', 'dead']], 0]);
			}));

		test("ends the session after maxAgeMs with the reason 'expired'", () =>
			withClock(async (pass) => {
				const { manager, closings } = recordClosings(make, { maxAgeMs: 1_000 });
				const controller = controllerWithoutClose();
				manager.create('a', controller);
				await pass(2_000);
				manager.send(undefined, 'message');
				assert.deepEqual([controller.messages, closings, manager.size], [[], [['a', 'expired']], 0]);
			}));

		test("ends the session with the reason 'gone' when enqueue throws", () => {
			const { manager, closings } = recordClosings(make);
			manager.create('a', {
				enqueue() {
					throw new TypeError('closed');
				},
			});
			manager.send(['a'], 'message');
			assert.deepEqual([closings, manager.size], [[['a', 'gone']], 0]);
		});
	});
}
