// Nodes find Redis through Sentinels that name another master, while they send to each other. Messages arrive once and in order.
// What the old master accepted after it was replaced may be lost, and is reported. No process ends.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { describeWithRedis } from '../support/redis.js';
import { startMachines } from '../support/redis-node/machines.js';
import { runWorkload, workloadOf } from '../support/redis-node/workload-run.js';
import { startSentinel } from '../support/redis-sentinel.js';

/** @import { RedisSentinel } from '../support/redis-sentinel.js' */

// Concurrent, because the tests wait most of the time.
describeWithRedis('nodes with Sentinels', () => {
	describe('lose nothing, and deliver again', { concurrency: true }, () => {
		/** @type {[string, (sentinel: RedisSentinel) => Promise<unknown>][]} */
		const EVENTS = [
			['when the master is killed', (sentinel) => sentinel.killMaster()],
			[
				'when the master is frozen, also after it runs again',
				async (sentinel) => {
					const { frozen } = await sentinel.freezeMaster();
					frozen.resume();
				},
			],
			['when they are asked for a failover', (sentinel) => sentinel.failOver()],
		];
		for (const [name, bringAbout] of EVENTS) {
			test(name, async (t) => {
				const sentinel = await startSentinel();
				t.after(() => sentinel.end());
				const { nodes, members } = await startMachines(t, [sentinel.url, sentinel.url, sentinel.url]);
				const workload = workloadOf({ nodes: 3, messages: 2_000, perSecond: 250 });
				await runWorkload(t, members, workload, [() => bringAbout(sentinel)]);
				for (const { child } of nodes) assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
			});
		}
	});

	test('connect when the first Sentinel is away', async (t) => {
		const sentinel = await startSentinel();
		t.after(() => sentinel.end());
		await sentinel.sentinels[0].kill();
		const { members } = await startMachines(t, [sentinel.url, sentinel.url]);
		const [a, b] = members;
		await a.do('create', 'a');
		await b.do('streams', 'send', ['a'], 'hello');
		assert.deepEqual(await a.do('received', 'a', 1), ['hello']);
	});
});
