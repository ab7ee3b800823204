// The options of a stream manager for its streams, in a scope that several threads share.

import assert from 'node:assert/strict';
import { after, afterEach, describe, test as testOf } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { NONE, withClock } from '../support/policy.js';
import { fakeController, openStream } from '../support/streams.js';
import { block, newScope, openHere, releaseAll, Thread } from '../support/threads/threads.js';
import { readAll } from '../support/unread-memory.js';
import { until } from '../support/until.js';

/** @import { StreamSessionManagerOptions } from '@tmcp-native/session-manager' */

const workers = [new Thread(), new Thread()];
after(() => Promise.all(workers.map((worker) => worker.terminate())));
afterEach(releaseAll);

/**
 * Defines a test with a timeout, so that a test that waits forever fails alone.
 *
 * @param {string} name
 * @param {() => unknown} what
 */
const test = (name, what) => testOf(name, { timeout: 30_000 }, what);

/**
 * Managers of one new scope in the main thread and in two workers. The one in the main thread records `onClose` calls.
 *
 * @param {StreamSessionManagerOptions} [options]
 */
async function inOneScope(options) {
	const scope = newScope();
	/** @type {[string, string][]} */
	const closings = [];
	const onClose = (/** @type {string} */ id, /** @type {string} */ reason) => void closings.push([id, reason]);
	const [one, two] = await Promise.all(workers.map((worker) => worker.open({ scope, ...options })));
	const here = openHere({ scope, ...options, onClose });
	return { here, manager: here.driver.manager, one, two, closings, scope };
}

/** @param {string[]} messages */
const open = (...messages) => ({ messages, closed: 0 });

/** @param {string[]} messages */
const closed = (...messages) => ({ messages, closed: 1 });

describe('onClose, for a session that another thread', () => {
	test('deletes, is called once, after the messages that the thread sent before', async () => {
		const { here, one, closings } = await inOneScope();
		await here.do('create', 'a');
		await one.do('send', ['a'], 'last');
		await one.do('delete', 'a');
		await one.do('flush');
		assert.deepEqual(closings, [['a', 'deleted']]);
		assert.deepEqual(await here.do('seen', 'a'), [closed('last')]);
		assert.deepEqual((await here.do('stats')).closed, { ...NONE, deleted: 1 });
		assert.deepEqual((await one.do('stats')).closed, NONE);
	});

	test('replaces, is called once', async () => {
		const { here, one, two, closings } = await inOneScope();
		await here.do('create', 'a');
		await one.do('create', 'a');
		await two.do('create', 'a');
		await two.do('flush');
		await one.do('flush');
		assert.deepEqual(closings, [['a', 'replaced']]);
		assert.deepEqual((await one.do('stats')).closed, { ...NONE, replaced: 1 });
		assert.deepEqual((await two.do('stats')).closed, NONE);
	});

	test('deletes after its client has left, reports "gone"', async () => {
		const { manager, one, closings } = await inOneScope();
		const stream = openStream();
		manager.create('a', stream.controller);
		await stream.reader.cancel();
		await one.do('delete', 'a');
		await one.do('flush');
		assert.deepEqual(closings, [['a', 'gone']]);
	});

	for (const options of /** @type {StreamSessionManagerOptions[]} */ ([
		{},
		{ coalesce: true },
		{ maxQueuedBytes: 100 },
	])) {
		test(`replaces while its client leaves, is called once, and the \`delete\` of \`cancel\` does not end the newer session, with ${JSON.stringify(options)}`, async () => {
			for (const data of ['', 'message']) {
				const { manager, one, closings } = await inOneScope(options);
				const stream = openStream({ cancel: () => manager.delete('a') });
				manager.create('a', stream.controller);
				// This thread must not drain its mailbox meanwhile, so the worker reports by shared memory.
				const flag = new Int32Array(new SharedArrayBuffer(4));
				one.run(
					({ manager, tools }, flag, data) => {
						if (data) manager.send(['a'], data);
						manager.create('a', tools.fakeController());
						Atomics.store(flag, 0, 1);
						Atomics.notify(flag, 0);
					},
					flag,
					data,
				);
				Atomics.wait(flag, 0, 0);
				await stream.reader.cancel();
				assert.equal(await manager.has('a'), true, `with ${JSON.stringify(data)} pending`);
				await one.do('flush');
				assert.equal(closings.length, 1);
				assert.equal(await one.do('has', 'a'), true);
			}
		});
	}

	test('replaces, and whose own onClose creates it again, is called once in each thread', async () => {
		const { here, one, closings, scope } = await inOneScope();
		await one.run(({ tools, own }, scope) => {
			own.closings = [];
			own.noting = new tools.InMemoryStreamSessionManager({
				scope,
				onClose: (/** @type {string} */ id, /** @type {string} */ reason) => {
					own.closings.push([id, reason]);
					if (reason === 'replaced') own.noting.create(id, tools.fakeController());
				},
			});
			own.noting.create('a', tools.fakeController());
		}, scope);
		await here.do('create', 'a');
		await here.do('flush');
		assert.deepEqual(await one.run(({ own }) => own.closings), [['a', 'replaced']]);
		await one.do('flush');
		assert.deepEqual(closings, [['a', 'replaced']]);
		assert.equal(await here.do('size'), 1);
	});
});

