// Which node has a session: right after `create`, and when several nodes create it at the same time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { assertNoGaps, createMany, startBehindLine, startLine, startMachines } from '../support/redis-node/machines.js';
import { until } from '../support/until.js';

/** @import { NodeManagersProxy } from '../support/redis-node/node.js' */

/** Number of ids that two nodes create at the same time. */
const RACED = 32;

/**
 * Resolves with the number of open streams that a node has of each raced id.
 *
 * @param {NodeManagersProxy} member
 * @returns {Promise<number[]>}
 */
function openStreams(member) {
	return member.run((m, raced) => {
		const isOpen = (/** @type {{ closed: number }} */ { closed }) => closed === 0;
		return Array.from({ length: raced }, (_, n) => m.seen(`raced-${n}`).filter(isOpen).length);
	}, RACED);
}

describeWithRedis('a session', () => {
	test('gets a message that another node sends after `create` and before Redis knows the session', async (t) => {
		const redis = await startRedis();
		t.after(() => redis.end());
		const { line, url } = await startLine(t, redis.port, {});
		const { members } = await startMachines(t, [redis.url, url, redis.url]);
		const [a, b, c] = members;
		line.stall();
		await b.do('create', 'new');
		await a.do('streams', 'send', ['new'], 'early');
		await a.do('streams', 'flush');
		line.resume();
		assert.deepEqual(await b.do('received', 'new', 1), ['early']);
		await b.do('streams', 'flush');
		assert.equal(await c.do('streams', 'has', 'new'), true);
		await assertNoGaps(members);
	});

	test('gets all messages, in order, that another node sends from `create` on, without a `flush`', async (t) => {
		const { url } = await startBehindLine(t, { delayMs: 5 });
		const { members } = await startMachines(t, [url, url]);
		const [a, b] = members;
		await Promise.all(
			Array.from({ length: 20 }, async (_, n) => {
				await b.do('create', `new-${n}`);
				await a.run((m, id) => {
					for (let k = 0; k < 50; k++) m.manager.send([id], String(k));
				}, `new-${n}`);
			}),
		);
		for (let n = 0; n < 20; n++) {
			assert.deepEqual(
				await b.do('received', `new-${n}`, 50),
				Array.from({ length: 50 }, (_, k) => String(k)),
			);
		}
		await assertNoGaps(members);
	});

	test('moves with its client: the older stream is closed, and the messages reach the newer one', async (t) => {
		const { url } = await startBehindLine(t, { delayMs: 1 });
		const { members } = await startMachines(t, [url, url, url]);
		const [a, b, c] = members;
		await a.do('create', 'moving');
		await a.do('streams', 'flush');
		for (const [from, to] of [
			[a, b],
			[b, c],
			[c, a],
		]) {
			await to.do('create', 'moving');
			await from.do('closed', 'moving');
			await from.do('streams', 'send', ['moving'], 'after the move');
			assert.deepEqual(await to.do('received', 'moving', 1), ['after the move']);
			assert.equal(await from.do('streams', 'has', 'moving'), true);
		}
		await assertNoGaps(members);
	});

	test('that two nodes create at the same time has one owner in the end, and exactly one open stream', async (t) => {
		const { url } = await startBehindLine(t, { delayMs: 2 });
		const { members } = await startMachines(t, [url, url, url]);
		const [a, b, c] = members;
		await Promise.all([a, b].map((member) => createMany(member, 'raced', RACED)));
		/** @type {number[]} */
		let ofA = [];
		/** @type {number[]} */
		let ofB = [];
		await until(async () => {
			[ofA, ofB] = await Promise.all([openStreams(a), openStreams(b)]);
			return ofA.every((open, n) => open + ofB[n] <= 1);
		});
		await Promise.all([a, b].map((member) => member.do('streams', 'flush')));
		[ofA, ofB] = await Promise.all([openStreams(a), openStreams(b)]);
		t.diagnostic(`${ofA.filter(Boolean).length} stay on the first node, ${ofB.filter(Boolean).length} on the second`);
		for (let n = 0; n < RACED; n++) {
			assert.equal(ofA[n] + ofB[n], 1, `raced-${n} has ${ofA[n]} and ${ofB[n]} open streams`);
			for (const member of members) assert.equal(await member.do('streams', 'has', `raced-${n}`), true);
			await c.do('streams', 'send', [`raced-${n}`], `for ${n}`);
			const [owner, other] = ofA[n] === 1 ? [a, b] : [b, a];
			assert.deepEqual(await owner.do('received', `raced-${n}`, 1), [`for ${n}`]);
			assert.deepEqual(await other.do('seen', `raced-${n}`), [{ messages: [], closed: 1 }]);
		}
		assert.equal((await a.do('streams', 'size')) + (await b.do('streams', 'size')), RACED);
		await assertNoGaps(members);
	});

	test('that is deleted on another node is closed after the messages that were sent before', async (t) => {
		const { url } = await startBehindLine(t, { delayMs: 1 });
		const { members } = await startMachines(t, [url, url, url]);
		const [a, b, c] = members;
		await b.do('create', 'deleted');
		await b.do('streams', 'flush');
		await a.run((m) => {
			for (let n = 0; n < 100; n++) m.manager.send(['deleted'], String(n));
			m.manager.delete('deleted');
			m.manager.send(['deleted'], 'too late');
		});
		assert.deepEqual(
			await b.do('closed', 'deleted'),
			Array.from({ length: 100 }, (_, n) => String(n)),
		);
		for (const member of members) assert.equal(await member.do('streams', 'has', 'deleted'), false);
		await c.do('create', 'deleted');
		await a.do('streams', 'send', ['deleted'], 'again');
		assert.deepEqual(await c.do('received', 'deleted', 1), ['again']);
		await assertNoGaps(members);
	});
});
