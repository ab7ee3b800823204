// Nodes send each other thousands of messages while Redis is killed, paused, or unreachable. Every session receives each message
// to it once, and in the order of its sender.
//
//   node [--test-name-pattern=killed] __test__/redis/nothing-lost.test.js [--runs=5] [--seed=1] [--messages=10000]
//
// `--runs` repeats each test. A failure prints its seed.

import assert from 'node:assert/strict';
import { describe, test as testOf } from 'node:test';
import { setTimeout as pass } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { BreakingProxy } from '../support/redis-node/breaking-proxy.js';
import { Node, newPrefix } from '../support/redis-node/node.js';
import { assertNothingLost } from '../support/redis-node/node-workload.js';
import { assertDelivered, workloadOf as newWorkload } from '../support/redis-node/workload-run.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */
/** @import { NodeWorkloadOptions } from '../support/redis-node/node-workload.js' */
/** @import { NodeManagersProxy } from '../support/redis-node/node.js' */

const { values } = parseArgs({
	options: { runs: { type: 'string' }, seed: { type: 'string' }, messages: { type: 'string' } },
	strict: false,
});
const RUNS = Number(values.runs ?? 1);
const SEED = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
/** Messages of two nodes together. */
const MESSAGES = Number(values.messages ?? 10_000);

/**
 * Writes are on the disk before Redis replies, so a SIGKILL at any moment loses nothing. With `everysec` and a slow disk, Redis
 * may reply up to two seconds before it writes. Data accepted in that time are lost with the process, and no client can know.
 */
const PERSISTENT = /** @type {const} */ ({ appendOnly: true, appendfsync: 'always' });

/**
 * @param {string} name
 * @param {(t: TestContext, seed: number) => unknown} what
 */
function test(name, what) {
	for (let run = 0; run < RUNS; run++) {
		const seed = SEED + run;
		const which = RUNS > 1 ? ` (run ${run + 1}, seed ${seed})` : '';
		testOf(`${name}${which}`, { timeout: 110_000 }, async (t) => {
			t.diagnostic(`seed ${seed}`);
			await what(t, seed);
		});
	}
}

/**
 * Starts a Redis server and nodes that take part in a workload.
 *
 * @param {TestContext} t
 * @param {NodeWorkloadOptions} workload
 * @param {{ redis?: RedisServer, url?: string, options?: any }} [given] used instead of a new server and the default options
 */
async function start(t, workload, { redis, url, options } = {}) {
	const server = redis ?? (await startRedis(PERSISTENT));
	t.after(() => server.end());
	const prefix = newPrefix();
	const nodes = workload.sessions.map(() => new Node());
	t.after(() => Promise.all(nodes.map((node) => node.kill())));
	const join = (/** @type {Pick<Node, 'open'>} */ where) => where.open(url ?? server.url, { prefix, ...options });
	const members = await Promise.all(nodes.map(join));
	await Promise.all(members.map((member) => member.do('streams', 'ready')));
	await Promise.all(members.map((member, node) => member.do('prepareWorkload', node, workload)));
	return { redis: server, nodes, members, join };
}

/**
 * @param {number} seed
 * @param {number} perSecond of each node
 * @param {number} [nodes]
 */
function workloadOf(seed, perSecond, nodes = 2) {
	return newWorkload({ nodes, messages: MESSAGES / 2, perSecond, seed });
}

/**
 * Runs the workload, and checks the reports.
 *
 * @param {TestContext} t
 * @param {NodeManagersProxy[]} members
 * @param {NodeWorkloadOptions} workload
 * @param {() => Promise<unknown>} meanwhile
 */
async function runWithFailures(t, members, workload, meanwhile) {
	await Promise.all([...members.map((member) => member.do('runWorkload')), meanwhile()]);
	const stats = await assertDelivered(t, members, workload);
	for (const { backplane } of stats) assert.equal(backplane.pendingBytes, 0);
	for (const member of members) {
		for (const id of workload.sessions.flat())
			assert.equal(await member.do('streams', 'has', id), true, `${id} is forgotten`);
	}
	return stats;
}

/**
 * Calls a function each time that a node has sent a given share of the workload.
 *
 * @param {NodeManagersProxy} member
 * @param {number[]} shares
 * @param {() => unknown} what
 */
async function at(member, shares, what) {
	for (const share of shares) {
		await member.do('workloadReached', Math.floor((share * MESSAGES) / 2));
		await what();
	}
}