describe('overflow', () => {
	test('is reported to onClose once for each session of the thread, and in no other thread', async () => {
		const { here, manager, one, two, closings } = await inOneScope({ maxMailboxBytes: 1_000 });
		await here.do('create', 'a');
		await here.do('create', 'b');
		await two.do('create', 'c');
		const flag = new Int32Array(new SharedArrayBuffer(4));
		const sent = one.run(({ manager }, flag) => {
			for (let n = 0; n < 100; n++) manager.send(['a'], 'x'.repeat(100));
			Atomics.store(flag, 0, 1);
			Atomics.notify(flag, 0);
		}, flag);
		Atomics.wait(flag, 0, 0);
		await sent;
		await one.do('flush');
		await until(() => closings.length === 2);
		assert.deepEqual(closings, [
			['a', 'overflow'],
			['b', 'overflow'],
		]);
		assert.deepEqual(manager.stats().closed, { ...NONE, overflow: 2 });
		assert.deepEqual((await two.do('stats')).closed, NONE);
		assert.deepEqual(manager.ids(), ['c']);
		await here.do('create', 'a');
		await one.do('send', ['a'], 'again');
		await one.do('flush');
		assert.deepEqual((await here.do('seen', 'a'))[1], open('again'));
	});

	test('closes a stream with pending chunks, and enqueues nothing after the close', async () => {
		const { manager, one, closings } = await inOneScope({ maxMailboxBytes: 1_000, coalesce: true });
		/** @type {string[]} */
		const log = [];
		manager.create('a', { enqueue: () => void log.push('enqueued'), close: () => void log.push('closed') });
		const older = openStream({ cancel: () => manager.delete('older') });
		manager.create('older', older.controller);
		const flag = new Int32Array(new SharedArrayBuffer(4));
		const sent = one.run(({ manager, tools }, flag) => {
			manager.create('older', tools.fakeController());
			for (let n = 0; n < 100; n++) manager.send(['a'], 'x'.repeat(100));
			Atomics.store(flag, 0, 1);
			Atomics.notify(flag, 0);
		}, flag);
		Atomics.wait(flag, 0, 0);
		manager.send(['a'], 'mine');
		// Drains the mailbox before the microtask of the coalesced burst runs.
		manager.delete('older');
		await sent;
		await until(() => closings.length === 2);
		await turn();
		assert.equal(log.at(-1), 'closed', log.join());
	});
});

