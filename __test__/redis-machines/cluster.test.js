// Nodes share a Redis Cluster that fails over and moves slots, while they send to each other. Messages arrive once and in order,
// and no process ends.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { describeWithRedis } from '../support/redis.js';
import { startCluster } from '../support/redis-cluster.js';
import { startMachines } from '../support/redis-node/machines.js';
import { runWorkload, workloadOf } from '../support/redis-node/workload-run.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { RedisCluster } from '../support/redis-cluster.js' */

// Concurrent, because the tests wait most of the time.
describeWithRedis('nodes on a cluster', () => {
	describe('lose nothing, and deliver again', { concurrency: true }, () => {
		/** @type {[string, number, (cluster: RedisCluster, key: string) => Promise<unknown>][]} */
		const EVENTS = [
			['when the master of their keys is killed', 1, (cluster, key) => cluster.killMaster(key)],
			['when a replica of that master takes over, twice', 2, (cluster, key) => cluster.failOver(key)],
			['when their slot moves, with its keys, three times', 3, (cluster, key) => cluster.moveSlot(key)],
		];
		for (const [name, times, bringAbout] of EVENTS) {
			test(name, async (t) => {
				const cluster = await startCluster();
				t.after(() => cluster.end());
				const { prefix, nodes, members } = await startMachines(t, [cluster.url, cluster.url, cluster.url]);
				const events = Array.from({ length: times }, () => () => bringAbout(cluster, `{${prefix}}`));
				await runWorkload(t, members, workloadOf({ nodes: 3, messages: 2_000, perSecond: 250 }), events);
				for (const { child } of nodes) assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
			});
		}
	});

	test('a slot that stays half moved delays messages, and loses none', async (t) => {
		const cluster = await startCluster();
		t.after(() => cluster.end());
		const { prefix, nodes, members } = await startMachines(t, [cluster.url, cluster.url, cluster.url]);
		const all = async (/** @type {(backplane: any) => boolean} */ isWanted) => {
			for (const member of members) await until(async () => isWanted((await member.do('streams', 'stats')).backplane));
		};
		const moveSlowly = async () => {
			const { moveKey, moveKeys, finish } = await cluster.beginMove(`{${prefix}}`);
			// Some keys are on each master: both refuse the scripts.
			await moveKey(`{${prefix}}:st`);
			await all(({ connected }) => !connected);
			// All keys are on the new master, and the old one still has the slot.
			await moveKeys();
			await all(({ connected, lastError }) => !connected && lastError.code === 'ASK');
			await finish();
			await all(({ connected }) => connected);
		};
		await runWorkload(t, members, workloadOf({ nodes: 3, messages: 2_000, perSecond: 250 }), [moveSlowly]);
		for (const { child } of nodes) assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
	});

	describe('with the URL of', { concurrency: true }, () => {
		/** @type {[string, (cluster: RedisCluster, key: string) => Promise<string>][]} */
		const URLS = [
			['a master of other keys', async (cluster, key) => (await other(cluster, key, 0)).url],
			['a replica', async (cluster, key) => (await other(cluster, key, 3)).url],
			[
				'a server that is away, and one of the cluster',
				async (cluster) => `redis://127.0.0.1:1,127.0.0.1:${cluster.servers[1].port}`,
			],
		];
		for (const [name, urlOf] of URLS) {
			test(`${name} connect`, async (t) => {
				const cluster = await startCluster();
				t.after(() => cluster.end());
				const url = await urlOf(cluster, '{test}');
				const { members } = await startMachines(t, [url, url]);
				const [a, b] = members;
				await a.do('create', 'a');
				await b.do('streams', 'send', ['a'], 'hello');
				assert.deepEqual(await a.do('received', 'a', 1), ['hello']);
				await b.do('info', 'setLogLevel', 'a', 'warning');
				assert.equal(await a.do('info', 'getLogLevel', 'a'), 'warning');
			});
		}
	});
});

/**
 * Resolves with a server, from an index on, that is not the master of a key.
 *
 * @param {RedisCluster} cluster
 * @param {string} key
 * @param {number} from
 */
async function other(cluster, key, from) {
	const master = await cluster.masterOf(key);
	const found = cluster.servers.slice(from).find((server) => server !== master);
	assert.ok(found);
	return found;
}
