// The option `sliceMs`: a message to many sessions is delivered in time slices, over several turns of the event loop.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { needsNative } from '../support/native.js';
import {
	createSessions,
	hubs,
	recordClosings,
	SLOW,
	textOfBytes,
	withClock,
	withSlowClock,
} from '../support/policy.js';
import { fakeController, openStream, text } from '../support/streams.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
		describe('with sliceMs', () => {
			const COUNT = 200;
			const LAST = `${COUNT - 1}`;

			test('delivers to many sessions over several turns of the event loop, so other work runs in between', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					const controllers = createSessions(manager, COUNT);
					manager.send(undefined, 'message');
					const delivered = () => controllers.filter(({ messages }) => messages.length > 0).length;
					assert.ok(delivered() > 0 && delivered() < COUNT / 2, `${delivered()}`);
					let turns = 0;
					for (; delivered() < COUNT; turns++) await turn();
					assert.ok(turns >= 3, `${turns}`);
					const { messages, bytes } = manager.stats();
					assert.deepEqual([messages, bytes], [COUNT, 7 * COUNT]);
				}));

			test('delivers at once if sliceMs is long enough', () => {
				const manager = make({ sliceMs: 60_000 });
				const controllers = createSessions(manager, COUNT);
				manager.send(undefined, 'message');
				assert.deepEqual(controllers.at(-1)?.messages, ['message']);
			});

			test('has delivered everything, in order for each session, when flush() resolves', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					const controllers = createSessions(manager, COUNT);
					manager.send(undefined, 'a');
					manager.send([LAST], 'b');
					manager.send(undefined, 'c');
					manager.send(['0', 'unknown', LAST, LAST], 'd');
					await turn();
					manager.send([LAST], 'e');
					await manager.flush();
					assert.deepEqual(controllers[0].messages, ['a', 'c', 'd']);
					assert.deepEqual(controllers.at(-1)?.messages, ['a', 'b', 'c', 'd', 'e']);
					for (const { messages } of controllers.slice(1, -1)) assert.deepEqual(messages, ['a', 'c']);
					assert.equal(manager.stats().messages, 2 * COUNT + 4);
				}));

			for (const [how, end] of /** @type {[string, (manager: any) => unknown][]} */ ([
				['deleted', (manager) => manager.delete(LAST)],
				['replaced', (manager) => manager.create(LAST, fakeController())],
			])) {
				test(`delivers to a session what was sent before it is ${how}, and nothing later`, () =>
					withSlowClock(async () => {
						const { manager, closings } = recordClosings(make, { sliceMs: 1 });
						const last = createSessions(manager, COUNT).at(-1);
						manager.send(undefined, 'a');
						manager.send([LAST], 'b');
						manager.send(undefined, 'c');
						end(manager);
						assert.deepEqual([last?.messages, last?.closed], [['a', 'b', 'c'], 1]);
						assert.deepEqual(closings, [[LAST, how]]);
						manager.send(undefined, 'd');
						await manager.flush();
						assert.deepEqual([last?.messages, last?.closed], [['a', 'b', 'c'], 1]);
					}));
			}

			test('delivers to a new session nothing that was sent before its creation', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					createSessions(manager, COUNT);
					manager.send(undefined, 'a');
					const [added] = createSessions(manager, 1, COUNT);
					const [replacing] = createSessions(manager, 1, COUNT - 1);
					manager.send([`${COUNT}`, LAST], 'b');
					manager.send(undefined, 'c');
					await manager.flush();
					assert.deepEqual(added.messages, ['b', 'c']);
					assert.deepEqual(replacing.messages, ['b', 'c']);
				}));

			for (const slice of ['the first', 'a later']) {
				test(`lets a controller send, create and delete from enqueue in ${slice} slice`, () =>
					withSlowClock(async () => {
						const manager = make({ sliceMs: 1 });
						const added = fakeController();
						const position = slice === 'the first' ? 0 : COUNT - 20;
						createSessions(manager, position);
						let calls = 0;
						const caller = fakeController({
							onEnqueue() {
								if (calls++ > 0) return;
								manager.send(undefined, 'b');
								manager.create('new', added);
								manager.send(['new', 'caller', LAST], 'c');
								manager.delete('deleted');
							},
						});
						const deleted = fakeController();
						manager.create('caller', caller);
						manager.create('deleted', deleted);
						const last = createSessions(manager, COUNT - position, position).at(-1);
						manager.send(undefined, 'a');
						await manager.flush();
						await manager.flush();
						assert.deepEqual(last?.messages, ['a', 'b', 'c']);
						assert.deepEqual(caller.messages, ['a', 'b', 'c']);
						assert.deepEqual(added.messages, ['c']);
						assert.equal(deleted.closed, 1);
						assert.deepEqual(await Promise.all(['new', 'caller', 'deleted'].map((id) => manager.has(id))), [
							true,
							true,
							false,
						]);
					}));
			}

			test('delivers to a session what was sent before a controller deletes it in a later slice', () =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					createSessions(manager, 100);
					manager.create('caller', fakeController({ onEnqueue: () => manager.delete('deleted') }));
					const deleted = fakeController();
					manager.create('deleted', deleted);
					createSessions(manager, 50, 100);
					manager.send(undefined, 'a');
					manager.send(['deleted'], 'b');
					assert.deepEqual(deleted.messages, []);
					await manager.flush();
					assert.deepEqual([deleted.messages, deleted.closed], [['a', 'b'], 1]);
				}));

			test('delivers to a session what was sent before onClose deletes it in a later slice', () =>
				withSlowClock(async () => {
					const manager = make({
						sliceMs: 1,
						onClose(id) {
							if (id === 'gone') manager.delete('other');
						},
					});
					createSessions(manager, 100);
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('gone', { enqueue, close() {} });
					const other = fakeController();
					manager.create('other', other);
					manager.send(undefined, 'a');
					manager.send(['other'], 'b');
					await manager.flush();
					assert.deepEqual([other.messages, other.closed], [['a', 'b'], 1]);
				}));

			test('delivers nothing more to a session whose controller throws for a pending message', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1 });
					createSessions(manager, COUNT);
					/** @type {string[]} */
					const calls = [];
					manager.create('a', {
						enqueue(chunk) {
							calls.push(text(chunk));
							throw new Error('thrown by a controller');
						},
						close() {},
					});
					manager.send(undefined, '1');
					manager.send(undefined, '2');
					manager.send(['a'], '3');
					manager.delete('a');
					assert.deepEqual(closings, [['a', 'gone']]);
					assert.deepEqual(calls, ['1']);
					await manager.flush();
					assert.deepEqual(calls, ['1']);
				}));

			test('ends the sessions whose controllers throw in a slice, and continues with the others', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1 });
					const controllers = createSessions(manager, 100);
					const enqueue = () => {
						throw new Error('thrown by a controller');
					};
					manager.create('a', { enqueue, close() {} });
					controllers.push(...createSessions(manager, 100, 100));
					manager.send(undefined, 'one');
					manager.send(['a'], 'two');
					manager.send(undefined, 'three');
					await manager.flush();
					assert.deepEqual(closings, [['a', 'gone']]);
					for (const { messages } of controllers) assert.deepEqual(messages, ['one', 'three']);
				}));

			for (const [what, count, data] of /** @type {const} */ ([
				['1,024 messages', 1_100, 'x'],
				['16 MiB', 20, textOfBytes(1024 * 1024)],
			])) {
				test(`delivers at once, in order, when more than ${what} are pending`, () =>
					withSlowClock(async () => {
						const manager = make({ sliceMs: 1 });
						const counts = Array.from({ length: 100 }, () => 0);
						for (const number of counts.keys()) {
							manager.create(`${number}`, {
								enqueue(chunk) {
									assert.equal(Number(text(chunk.subarray(0, 5))), counts[number]++);
								},
								close() {},
							});
						}
						for (let n = 0; n < count; n++) manager.send(undefined, `${n}`.padStart(5) + data);
						assert.ok(counts[99] > count / 2, `${counts[99]}`);
						await manager.flush();
						assert.deepEqual(new Set(counts), new Set([count]));
					}));
			}

			test('with coalesce, joins the messages of a turn to a stream, in order', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1, coalesce: true });
					const controllers = createSessions(manager, COUNT);
					for (const data of ['a', 'b', 'c']) manager.send(undefined, data);
					manager.send([LAST], 'd');
					manager.delete(LAST);
					assert.deepEqual([controllers.at(-1)?.messages, controllers.at(-1)?.closed], [['abcd'], 1]);
					await manager.flush();
					for (const { messages } of controllers.slice(0, -1)) assert.equal(messages.join(''), 'abc');
					assert.deepEqual(closings, [[LAST, 'deleted']]);
				}));

			test('with maxQueuedBytes, ends the stream of a slow client when a slice reaches it', () =>
				withSlowClock(async () => {
					const { manager, closings } = recordClosings(make, { sliceMs: 1, maxQueuedBytes: 10 });
					createSessions(manager, COUNT);
					const stream = openStream();
					manager.create('a', stream.controller);
					for (let n = 0; n < 3; n++) manager.send(undefined, 'message');
					assert.deepEqual(closings, []);
					await manager.flush();
					assert.deepEqual(closings, [['a', 'slow']]);
					await assert.rejects(stream.next(), SLOW);
				}));

			test('with keepAliveMs, sends no comment to a session with a pending message', () =>
				withClock(async (pass) => {
					const manager = make({ sliceMs: 1, keepAliveMs: 1_000 });
					const controllers = createSessions(manager, COUNT);
					await pass(950);
					await withSlowClock(async () => {
						manager.send(undefined, 'message');
						await pass(350);
						await manager.flush();
					});
					for (const { messages } of controllers) assert.deepEqual(messages, ['message']);
				}));
		});
	});
}