describe('maxSessions', () => {
	test('counts the sessions of all threads, and is enforced in each', async () => {
		const { here, one, two, closings } = await inOneScope({ maxSessions: 3 });
		await here.do('create', 'a');
		await one.do('create', 'b');
		await two.do('create', 'c');
		for (const thread of [here, one, two]) {
			await assert.rejects(thread.do('create', 'd'), { code: 'ERR_SESSION_LIMIT' });
			assert.deepEqual(await thread.do('ids'), ['a', 'b', 'c']);
		}
		// A session that replaces another is not counted in addition, in any thread.
		await two.do('create', 'a');
		await two.do('flush');
		assert.deepEqual(closings, [['a', 'replaced']]);
		await here.do('delete', 'b');
		await here.do('create', 'd');
		await assert.rejects(one.do('create', 'e'), { code: 'ERR_SESSION_LIMIT' });
		assert.deepEqual(await one.do('ids'), ['c', 'a', 'd']);
	});

	test('is not exceeded by threads that create sessions at the same time', async () => {
		const { manager, one, two } = await inOneScope({ maxSessions: 50 });
		const create = (/** @type {any} */ { manager, tools }, /** @type {string} */ prefix) => {
			let made = 0;
			for (let n = 0; n < 100; n++) {
				try {
					manager.create(`${prefix}${n}`, tools.fakeController());
					made++;
				} catch (/** @type {any} */ error) {
					if (error.code !== 'ERR_SESSION_LIMIT') throw error;
				}
			}
			return made;
		};
		const made = await Promise.all([one.run(create, 'one'), two.run(create, 'two')]);
		assert.equal(made[0] + made[1], 50);
		assert.equal(manager.size, 50);
	});
});

describe('keepAliveMs', () => {
	test('sends comments to the streams of the manager that sets it, and to no other', () =>
		withClock(async (pass) => {
			const { here, one, scope } = await inOneScope();
			const keeping = openHere({ scope, keepAliveMs: 1_000 });
			await here.do('create', 'a');
			await keeping.do('create', 'b');
			await one.do('create', 'c');
			await pass(1_250);
			assert.deepEqual(await keeping.do('seen', 'b'), [open(': keepalive\n\n')]);
			assert.deepEqual(await here.do('seen', 'a'), [open()]);
			assert.deepEqual(await one.do('seen', 'c'), [open()]);
		}));

	test('sends no comment to a stream that gets messages of other threads', () =>
		withClock(async (pass) => {
			const { here, one } = await inOneScope({ keepAliveMs: 1_000 });
			await here.do('create', 'a');
			for (let n = 0; n < 4; n++) {
				await pass(500);
				await one.do('send', n % 2 ? ['a'] : undefined, `${n}`);
				await one.do('flush');
			}
			assert.deepEqual(await here.do('seen', 'a'), [open('0', '1', '2', '3')]);
		}));

	test('has a timer of its own in each thread', async () => {
		const { one, two } = await inOneScope({ keepAliveMs: 20, deadAfterKeepAlives: 0 });
		for (const thread of [one, two]) await thread.do('create', thread === one ? 'a' : 'b');
		await until(async () => (await one.do('seen', 'a'))[0].messages.length >= 2);
		await until(async () => (await two.do('seen', 'b'))[0].messages.length >= 2);
		assert.deepEqual(new Set((await one.do('seen', 'a'))[0].messages), new Set([': keepalive\n\n']));
	});
});

