// Nothing lost: nodes send each other thousands of messages while Redis is killed, stopped, or out of reach, and every
// session gets each message that was for it, once and in the order of its sender.
//
//   node [--test-name-pattern=killed] __test__/redis-nothing-lost.test.js [--runs=5] [--seed=1] [--messages=10000]
//
// does each as often as it is told; a failure says with which seed.

import assert from 'node:assert/strict';
import { describe, test as testOf } from 'node:test';
import { setTimeout as pass } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { assertNothingLost } from '../support/redis-node/load.js';
import { Node, newPrefix, until } from '../support/redis-node/node.js';
import { BreakingProxy } from '../support/redis-node/proxy.js';

/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */
/** @import { LoadOptions } from '../support/redis-node/load.js' */
/** @import { PlaceThere } from '../support/redis-node/node.js' */

const { values } = parseArgs({
	options: { runs: { type: 'string' }, seed: { type: 'string' }, messages: { type: 'string' } },
	strict: false,
});
const RUNS = Number(values.runs ?? 1);
const SEED = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
/** Of two nodes together. */
const MESSAGES = Number(values.messages ?? 10_000);
const SESSIONS = 10;

/**
 * What Redis has answered is on the disk, so that its end by SIGKILL at any moment takes nothing back. With `everysec` it may
 * answer up to two seconds before it has so much as handed the write to the system, while the disk is slow; what was
 * accepted then is lost with it, and no client can know.
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
 * A Redis, and nodes at it that have their part in a load.
 *
 * @param {TestContext} t
 * @param {LoadOptions} load
 * @param {{ redis?: RedisServer, url?: string, options?: any }} [given] other than a Redis of its own, and the defaults
 */
async function start(t, load, { redis, url, options } = {}) {
	const server = redis ?? (await startRedis(PERSISTENT));
	t.after(() => server.end());
	const prefix = newPrefix();
	const nodes = load.sessions.map(() => new Node());
	t.after(() => Promise.all(nodes.map((node) => node.kill())));
	const join = (/** @type {Pick<Node, 'open'>} */ where) => where.open(url ?? server.url, { prefix, ...options });
	const places = await Promise.all(nodes.map(join));
	await Promise.all(places.map((place) => place.do('streams', 'ready')));
	await Promise.all(places.map((place, node) => place.do('prepareLoad', node, load)));
	return { redis: server, nodes, places, join };
}

/**
 * @param {number} seed
 * @param {number} perSecond of each node
 * @param {number} [nodes]
 * @returns {LoadOptions}
 */
function loadOf(seed, perSecond, nodes = 2) {
	const sessions = Array.from({ length: nodes }, (_, node) =>
		Array.from({ length: SESSIONS }, (_, session) => `${node}-${session}`),
	);
	return { sessions, messages: MESSAGES / 2, perSecond, seed };
}

/**
 * Has it all sent, and checks what has come of it.
 *
 * @param {TestContext} t
 * @param {PlaceThere[]} places
 * @param {LoadOptions} load
 * @param {() => Promise<unknown>} meanwhile
 */
async function survive(t, places, load, meanwhile) {
	await Promise.all([...places.map((place) => place.do('load')), meanwhile()]);
	const reports = await Promise.all(places.map((place) => place.do('loadReport')));
	const stats = await Promise.all(places.map((place) => place.do('streams', 'stats')));
	for (const { backplane } of stats) t.diagnostic(JSON.stringify(backplane));
	assertNothingLost(new Map(reports.entries()), load);
	for (const { backplane } of stats) {
		const { gaps, missed, malformed, pendingBytes } = backplane;
		assert.deepEqual({ gaps, missed, malformed, pendingBytes }, { gaps: 0, missed: 0, malformed: 0, pendingBytes: 0 });
	}
	for (const place of places) {
		for (const id of load.sessions.flat())
			assert.equal(await place.do('streams', 'has', id), true, `${id} is forgotten`);
	}
	return stats;
}

/**
 * Does something each time that a node has sent some share of the load.
 *
 * @param {PlaceThere} place
 * @param {number[]} shares
 * @param {() => unknown} what
 */
async function at(place, shares, what) {
	for (const share of shares) {
		await place.do('loadReached', Math.floor((share * MESSAGES) / 2));
		await what();
	}
}

