// The Redis Cluster and the Sentinels that the tests start (support/redis-cluster.js, support/redis-sentinel.js): they fail over as
// those tests assume, and keep their data.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { describeWithRedis } from '../support/redis.js';
import { startCluster } from '../support/redis-cluster.js';
import { runCommands } from '../support/redis-command.js';
import { startSentinel } from '../support/redis-sentinel.js';

/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */

// Concurrent, because the tests wait most of the time.
const AT_ONCE = { concurrency: true };

describeWithRedis('the servers that tests start:', () => {
	describe('a cluster', AT_ONCE, () => {
		/** @param {TestContext} t */
		async function start(t) {
			const cluster = await startCluster();
			t.after(() => cluster.end());
			const master = await cluster.masterOf('{tag}');
			for (let n = 0; n < 30; n++) await master.command('SET', `{tag}:${n}`, n);
			await master.command('WAIT', 1, 0);
			return { cluster, master };
		}

		/** @param {RedisServer} master */
		async function hasAll(master) {
			for (let n = 0; n < 30; n++) assert.equal(await master.command('GET', `{tag}:${n}`), String(n));
			assert.equal(await master.command('SET', '{tag}:0', '0'), 'OK');
		}

		test('has the data on a replica that replaces a killed master', async (t) => {
			const { cluster, master } = await start(t);
			const replica = await cluster.killMaster('{tag}');
			assert.notEqual(replica, master);
			assert.equal(await cluster.masterOf('{tag}'), replica);
			await hasAll(replica);
		});

		test('has the data on a replica that replaces a living master, which then refuses commands for the key', async (t) => {
			const { cluster, master } = await start(t);
			const replica = await cluster.failOver('{tag}');
			await hasAll(replica);
			await assert.rejects(master.command('GET', '{tag}:0'), new RegExp(`MOVED \\d+ 127.0.0.1:${replica.port}`));
		});

		test('has the data on another master after its slot has moved, twice', async (t) => {
			const { cluster, master } = await start(t);
			const next = await cluster.moveSlot('{tag}');
			await hasAll(next);
			await assert.rejects(master.command('GET', '{tag}:0'), new RegExp(`MOVED \\d+ 127.0.0.1:${next.port}`));
			await hasAll(await cluster.moveSlot('{tag}'));
		});

		// So a node that followed `ASK` and sent `ASKING` would still have to wait: some keys of its scripts need not exist.
		test('refuses a script with a key that does not exist while its slot moves, also after ASKING', async (t) => {
			const cluster = await startCluster();
			t.after(() => cluster.end());
			const master = await cluster.masterOf('{tag}');
			const keys = ['{tag}:a', '{tag}:b', '{tag}:missing'];
			for (const key of keys.slice(0, 2)) await master.command('SET', key, 1);
			const { from, to, moveKey, finish } = await cluster.beginMove('{tag}');
			const script = ['EVAL', 'return #KEYS', String(keys.length), ...keys];
			const isRefused = async () => {
				await assert.rejects(from.command(...script), /^Error: (TRYAGAIN|ASK) /);
				await assert.rejects(to.command(...script), /^Error: MOVED /);
				const [, afterAsking] = await runCommands(to.port, [['ASKING'], script]);
				assert.match(String(afterAsking), /^Error: TRYAGAIN /);
			};
			await isRefused();
			await moveKey(keys[0]);
			await isRefused();
			await moveKey(keys[1]);
			await isRefused();
			await finish();
			assert.equal(await to.command(...script), keys.length);
		});
	});

	describe('Sentinels', AT_ONCE, () => {
		/** @param {TestContext} t */
		async function start(t) {
			const sentinel = await startSentinel();
			t.after(() => sentinel.end());
			const master = await sentinel.master();
			await master.command('SET', 'a', 1);
			await master.command('WAIT', 2, 0);
			return { sentinel, master };
		}

		test('name a replica with the data when the master is killed', async (t) => {
			const { sentinel, master } = await start(t);
			const next = await sentinel.killMaster();
			assert.notEqual(next, master);
			assert.equal(await next.command('GET', 'a'), '1');
			assert.equal(await next.command('SET', 'a', 2), 'OK');
		});

		test('name a replica with the data when the master is frozen, and the old master still calls itself the master afterwards', async (t) => {
			const { sentinel, master } = await start(t);
			const { frozen, master: next } = await sentinel.freezeMaster();
			assert.equal(frozen, master);
			assert.equal(await next.command('GET', 'a'), '1');
			frozen.resume();
			assert.match(await frozen.command('INFO', 'replication'), /role:master/);
		});

		test('name a replica with the data when they are asked for a failover', async (t) => {
			const { sentinel, master } = await start(t);
			const next = await sentinel.failOver();
			assert.notEqual(next, master);
			assert.equal(await next.command('GET', 'a'), '1');
		});
	});
});