describe('maxQueuedBytes', () => {
	test('closes the stream, or drops messages, when other threads send too much', async () => {
		const { manager, one, closings, scope } = await inOneScope({ maxQueuedBytes: 10 });
		const dropping = openHere({ scope, maxQueuedBytes: 10, onSlowClient: 'drop' });
		const [slow, dropped] = [openStream(), openStream()];
		manager.create('slow', slow.controller);
		dropping.driver.manager.create('dropped', dropped.controller);
		for (const data of ['x'.repeat(9), 'y'.repeat(9), 'z']) {
			await one.do('send', undefined, data);
			await one.do('flush');
			await turn();
		}
		assert.deepEqual(closings, [['slow', 'slow']]);
		await assert.rejects(slow.next(), { code: 'ERR_SESSION_CLOSED', reason: 'slow' });
		assert.deepEqual([await dropped.next(), await dropped.next()], ['x'.repeat(9), 'y'.repeat(9)]);
		const { messages, bytes, dropped: count } = manager.stats();
		assert.deepEqual([messages, bytes, count], [4, 36, 1]);
	});

	for (const size of [100, 10_000, 40_000, 300_000, 1_100_000]) {
		test(`does not close a client that reads everything, with messages of ${size} bytes from another thread`, async () => {
			const { manager, one, closings } = await inOneScope({ maxQueuedBytes: 1_048_576 });
			const stream = openStream();
			manager.create('a', stream.controller);
			const reading = readAll(stream);
			const count = Math.ceil(8_000_000 / size);
			await one.run(
				({ manager }, size, count) => {
					for (let n = 0; n < count; n++) manager.send(['a'], 'x'.repeat(size));
				},
				size,
				count,
			);
			await one.do('flush');
			assert.deepEqual([closings, manager.stats().messages], [[], count]);
			manager.delete('a');
			await reading;
		});
	}

	test('closes a client that does not read while another thread sends in one turn', async () => {
		const { manager, one, closings } = await inOneScope({ maxQueuedBytes: 1_048_576 });
		const stream = openStream();
		manager.create('a', stream.controller);
		await one.run(({ manager }) => {
			for (let n = 0; n < 800; n++) manager.send(['a'], 'x'.repeat(10_000));
		});
		await one.do('flush');
		assert.deepEqual(closings, [['a', 'slow']]);
		// A turn delivers 256 KiB.
		const { bytes } = manager.stats();
		assert.ok(bytes <= 1_048_576 + 2 * 300_000, `${bytes}`);
	});
});

describe('stats', () => {
	test('count a message of another thread for the sessions that get it, and not for sessions created since', async () => {
		const { here, one } = await inOneScope();
		await here.do('create', 'a');
		const flag = new Int32Array(new SharedArrayBuffer(4));
		one.run(({ manager }, flag) => {
			manager.send(undefined, 'message');
			Atomics.store(flag, 0, 1);
			Atomics.notify(flag, 0);
		}, flag);
		Atomics.wait(flag, 0, 0);
		for (const id of ['b', 'c', 'd']) here.driver.create(id);
		await one.do('flush');
		assert.deepEqual(await here.do('seen', 'a'), [open('message')]);
		assert.deepEqual(await here.do('seen', 'b'), [open()]);
		assert.deepEqual([here.driver.stats().messages, here.driver.stats().bytes], [1, 7]);
	});
});

describe('coalesce', () => {
	test('joins the messages of other threads to a stream, and flush() in those threads waits for it', async () => {
		const { here, one } = await inOneScope({ coalesce: true });
		await here.do('create', 'a');
		await here.do('create', 'b');
		const flag = new Int32Array(new SharedArrayBuffer(4));
		const sent = one.run(async ({ manager }, flag) => {
			manager.send(['a'], 'one ');
			manager.send(undefined, 'two ');
			manager.send(['a', 'b'], 'three');
			Atomics.store(flag, 0, 1);
			Atomics.notify(flag, 0);
			await manager.flush();
		}, flag);
		Atomics.wait(flag, 0, 0);
		await sent;
		assert.deepEqual(await here.do('seen', 'a'), [open('one two three')]);
		assert.deepEqual(await here.do('seen', 'b'), [open('two three')]);
	});

	test('delivers the messages of other threads before they close the stream', async () => {
		const { here, one, closings } = await inOneScope({ coalesce: true });
		await here.do('create', 'a');
		await one.run(async ({ manager }) => {
			manager.send(['a'], 'one ');
			manager.send(['a'], 'two');
			manager.delete('a');
			manager.send(['a'], 'too late');
			await manager.flush();
		});
		const [seen] = await here.do('seen', 'a');
		assert.deepEqual([seen.messages.join(''), seen.closed], ['one two', 1]);
		assert.deepEqual(closings, [['a', 'deleted']]);
	});
});