describeWithRedis('a workload', () => {
	// The tests wait most of the time.
	describe('loses, duplicates and reorders nothing', { concurrency: RUNS > 1 ? 1 : 5 }, () => {
		test('while Redis is killed three times, and started again from its append-only file', async (t, seed) => {
			const workload = workloadOf(seed, 2_000);
			const { redis, members } = await start(t, workload);
			const stats = await runWithFailures(t, members, workload, () =>
				at(members[0], [0.2, 0.5, 0.8], async () => {
					await redis.kill();
					await redis.start();
				}),
			);
			for (const { backplane } of stats) assert.ok(backplane.reconnects > 0);
		});

		test('while all connections are closed ten times', async (t, seed) => {
			const workload = workloadOf(seed, 2_000);
			const { redis, members } = await start(t, workload);
			const shares = Array.from({ length: 10 }, (_, n) => (n + 1) / 11);
			const stats = await runWithFailures(t, members, workload, () =>
				at(members[1], shares, () => redis.cutConnections()),
			);
			for (const { backplane } of stats) assert.ok(backplane.reconnects > 0);
		});

		test('while Redis is paused for 5 s', async (t, seed) => {
			const workload = workloadOf(seed, 1_000);
			const { redis, members } = await start(t, workload);
			await runWithFailures(t, members, workload, () =>
				at(members[0], [0.2], async () => {
					redis.pause();
					await pass(5_000);
					redis.resume();
				}),
			);
		});

		test('while connections break after a random number of bytes, in both directions', async (t, seed) => {
			const workload = workloadOf(seed, 1_000);
			const redis = await startRedis(PERSISTENT);
			const proxy = new BreakingProxy(redis.port, { seed, cuts: 30 });
			t.after(() => proxy.end());
			const { members } = await start(t, workload, { redis, url: await proxy.start() });
			await runWithFailures(t, members, workload, async () => proxy.begin());
			t.diagnostic(JSON.stringify(proxy.cut));
			assert.ok(proxy.cut.commands > 0 && proxy.cut.answers > 0);
		});

		test('when more is pending than allowed: `send` rejects for the messages that are not accepted', async (t, seed) => {
			const workload = { ...workloadOf(seed, 2_000), mayRefuse: true };
			const { redis, members } = await start(t, workload, {
				options: { maxPendingBytes: 100_000, onUnavailable: 'reject' },
			});
			await runWithFailures(t, members, workload, async () => {
				await at(members[0], [0.2], () => redis.kill());
				await at(members[0], [0.35], () => redis.start());
			});
			for (const member of members) {
				const { refused } = await member.do('workloadReport');
				t.diagnostic(`${refused.length} refused`);
				assert.ok(refused.length > 0);
				const [{ code }] = await member.do('errors', 1);
				assert.equal(code, 'ERR_BACKPLANE_UNAVAILABLE');
			}
		});

		test('while another node is killed, and its sessions are removed for the others within 15 s', async (t, seed) => {
			const workload = { ...workloadOf(seed, 500, 3), killedNode: 2 };
			const { nodes, members, join } = await start(t, workload);
			const [a, b, c] = members;
			const thread = await nodes[2].thread();
			const worker = await join(thread);
			await worker.do('create', 'of a worker');
			await worker.do('streams', 'flush');
			const ofKilledNode = [...workload.sessions[2], 'of a worker'];
			for (const id of ofKilledNode) assert.equal(await a.do('streams', 'has', id), true);
			// It is killed before it can send most of its messages.
			c.do('runWorkload').catch(() => {});
			let removedAfter = 0;
			const reports = Promise.all(
				[a, b].map((member) => member.do('runWorkload').then(() => member.do('workloadReport'))),
			);
			await c.do('workloadReached', 500);
			await nodes[2].kill();
			const killed = performance.now();
			for (const member of [a, b]) {
				for (const id of ofKilledNode) {
					await until(async () => {
						for (const living of ['0-0', '1-0']) assert.equal(await member.do('streams', 'has', living), true);
						return !(await member.do('streams', 'has', id));
					});
				}
				removedAfter = performance.now() - killed;
			}
			t.diagnostic(`removed after ${Math.round(removedAfter)} ms`);
			assert.ok(removedAfter < 15_000, `removed after ${removedAfter} ms`);
			const [ofA, ofB] = await reports;
			assertNothingLost(
				new Map([
					[0, ofA],
					[1, ofB],
				]),
				workload,
			);
			for (const member of [a, b]) {
				assert.deepEqual(await member.do('gaps', 0), []);
				assert.deepEqual(await member.do('errors', 0), []);
				assert.equal((await member.do('streams', 'stats')).backplane.reconnects, 0);
			}
			await a.do('create', ofKilledNode[0]);
			await b.do('streams', 'send', [ofKilledNode[0]], 'to the new one');
			assert.deepEqual(await a.do('received', ofKilledNode[0], 1), ['to the new one']);
		});
	});
});