test('a scope refuses a different sliceMs, and ignores all other options of that call', needsNative, async () => {
	const scope = 'slices';
	const first = new InMemoryStreamSessionManager({ scope, sliceMs: 5 });
	assert.throws(() => new InMemoryStreamSessionManager({ scope, sliceMs: 6, maxMailboxBytes: 1_000 }), {
		name: 'TypeError',
		code: 'ERR_INVALID_ARG_VALUE',
		message: /"sliceMs" is 6.*set 5/,
	});
	new InMemoryStreamSessionManager({ scope, sliceMs: 5, maxMailboxBytes: 2_000 });
	new InMemoryStreamSessionManager({ scope });
	assert.equal(first.size, 0);
});

test('a message to a long list waits for an earlier sliced broadcast', () =>
	withSlowClock(async () => {
		const manager = new InMemoryStreamSessionManager({ sliceMs: 1 });
		const controllers = createSessions(manager, 3_000);
		const most = controllers.map((_, number) => `${number}`).slice(0, 2_000);
		manager.send(undefined, 'all ');
		manager.send(most, 'most');
		assert.ok(controllers.filter(({ messages }) => messages.length > 0).length < 3_000, 'a part is delivered later');
		await manager.flush();
		const got = controllers.map(({ messages }) => messages.join(''));
		assert.deepEqual(got, [...Array(2_000).fill('all most'), ...Array(1_000).fill('all ')]);
	}));

test('a session whose controller sends during its last deliveries gets no message twice', () =>
	withSlowClock(async () => {
		const manager = new InMemoryStreamSessionManager({ sliceMs: 1 });
		const controllers = createSessions(manager, 100);
		/** @type {string[]} */
		const got = [];
		manager.create('sends', {
			enqueue(chunk) {
				got.push(new TextDecoder().decode(chunk));
				for (let n = 0; n < 1_100; n++) manager.send(undefined, 'x');
			},
			close: () => got.push('closed'),
		});
		for (const data of ['a', 'b', 'c']) manager.send(undefined, data);
		manager.delete('sends');
		await manager.flush();
		assert.deepEqual(got, ['a', 'b', 'c', 'closed']);
		assert.equal(controllers[0].messages.length, 3 + 3 * 1_100);
	}));