describe('sliceMs', () => {
	/** Creates sessions whose streams are slow to accept a chunk. */
	const createSlowSessions = (/** @type {any} */ { manager, own }, /** @type {number} */ count) => {
		own.got = Array.from({ length: count }, () => '');
		own.closed = [];
		for (let number = 0; number < count; number++) {
			manager.create(`${number}`, {
				enqueue(/** @type {Uint8Array} */ chunk) {
					own.got[number] += new TextDecoder().decode(chunk);
					if (number % 30 !== 0) return;
					const end = performance.now() + 2;
					while (performance.now() < end);
				},
				close: () => own.closed.push(number),
			});
		}
	};

	test('lets a thread do other work during a broadcast, and flush() waits for the whole broadcast', async () => {
		const { here, one } = await inOneScope({ sliceMs: 1 });
		await one.run(createSlowSessions, 300);
		await one.run(({ own }) => {
			own.turns = 0;
			const next = () => {
				own.turns++;
				if (!own.got.at(-1)) setImmediate(next);
			};
			next();
		});
		await here.do('send', undefined, 'a');
		await here.do('send', ['299'], 'b');
		await here.do('send', undefined, 'c');
		await here.do('flush');
		const { got, turns } = await one.run(({ own }) => ({ got: own.got, turns: own.turns }));
		assert.deepEqual(got, [...Array(299).fill('ac'), 'abc']);
		assert.ok(turns >= 3, `${turns}`);
		const { messages, bytes } = await one.do('stats');
		assert.deepEqual([messages, bytes], [601, 601]);
	});

	/** Holds back the next slices of a thread. */
	const holdSlices = (/** @type {any} */ { own, tools: { timers } }) => {
		const { setImmediate } = timers;
		/** @type {(() => void)[]} */
		const held = [];
		timers.setImmediate = (/** @type {() => void} */ callback) => void held.push(callback);
		own.goOn = () => {
			timers.setImmediate = setImmediate;
			for (const callback of held) callback();
		};
	};

	test('makes a flush() wait that is called in the middle of a delivery', async () => {
		const { here, one } = await inOneScope({ sliceMs: 1 });
		await one.run(createSlowSessions, 300);
		for (const before of [0, 300]) {
			const messages = async () => (await one.do('stats')).messages - before;
			await one.run(holdSlices);
			here.driver.send(undefined, 'message');
			await until(async () => (await messages()) > 0);
			let flushed = 0;
			const flushes = [1, 2].map(() => here.do('flush').then(() => flushed++));
			const sofar = await messages();
			assert.ok(sofar < 300, `${sofar} messages were delivered`);
			assert.equal(flushed, 0);
			await one.run(({ own }) => own.goOn());
			await Promise.all(flushes);
			assert.equal(await messages(), 300);
		}
	});

	test('delivers the messages of other threads before they delete or replace the session', async () => {
		const { here, one, two } = await inOneScope({ sliceMs: 1 });
		await one.run(createSlowSessions, 300);
		const { driver } = here;
		driver.send(undefined, 'a');
		driver.send(['299', '298'], 'b');
		driver.delete('299');
		driver.create('298');
		driver.send(undefined, 'c');
		await here.do('flush');
		const { got, closed } = await one.run(({ own }) => own);
		assert.deepEqual([got[297], got[298], got[299]], ['ac', 'ab', 'ab']);
		assert.deepEqual(closed, [299, 298]);
		assert.deepEqual(await here.do('seen', '298'), [open('c')]);
		assert.equal(await two.do('size'), 299);
	});

	test('keeps the order of the messages of the thread itself and of others', async () => {
		const { here, one } = await inOneScope({ sliceMs: 1 });
		await one.run(createSlowSessions, 200);
		const own = one.run(({ manager }) => {
			for (let n = 0; n < 5; n++) {
				manager.send(undefined, `o${n}`);
				manager.send(['199'], `p${n}`);
			}
		});
		for (let n = 0; n < 5; n++) {
			here.driver.send(undefined, `x${n}`);
			here.driver.send(['199'], `y${n}`);
		}
		await own;
		await Promise.all([here.do('flush'), one.do('flush')]);
		const got = await one.run(({ own }) => own.got);
		const only = (/** @type {string} */ text, /** @type {RegExp} */ which) => (text.match(which) ?? []).join('');
		for (const text of got.slice(0, -1)) {
			assert.equal(only(text, /o\d/g), 'o0o1o2o3o4');
			assert.equal(only(text, /x\d/g), 'x0x1x2x3x4');
		}
		assert.equal(only(got.at(-1), /[op]\d/g), 'o0p0o1p1o2p2o3p3o4p4');
		assert.equal(only(got.at(-1), /[xy]\d/g), 'x0y0x1y1x2y2x3y3x4y4');
	});
});

