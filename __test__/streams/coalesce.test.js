// The option `coalesce`: the messages of one turn to a stream are joined into one chunk.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { createSessions, hubs, recordClosings, textOfBytes } from '../support/policy.js';
import { fakeController, openStream, STREAMS, text } from '../support/streams.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
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
				manager.send(['a'], textOfBytes(90));
				manager.send(['a'], textOfBytes(60, 'y'));
				assert.equal(manager.stats().queuedBytes, 150);
				await turn();
				manager.send(['a'], 'dropped');
				assert.equal(await stream.next(), textOfBytes(90) + textOfBytes(60, 'y'));
				manager.send(['a'], 'z');
				assert.equal(await stream.next(), 'z');
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
	});
}