describeWithRedis('under load', () => {
	// They wait most of the time.
	describe('nothing is lost, doubled or disordered', { concurrency: RUNS > 1 ? 1 : 5 }, () => {
		test('while Redis is killed three times, and started again with what it had written down', async (t, seed) => {
			const load = loadOf(seed, 2_000);
			const { redis, places } = await start(t, load);
			const stats = await survive(t, places, load, () =>
				at(places[0], [0.2, 0.5, 0.8], async () => {
					await redis.kill();
					await redis.start();
				}),
			);
			for (const { backplane } of stats) assert.ok(backplane.reconnects > 0);
		});

		test('while all connections are cut, ten times', async (t, seed) => {
			const load = loadOf(seed, 2_000);
			const { redis, places } = await start(t, load);
			const shares = Array.from({ length: 10 }, (_, n) => (n + 1) / 11);
			const stats = await survive(t, places, load, () => at(places[1], shares, () => redis.cutConnections()));
			for (const { backplane } of stats) assert.ok(backplane.reconnects > 0);
		});

		test('while Redis is stopped for 5 s', async (t, seed) => {
			const load = loadOf(seed, 1_000);
			const { redis, places } = await start(t, load);
			await survive(t, places, load, () =>
				at(places[0], [0.2], async () => {
					redis.pause();
					await pass(5_000);
					redis.resume();
				}),
			);
		});

		test('while connections break after any number of bytes, on the way there or back', async (t, seed) => {
			const load = loadOf(seed, 1_000);
			const redis = await startRedis(PERSISTENT);
			const proxy = new BreakingProxy(redis.port, { seed, cuts: 30 });
			t.after(() => proxy.end());
			// What is sent again takes room in the stream, and a node may be away for long.
			const options = { maxLen: 100_000 };
			const { places } = await start(t, load, { redis, url: await proxy.start(), options });
			await survive(t, places, load, async () => proxy.begin());
			t.diagnostic(JSON.stringify(proxy.cut));
			assert.ok(proxy.cut.commands > 0 && proxy.cut.answers > 0);
		});

		test('that was taken, where more waits than may, and those who sent the rest are told', async (t, seed) => {
			const load = { ...loadOf(seed, 2_000), mayRefuse: true };
			const { redis, places } = await start(t, load, { options: { maxPendingBytes: 100_000 } });
			await survive(t, places, load, async () => {
				await at(places[0], [0.2], () => redis.kill());
				await at(places[0], [0.35], () => redis.start());
			});
			for (const place of places) {
				const { refused } = await place.do('loadReport');
				t.diagnostic(`${refused.length} refused`);
				assert.ok(refused.length > 0);
				const [{ code }] = await place.do('errors', 1);
				assert.equal(code, 'ERR_BACKPLANE_UNAVAILABLE');
			}
		});

		test('while another node is killed, whose sessions are gone for the others within 15 s', async (t, seed) => {
			const load = { ...loadOf(seed, 500, 3), mortal: 2 };
			const { nodes, places, join } = await start(t, load);
			const [a, b, c] = places;
			const thread = await nodes[2].thread();
			const worker = await join(thread);
			await worker.do('create', 'of a worker');
			await worker.do('streams', 'flush');
			const doomed = [...load.sessions[2], 'of a worker'];
			for (const id of doomed) assert.equal(await a.do('streams', 'has', id), true);
			// Most of what it is to send it never will.
			c.do('load').catch(() => {});
			let gone = 0;
			const reports = Promise.all([a, b].map((place) => place.do('load').then(() => place.do('loadReport'))));
			await c.do('loadReached', 500);
			await nodes[2].kill();
			const killed = performance.now();
			for (const place of [a, b]) {
				for (const id of doomed) {
					await until(async () => {
						for (const living of ['0-0', '1-0']) assert.equal(await place.do('streams', 'has', living), true);
						return !(await place.do('streams', 'has', id));
					});
				}
				gone = performance.now() - killed;
			}
			t.diagnostic(`gone after ${Math.round(gone)} ms`);
			assert.ok(gone < 15_000, `gone after ${gone} ms`);
			const [ofA, ofB] = await reports;
			assertNothingLost(
				new Map([
					[0, ofA],
					[1, ofB],
				]),
				load,
			);
			for (const place of [a, b]) {
				assert.deepEqual(await place.do('gaps', 0), []);
				assert.deepEqual(await place.do('errors', 0), []);
				assert.equal((await place.do('streams', 'stats')).backplane.reconnects, 0);
			}
			await a.do('create', doomed[0]);
			await b.do('streams', 'send', [doomed[0]], 'to the new one');
			assert.deepEqual(await a.do('received', doomed[0], 1), ['to the new one']);
		});
	});
});
