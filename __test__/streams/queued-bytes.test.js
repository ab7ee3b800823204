// How many bytes a stream manager counts in the queue of each kind of stream. `maxQueuedBytes` limits this number, and
// `stats().queuedBytes` reports the sum.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { hubs, recordClosings, textOfBytes, withClock } from '../support/policy.js';
import { encode, openStream, read, STREAMS, text, unreadByteStream } from '../support/streams.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
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
				const all = manager.stats().queuedBytes;
				assert.ok(all >= 140 && all <= 200, `${all}`);
				await turn();
				manager.send(['a'], textOfBytes(100));
				assert.equal(await manager.has('a'), all <= 150);
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
	});
}
