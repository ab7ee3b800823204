// Intended differences between the stream managers of this package and upstream's. A test shows both sides where it can, so
// that it also fails when upstream changes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { upstream01, upstream03 } from '../support/implementations.js';
import { fakeController, openByteStream, openStream } from '../support/streams.js';

/** @import { Implementation } from '../support/implementations.js' */

/** @param {Pick<Implementation, 'make'>} implementation */
export function testStreamDifferences({ make }) {
	describe('create with the id of a live session', () => {
		test('closes the older stream at once, and the newer one gets all later messages', async () => {
			const manager = make();
			const [older, newer] = [openStream(), openStream()];
			manager.create('a', older.controller);
			manager.send(['a'], 'one');
			manager.create('a', newer.controller);
			manager.send(['a'], 'two');
			manager.delete('a');
			assert.deepEqual(await older.rest(), ['one']);
			assert.deepEqual(await newer.rest(), ['two']);
			assert.equal(manager.size, 0);
		});

		test('keeps the newer stream when the client of the older one leaves; upstream deletes it', async () => {
			for (const [manager, newerSurvives] of /** @type {const} */ ([
				[make(), true],
				[upstream03.make(), false],
			])) {
				// As in the transports: when a client leaves, its session is deleted.
				const source = { cancel: () => manager.delete('a') };
				const [older, newer] = [openStream(source), openStream(source)];
				manager.create('a', older.controller);
				manager.create('a', newer.controller);
				await older.reader.cancel();
				assert.equal(await manager.has('a'), newerSurvives);
			}
		});

		test('does not protect the newer stream if the client of the older one leaves unread messages: its cancel deletes the session', async () => {
			const manager = make();
			const older = openStream({ cancel: () => manager.delete('a') });
			manager.create('a', older.controller);
			manager.send(['a'], 'unread');
			manager.create('a', openStream().controller);
			await older.reader.cancel();
			assert.equal(await manager.has('a'), false);
		});

		test('acts as delete and create, so a broadcast in progress reaches the newer stream', () => {
			const manager = make();
			const [older, newer] = [fakeController(), fakeController()];
			manager.create('first', fakeController({ onEnqueue: () => manager.create('a', newer) }));
			manager.create('a', older);
			manager.send(undefined, 'x');
			assert.deepEqual([older.messages, older.closed, newer.messages], [[], 1, ['x']]);
		});

		test('accepts an older stream that is already closed', async () => {
			const manager = make();
			const [older, newer] = [openStream(), openStream()];
			manager.create('a', older.controller);
			older.controller.close();
			manager.create('a', newer.controller);
			manager.send(['a'], 'x');
			assert.equal(await newer.next(), 'x');
		});
	});

	test('a controller that throws does not keep the message from later sessions; in upstream 0.1.2 it does', () => {
		for (const [manager, isAborted] of /** @type {const} */ ([
			[make(), false],
			[upstream01.make(), true],
		])) {
			const last = fakeController();
			const stream = openStream();
			stream.controller.close();
			manager.create('gone', stream.controller);
			manager.create('last', last);
			const send = () => manager.send(undefined, 'x');
			if (isAborted) assert.throws(send, TypeError);
			else send();
			assert.deepEqual(last.messages, isAborted ? [] : ['x']);
		}
	});

	test('a controller that replaces its session and then throws does not end the new session; in upstream it does', async () => {
		for (const [manager, newerSurvives] of /** @type {const} */ ([
			[make(), true],
			[upstream03.make(), false],
		])) {
			manager.create('a', {
				enqueue() {
					manager.delete('a');
					manager.create('a', fakeController());
					throw new Error('gone');
				},
				close() {},
			});
			manager.send(['a'], 'x');
			assert.equal(await manager.has('a'), newerSurvives);
		}
	});

	describe('chunks', () => {
		test('share one buffer for all sessions; upstream encodes one per session', () => {
			for (const [manager, shared] of /** @type {const} */ ([
				[make(), true],
				[upstream03.make(), false],
			])) {
				const [a, b] = [fakeController(), fakeController()];
				manager.create('a', a);
				manager.create('b', b);
				manager.send(undefined, 'x');
				assert.equal(a.chunks[0].buffer === b.chunks[0].buffer, shared);
			}
		});

		test('cannot be transferred, so no session can detach the buffer of the others', () => {
			for (const length of [10, 5_000, 100_000]) {
				const manager = make();
				const [a, b] = [fakeController(), fakeController()];
				manager.create('a', a);
				manager.create('b', b);
				manager.send(undefined, 'x'.repeat(length));
				try {
					// Node 20 copies the buffer, later versions throw.
					structuredClone(a.chunks[0], { transfer: [a.chunks[0].buffer] });
				} catch (error) {
					const expected = 'Deno' in globalThis ? 'TypeError' : 'DataCloneError';
					assert.equal(/** @type {Error} */ (error).name, expected);
				}
				assert.equal(a.chunks[0].length, length);
				assert.equal(b.chunks[0].length, length);
			}
		});

		test('of later messages are complete after the buffer of one was detached', () => {
			for (const length of [10, 5_000, 100_000]) {
				const manager = make();
				const a = fakeController();
				manager.create('a', a);
				manager.send(['a'], 'x'.repeat(length));
				try {
					// Node 20 and 22 detach the buffer, later versions throw.
					new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(a.chunks[0]) });
				} catch (error) {
					assert.ok(error instanceof TypeError);
				}
				manager.send(['a'], 'y'.repeat(length));
				assert.equal(a.messages[1], 'y'.repeat(length));
			}
		});

		test('with { pool: false } have one buffer each, which holds nothing else and can be transferred', () => {
			for (const length of [10, 5_000, 100_000]) {
				const manager = make({ pool: false });
				const [a, b] = [fakeController(), fakeController()];
				manager.create('a', a);
				manager.create('b', b);
				manager.send(undefined, 'x'.repeat(length));
				assert.equal(a.chunks[0].buffer.byteLength, length);
				structuredClone(a.chunks[0], { transfer: [a.chunks[0].buffer] });
				assert.equal(b.chunks[0].length, length);
			}
		});

		test('have their own buffer in byte streams, whose enqueue detaches it', async () => {
			const manager = make();
			const bytes = openByteStream();
			const fake = fakeController();
			manager.create('bytes', bytes.controller);
			manager.create('fake', fake);
			for (let n = 0; n < 3; n++) manager.send(undefined, `message ${n}`);
			manager.delete('bytes');
			assert.deepEqual(await bytes.rest(), ['message 0', 'message 1', 'message 2']);
			assert.deepEqual(
				fake.chunks.map((chunk) => Buffer.from(chunk).toString()),
				fake.messages,
			);
		});
	});
}