describe('close() of one thread', () => {
	test('does not affect the sessions of other threads', async () => {
		const { here, manager, one, two, closings } = await inOneScope();
		await here.do('create', 'a');
		await one.do('create', 'b');
		await two.do('create', 'c');
		await manager.close();
		assert.deepEqual(closings, [['a', 'shutdown']]);
		assert.deepEqual(await one.do('ids'), ['b', 'c']);
		assert.throws(() => manager.create('d', fakeController()), { code: 'ERR_MANAGER_CLOSED' });
		await two.do('create', 'd');
		await one.do('send', undefined, 'message');
		await one.do('flush');
		assert.deepEqual(await two.do('seen', 'd'), [open('message')]);
		assert.deepEqual(await here.do('seen', 'a'), [closed()]);
	});

	test('delivers pending messages of other threads first, and resolves when its own messages are delivered there', async () => {
		const { here, manager, one, two, closings } = await inOneScope({ coalesce: true });
		await here.do('create', 'a');
		await two.do('create', 'b');
		const flag = new Int32Array(new SharedArrayBuffer(4));
		const sent = one.run(({ manager }, flag) => {
			manager.send(['a'], 'on the way');
			Atomics.store(flag, 0, 1);
			Atomics.notify(flag, 0);
		}, flag);
		Atomics.wait(flag, 0, 0);
		manager.send(['b'], 'mine');
		await manager.close();
		assert.deepEqual(await here.do('seen', 'a'), [closed('on the way')]);
		assert.deepEqual(await two.do('seen', 'b'), [open('mine')]);
		assert.deepEqual(closings, [['a', 'shutdown']]);
		await sent;
	});

	test('closes the sessions of all managers of the scope in this thread', async () => {
		const { here, manager, closings, scope } = await inOneScope();
		const other = openHere({ scope });
		await here.do('create', 'a');
		await other.do('create', 'b');
		await manager.close();
		assert.deepEqual(await other.do('seen', 'b'), [closed()]);
		assert.deepEqual(closings, [['a', 'shutdown']]);
		assert.deepEqual(manager.stats().closed, { ...NONE, shutdown: 2 });
	});

	test('with drainMs resolves in time, even when another thread does not drain its mailbox', async () => {
		const { here, manager, one, closings } = await inOneScope();
		await here.do('create', 'a');
		await one.do('create', 'b');
		const { release } = await block(one);
		manager.send(undefined, 'message');
		const closing = manager.close({ drainMs: 50 }).then(() => 'closed');
		await until(() => closings.length === 1);
		const late = new Promise((resolve) => setTimeout(resolve, 2_000, 'late'));
		assert.equal(await Promise.race([closing, late]), 'closed');
		await release();
	});
});
