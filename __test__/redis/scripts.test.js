// The Lua scripts: what each of them changes, and what it leaves alone. All keys of a script are declared.

import assert from 'node:assert/strict';
import { after, before, test as testOf } from 'node:test';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { newPrefix } from '../support/redis-managers.js';
import { Bus } from '../support/redis-scripts.js';

/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {() => unknown} */ what) => testOf(name, { timeout: 60_000 }, what);

describeWithRedis('the scripts', () => {
	/** @type {RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
	});
	after(() => redis.end());

	/**
	 * Registers three nodes.
	 *
	 * @param {any} [settings]
	 */
	async function three(settings) {
		const bus = new Bus(redis, newPrefix(), settings);
		return { bus, a: await bus.join('a'), b: await bus.join('b'), c: await bus.join('c') };
	}

	test('a message goes to the owners of its sessions, and to all others when one of them is unknown', async () => {
		const { a, b, c } = await three();
		await b.change({ claim: ['b1', 'b2'] });
		await c.change({ claim: ['c1'] });
		await a.append(1, [1, 'b1', '<1>'], [3, 'b1', 'c1', 'b2', '<2>'], [2, 'b1', 'x', '<3>'], [1, 'y', '<4>']);
		assert.deepEqual(await b.entries(), ['c 4 f <1><2><3><4>']);
		assert.deepEqual(await c.entries(), ['c 3 f <2><3><4>']);
		assert.deepEqual(await a.entries(), []);
	});

	test('a message may go to any number of sessions', async () => {
		const { a, b } = await three();
		const ids = Array.from({ length: 20_000 }, (_, n) => `b${n}`);
		for (let n = 0; n < ids.length; n += 1_000) await b.change({ claim: ids.slice(n, n + 1_000) });
		assert.deepEqual(await a.append(1, [ids.length, ...ids, '<1>']), ['upto', '1']);
		assert.deepEqual(await b.entries(), ['c 1 f <1>']);
	});

	test('an append that is repeated adds nothing, and one after a hole is refused', async () => {
		const { a, b } = await three();
		assert.deepEqual(await a.append(1, ['a', 'one'], ['a', 'two']), ['upto', '2']);
		assert.deepEqual(await a.append(1, ['a', 'one'], ['a', 'two'], ['a', 'three']), ['upto', '3']);
		assert.deepEqual(await a.append(5, ['a', 'five']), ['hole', '3']);
		assert.deepEqual(await b.append(2, ['a', 'two']), ['hole', null]);
		assert.deepEqual(await b.entries(), ['c 2 f onetwo', 'c 1 f three']);
	});

	for (const [what, settings] of /** @type {const} */ ([
		['entries', { maxLen: 1 }],
		['bytes', { maxInboxBytes: 70 }],
	])) {
		test(`an append stops before the first entry that would make an inbox too large (${what})`, async () => {
			const { a, b, c } = await three(settings);
			await b.change({ claim: ['b'] });
			const text = 'x'.repeat(40);
			await a.append(1, [1, 'b', text]);
			const [, last, node, size, isDead] = await a.append(2, ['a', text], ['a', 'last']);
			assert.deepEqual([last, node, isDead], ['1', b.name, 0]);
			assert.deepEqual([await b.entries(), await c.entries()], [[`c 1 f ${text}`], []]);
			assert.equal(await a.hasRoom(b, size), 0);
			assert.equal(await b.acknowledge(1), 1);
			assert.equal(await a.hasRoom(b, size), 1);
			assert.deepEqual((await a.append(1, [1, 'b', text], ['a', text])).slice(0, 2), ['upto', '2']);
			for (const node of [b, c]) assert.deepEqual(await node.entries(), [`c 1 f ${text}`]);
		});
	}

	test('a single entry goes to its owner or to all, is added once, and waits for room in all inboxes', async () => {
		const { bus, a, b, c } = await three({ maxLen: 2 });
		await b.change({ claim: ['b'] });
		assert.deepEqual(await a.append(1, [1, 'b', '<1>']), ['upto', '1']);
		assert.deepEqual(await a.append(2, ['a', '<2>']), ['upto', '2']);
		assert.deepEqual(await a.append(2, ['a', '<2>']), ['upto', '2']);
		assert.deepEqual(await a.append(4, ['a', '<4>']), ['hole', '2']);
		assert.deepEqual((await a.append(3, ['a', '<3>'])).slice(0, 3), ['upto', '2', b.name]);
		assert.deepEqual(await b.entries(), ['c 1 f <1>', 'c 1 f <2>']);
		assert.deepEqual(await c.entries(), ['c 1 f <2>']);
		assert.deepEqual((await c.append(1, [1, 'unknown', '<5>'])).slice(0, 3), ['upto', '0', b.name]);
		const state = await bus.state();
		const size = ['n', a.name, 'c', '1', 'f', '<1>'].join('').length;
		assert.deepEqual([state[`b:${b.name}`], state[`b:${c.name}`]], [`${2 * size}`, `${size}`]);
	});

	test('an entry of another program with a higher id does not stop a single one', async () => {
		const { a, b, c } = await three();
		for (const inbox of [b.inbox, c.inbox]) await redis.command('XADD', inbox, '8000000000000000-5', 'a', 'b');
		assert.deepEqual(await a.append(1, ['a', 'one']), ['upto', '1']);
		assert.deepEqual(await a.append(2, ['a', 'two']), ['upto', '2']);
		for (const node of [b, c]) assert.deepEqual((await node.entries()).slice(1), ['c 1 f one', 'c 1 f two']);
	});

	test('an append stops where the entries of one batch would make an inbox too large', async () => {
		const { a, b } = await three({ maxInboxBytes: 70 });
		const text = 'x'.repeat(40);
		assert.deepEqual((await a.append(1, ['a', text], ['a', text])).slice(0, 3), ['upto', '1', b.name]);
		assert.deepEqual(await b.entries(), [`c 1 f ${text}`]);
	});

	test('an entry that is larger than the limit of an inbox goes into an empty one', async () => {
		const { a, b } = await three({ maxInboxBytes: 70 });
		assert.deepEqual(await a.append(1, ['a', 'x'.repeat(100)]), ['upto', '1']);
		assert.deepEqual((await a.append(2, ['a', 'x'])).slice(0, 3), ['upto', '1', b.name]);
		await b.acknowledge(1);
		assert.deepEqual(await b.entries(), []);
	});

	test('the size of each inbox is that of its entries', async () => {
		const { bus, a, b, c } = await three();
		await b.change({ claim: ['b1', 'b2', 'ü'] });
		await a.append(1, [1, 'ü', 'ü'], [3, 'b1', 'b2', 'x', 'text'], ['a', '<3>'], [1, 'b1', '<4>']);
		await a.append(5, ['a', '<5>'], ['d', 'b1'], ['d', 'nowhere'], [0, 'to no session']);
		await c.change({ claim: ['b2'] });
		await c.restore(['ü', 2 ** 52]);
		const state = await bus.state();
		for (const node of [a, b, c]) {
			const entries = await redis.command('XRANGE', node.inbox, '-', '+');
			const size = Buffer.byteLength(entries.flatMap((/** @type {any} */ entry) => entry[1]).join(''));
			assert.equal(state[`b:${node.name}`], `${size}`);
		}
		assert.equal(state[`l:${a.name}`], '8');
	});

	test('the inbox of a node that has been dead for longer than its ttl loses its oldest entries, and their messages are counted by sender', async () => {
		const { bus, a, b, c } = await three({ maxLen: 8 });
		await b.change({ claim: ['b'] });
		await c.append(1, [1, 'b', 'of c'], [1, 'b', 'of c']);
		for (let n = 1; n < 8; n++) await a.append(n, [1, 'b', `${n}`]);
		const [, last, , size] = await a.append(8, [1, 'b', '8']);
		assert.equal(last, '7');
		await b.die(5_000);
		assert.deepEqual(await a.append(8, [1, 'b', '8']), ['upto', '7', b.name, size, 0]);
		assert.equal(await a.evict(b, size), 1);
		assert.equal((await b.entries()).length, 8);
		await b.die(15_000);
		assert.deepEqual(await a.append(8, [1, 'b', '8']), ['upto', '7', b.name, size, 1]);
		while ((await a.evict(b, size)) === 0);
		assert.deepEqual(await bus.hash(`lost:${b.name}`), { [c.name]: '2' });
		assert.deepEqual(await a.append(8, [1, 'b', '8']), ['upto', '8']);
		const [[isKnown, , , , lost]] = await b.heartbeat();
		assert.deepEqual([isKnown, lost], [1, [c.name, '2']]);
	});

	test('entries of other programs are removed from the inbox of a dead node, too', async () => {
		const { a, b } = await three({ maxLen: 8 });
		for (const count of ['1e300', 'nan', '-1', '9'.repeat(30), 'x']) {
			await redis.command('XADD', b.inbox, '*', 'n', 'other', 'c', count);
		}
		for (const fields of [
			['n', ''],
			['', ''],
			['c', 2],
		])
			await redis.command('XADD', b.inbox, '*', ...fields);
		await b.die(15_000);
		// The short way for a single message compares only bytes, and these entries are not in them.
		const [, , , size] = await a.append(1, ['a', 'text'], ['a', 'text']);
		while ((await a.evict(b, size)) === 0);
		assert.deepEqual(await a.append(1, ['a', 'text'], ['a', 'text']), ['upto', '2']);
	});

	test('the others wait for a node that is alive and whose inbox was removed, until it joins again', async () => {
		const { a, b, c } = await three();
		await b.change({ claim: ['b'] });
		await redis.command('DEL', b.inbox);
		assert.deepEqual(await a.append(1, [1, 'b', 'text']), ['upto', '0', b.name, 0, 0]);
		assert.deepEqual(await a.append(1, ['a', 'text']), ['upto', '0', b.name, 0, 0]);
		assert.equal(await a.hasRoom(b, 0), 0);
		assert.deepEqual(await c.entries(), []);
		assert.equal((await b.heartbeat())[0][0], 0);
		assert.equal((await b.join())[0][0], 0);
		assert.equal(await a.hasRoom(b, 0), 1);
		assert.deepEqual(await a.append(1, [1, 'b', 'text']), ['upto', '1']);
		assert.deepEqual(await b.entries(), ['c 1 f text']);
	});

	test('an entry of another program with a higher id does not stop the ones after it', async () => {
		const { a, b, c } = await three();
		await redis.command('XADD', b.inbox, '8000000000000000-5', 'a', 'b');
		assert.deepEqual(await a.append(1, ['a', 'one'], ['a', 'two']), ['upto', '2']);
		assert.deepEqual((await b.entries()).slice(1), ['c 2 f onetwo']);
		assert.deepEqual(await c.entries(), ['c 2 f onetwo']);
		// No id is higher than this one. The inbox is removed, and its node notices it.
		await redis.command('XADD', b.inbox, '18446744073709551615-18446744073709551615', 'a', 'b');
		await a.append(3, ['a', 'three']);
		assert.equal((await b.heartbeat())[0][0], 0);
	});

	test('changes that are repeated change nothing, and return who has the sessions now', async () => {
		const { a, b } = await three();
		const [, ...stamps] = await a.change({ claim: ['x', 'y'], number: 1 });
		assert.deepEqual(await a.change({ claim: ['x', 'y'], number: 1 }), ['held', ...stamps]);
		const [, stamp] = await b.change({ claim: ['x'] });
		assert.deepEqual(await a.change({ claim: ['x', 'y'], number: 1 }), ['held', 0, stamps[1]]);
		assert.deepEqual(await a.entries(), [`k r c ${stamp} i x`]);
		assert.equal(await a.has('x'), 1);
		assert.equal(await b.has('y'), 1);
		// A release has no effect when another node has claimed the session.
		await a.change({ release: ['x', 'y'], number: 2 });
		assert.deepEqual([await a.has('x'), await b.has('y')], [1, 0]);
	});

	test('a node restores its sessions, except those that others have claimed later', async () => {
		const { bus, a, b } = await three();
		const [, stamp] = await b.change({ claim: ['theirs', 'mine'] });
		assert.deepEqual(await a.restore(['new', 5], ['theirs', stamp - 1], ['mine', stamp + 1]), [
			'held',
			5,
			0,
			stamp + 1,
		]);
		assert.deepEqual(await redis.command('HGET', bus.key('dir'), 'mine'), `${a.name}|${stamp + 1}`);
		assert.deepEqual(await b.entries(), [`k r c ${stamp + 1} i mine`]);
		assert.deepEqual((await redis.command('SMEMBERS', bus.key(`own:${a.name}`))).sort(), ['mine', 'new']);
		assert.equal(await a.has('theirs'), 1);
	});

	test('a deletion closes the session on its owner, and does nothing to a session of the node itself', async () => {
		const { a, b, c } = await three();
		await b.change({ claim: ['b'] });
		await a.change({ claim: ['a'] });
		await a.append(1, ['d', 'b'], ['d', 'a'], ['d', 'nowhere']);
		assert.match((await b.entries()).join('\n'), /^s 1 k d i b c \d+$/);
		assert.deepEqual([await a.entries(), await c.entries()], [[], []]);
		assert.deepEqual([await a.has('b'), await b.has('a')], [0, 1]);
	});

	test('a deletion comes after the messages that were sent before it, and before those that were sent after it', async () => {
		const { a, b, c } = await three();
		await b.change({ claim: ['b'] });
		await a.append(1, [1, 'b', '<1>'], ['a', '<2>'], ['d', 'b'], ['a', '<4>'], [1, 'b', '<5>']);
		const entries = (await b.entries()).map((fields) => fields.replace(/c \d{9,}/, 'c stamp'));
		assert.deepEqual(entries, ['c 2 f <1><2>', 's 3 k d i b c stamp', 'c 2 f <4><5>']);
		assert.deepEqual(await c.entries(), ['c 3 f <2><4><5>']);
	});

	test('a node that knows an old list of nodes gets the new one, and a node that Redis does not know gets "forgotten"', async () => {
		const { bus, a, b } = await three();
		const args = [a.name, 10_000, 5_000, 'old', 1, 0, 10, 1_000, 'b', 'text'];
		const keys = ['st', 'dir', 'nodes'].map((name) => bus.key(name));
		const [what, version, nodes] = await bus.call('append', keys, args);
		const state = await bus.state();
		assert.deepEqual([what, version, nodes.length], ['nodes', state.nv, 3]);
		assert.deepEqual(await b.entries(), []);
		args[0] = 'x'.repeat(20);
		assert.deepEqual(await bus.call('append', keys, args), ['forgotten']);
	});

	test('a node that has left is dead at once, and its sessions are removed in slices, but not those that others have', async () => {
		const { bus, a, b } = await three();
		const ids = Array.from({ length: 500 }, (_, n) => `${n}`);
		for (let n = 0; n < ids.length; n += 50) await b.change({ claim: ids.slice(n, n + 50) });
		await a.change({ claim: ['7'] });
		assert.equal(await a.sweep(b), 1, 'it is alive');
		assert.equal(await a.has('8'), 1);
		await b.leave();
		assert.equal(await a.has('8'), 0);
		let calls = 1;
		while ((await a.sweep(b)) === 0) calls++;
		assert.equal(calls, 3);
		assert.deepEqual(Object.keys(await bus.hash('dir')), ['7']);
		const state = Object.keys(await bus.state());
		assert.deepEqual(
			state.filter((field) => field.endsWith(b.name)),
			[],
		);
		assert.deepEqual(await redis.command('KEYS', bus.key(`*${b.name}`)), []);
	});

	test('a node that has been dead for ten minutes is swept, unless nodes could not send heartbeats meanwhile', async () => {
		const { bus, a, b } = await three();
		await b.die(650_000);
		assert.deepEqual((await a.heartbeat())[1], [b.name]);
		await redis.command('HSET', bus.key('st'), 'since', Date.now() - 300_000);
		assert.deepEqual((await a.heartbeat())[1], []);
		assert.equal(await a.sweep(b), 1);
		assert.equal((await b.heartbeat())[0][0], 1);
	});

	test('no node is dead after the clock was set forward or back, or after a time without heartbeats', async () => {
		const { bus, a, b } = await three();
		await b.change({ claim: ['b'] });
		await b.die(5_000);
		assert.equal(await a.has('b'), 0);
		// The last heartbeat was long ago.
		await redis.command('HSET', bus.key('st'), 'beat', Date.now() - 60_000);
		assert.equal(await a.has('b'), 1);
		await a.heartbeat();
		assert.equal(await a.has('b'), 1);
		// The last heartbeat is in the future, and so is the time at which the other node is dead.
		await redis.command('HSET', bus.key('st'), 'beat', Date.now() + 60_000, 'since', Date.now() + 60_000);
		await redis.command('ZADD', bus.key('nodes'), Date.now() + 70_000, b.name);
		await a.heartbeat();
		const score = Number(await redis.command('ZSCORE', bus.key('nodes'), b.name));
		assert.ok(score < Date.now() + 20_000);
		assert.equal(await a.has('b'), 1);
	});

	test('a full Redis refuses an append and claims as a whole, and accepts everything else', async () => {
		const { bus, a, b } = await three();
		await b.change({ claim: ['b1', 'b2', 'b3'] });
		await a.append(1, ['a', 'text']);
		await redis.command('CONFIG', 'SET', 'maxmemory', 1);
		try {
			for (const entry of [
				[1, 'b1', ''],
				[2, 'b1', 'x', ''],
				['a', ''],
				['d', 'b1'],
				['d', 'nowhere'],
			]) {
				await assert.rejects(a.append(2, entry, ['a', '']), /OOM/);
			}
			await assert.rejects(b.change({ release: ['b1'], claim: ['b4'] }), /OOM/);
			await assert.rejects(a.restore(['a', 1]), /OOM/);
			assert.deepEqual(await b.change({ release: ['b1'], number: 3 }), ['held', 0]);
			assert.equal((await a.heartbeat())[0][0], 1);
			assert.equal(await b.acknowledge(1), 1);
			const d = await bus.join('d');
			await d.leave();
			assert.equal(await a.sweep(d), 1);
			assert.equal(await a.has('b2'), 1);
		} finally {
			await redis.command('CONFIG', 'SET', 'maxmemory', 0);
		}
		assert.deepEqual(await a.append(2, [1, 'b2', 'text']), ['upto', '2']);
	});

	test('every key of nodes has a time to live', async () => {
		const { bus, a, b } = await three();
		await b.change({ claim: ['b'] });
		await a.restore(['a', 1]);
		await a.append(1, ['a', 'text']);
		const keys = await redis.command('KEYS', bus.key('*'));
		for (const name of ['st', 'dir', 'nodes', `in:${b.name}`, `own:${b.name}`]) assert.ok(keys.includes(bus.key(name)));
		for (const key of keys) assert.ok((await redis.command('PTTL', key)) > 0, key);
	});
});
