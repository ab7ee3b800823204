// How much memory the chunks keep that a client does not read. Chunks of several messages share a buffer.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { hubs, withSlowClock } from '../support/policy.js';
import { fakeController, openStream } from '../support/streams.js';
import { assertKeepsLittle, readAll } from '../support/unread-memory.js';

/** Sizes of messages: tiny ones, ones in a slab for short and for long texts, and ones with a buffer of their own. */
const SIZES = [1, 32, 100, 1_000, 1_025, 3_000, 8_000, 10_000, 13_653, 16_384, 40_000];
/** Bytes for other clients between two messages for the one that does not read. */
const BETWEEN = [0, 5_000, 40_000];

for (const { where, make, skip } of hubs) {
	describe(`the queue of a client that does not read, of a manager ${where},`, { skip }, () => {
		for (const size of SIZES) {
			test(`keeps at most twice its bytes and 64 KiB, with messages of ${size} bytes among other traffic`, async () => {
				for (const between of BETWEEN) {
					const manager = make();
					const [slow, fast] = [openStream(), openStream()];
					manager.create('slow', slow.controller);
					manager.create('fast', fast.controller);
					const reading = readAll(fast);
					const count = Math.min(1_000, Math.ceil(2_000_000 / (size + between)));
					for (let n = 0; n < count; n++) {
						for (let sent = 0; sent < between; sent += 1_000) manager.send(['fast'], 'y'.repeat(1_000));
						manager.send(['slow'], 'x'.repeat(size));
						if (n % 10 === 0) await turn();
					}
					manager.delete('slow');
					manager.delete('fast');
					assert.deepEqual((await assertKeepsLittle(slow)).chunks, count);
					await reading;
				}
			});
		}

		for (const [what, options, strategy] of /** @type {[string, object, QueuingStrategy?][]} */ ([
			['default options', {}],
			['keepAliveMs', { keepAliveMs: 1_000 }],
			['maxQueuedBytes', { maxQueuedBytes: 10_000_000 }],
			['coalesce', { coalesce: true }],
			['highWaterMark 0', {}, { highWaterMark: 0 }],
			['a highWaterMark of 16 chunks', {}, { highWaterMark: 16 }],
			['a highWaterMark in bytes', {}, new ByteLengthQueuingStrategy({ highWaterMark: 16_384 })],
			['an infinite highWaterMark', {}, { highWaterMark: Infinity }],
		])) {
			test(`keeps at most twice its bytes and 64 KiB, with messages of all sizes and ${what}`, async () => {
				const manager = make(options);
				const slow = openStream({}, strategy);
				manager.create('slow', slow.controller);
				manager.create('other', { enqueue() {}, close() {} });
				let sum = 0;
				for (let n = 0; n < 300; n++) {
					const size = 1 + ((n * 7919) % 9_000);
					manager.send(['other'], 'y'.repeat((n * 104_729) % 20_000));
					manager.send(n % 3 === 0 ? undefined : ['slow'], 'é'.repeat(size / 2));
					sum += 2 * Math.floor(size / 2);
					await turn();
				}
				manager.delete('slow');
				assert.equal((await assertKeepsLittle(slow)).bytes, sum);
			});
		}

		test('keeps at most twice its bytes and 64 KiB, when messages wait for a delivery in slices', () =>
			withSlowClock(async () => {
				const manager = make({ sliceMs: 1 });
				const slow = openStream();
				for (let n = 0; n < 100; n++) manager.create(`${n}`, { enqueue() {}, close() {} });
				manager.create('slow', slow.controller);
				for (let n = 0; n < 500; n++) {
					manager.send(undefined, 'y');
					for (let sent = 0; sent < 8_000; sent += 1_000) manager.send(['0'], 'x'.repeat(1_000));
				}
				await manager.flush();
				manager.delete('slow');
				assert.equal((await assertKeepsLittle(slow)).chunks, 500);
			}));

		test('shares its chunks with the queues of other clients that got the same messages', async () => {
			const manager = make();
			const streams = [openStream(), openStream()];
			for (const [id, { controller }] of streams.entries()) manager.create(`${id}`, controller);
			manager.create('other', fakeController());
			for (let n = 0; n < 100; n++) {
				manager.send(undefined, 'x'.repeat(100));
				for (let sent = 0; sent < 10; sent++) manager.send(['other'], 'y'.repeat(1_000));
			}
			manager.send(undefined, 'last');
			for (const id of manager.ids()) manager.delete(id);
			const lasts = await Promise.all(
				streams.map(async ({ reader }) => {
					let last;
					for (;;) {
						const { done, value } = await reader.read();
						if (done) return last;
						last = value;
					}
				}),
			);
			assert.equal(lasts[0]?.length, 4);
			assert.equal(lasts[0], lasts[1]);
			assert.equal(lasts[0]?.buffer.byteLength, 4);
		});

		test('does not copy the chunks of a client that reads everything, again after it was slow', async () => {
			const manager = make();
			const stream = openStream();
			manager.create('a', stream.controller);
			manager.create('other', fakeController());
			const send = (/** @type {number} */ count) => {
				for (let n = 0; n < count; n++) {
					manager.send(['a'], 'x'.repeat(100));
					for (let sent = 0; sent < 3; sent++) manager.send(['other'], 'y'.repeat(1_000));
				}
			};
			const copies = async (/** @type {number} */ count) => {
				let copied = 0;
				for (let n = 0; n < count; n++) {
					const { value } = await stream.reader.read();
					if (value?.buffer.byteLength === value?.length) copied++;
				}
				return copied;
			};
			send(100);
			const copied = await copies(100);
			assert.ok(copied > 50, `${copied} of 100 chunks of a client that does not read are copies`);
			let copiedWhileReading = 0;
			for (let n = 0; n < 100; n++) {
				send(1);
				copiedWhileReading += await copies(1);
			}
			// The queue is checked when the next slab begins, after at most three messages.
			assert.ok(copiedWhileReading <= 3, `${copiedWhileReading} of 100 chunks of a client that reads are copies`);
		});

		test('reads desiredSize once per slab, and not once per message', () => {
			const manager = make();
			let reads = 0;
			const controller = fakeController();
			Object.defineProperty(controller, 'desiredSize', { get: () => reads++ && 1 });
			manager.create('a', controller);
			for (let n = 0; n < 8_000; n++) manager.send(['a'], 'x'.repeat(8));
			// 64,000 bytes are eight slabs.
			assert.ok(reads < 12, `${reads} reads`);
		});
	});
}
