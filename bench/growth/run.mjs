// npm run bench:growth: the CPU time of four calls whose work must not grow with the square of the number of sessions, calls or
// URIs, each at three sizes. Linear work takes about the same time for each of them at every size; quadratic work would take 16
// times as long at the largest. The rows of Redis need `redis-server`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { RedisInfoSessionManager, RedisStreamSessionManager } from '../../lib/redis.js';
import { describeEnvironment } from '../harness/environment.mjs';
import { startRedis } from '../redis/redis-server.mjs';
import { factor, table, time } from '../report/format.mjs';
import { startClock } from './clock.mjs';

/** The fastest round counts: other programs only make a round slower. */
const ROUNDS = 3;
const EXPIRE_SOON = "for uri = 0, ARGV[2] - 1 do redis.call('PEXPIRE', ARGV[1] .. uri, ARGV[3]) end";

/**
 * Each row: what one unit of work is, the sizes, and a function that resolves to the nanoseconds that this number of units
 * takes.
 *
 * @type {{ name: string, sizes: number[], run: (size: number) => Promise<number> }[]}
 */
const rows = [
	{
		name: 'a session that another thread deletes, with an `onClose` that calls `delete`',
		sizes: [2_000, 8_000, 32_000],
		run: deleteInOnClose,
	},
	{
		name: 'a session that gets a broadcast and a message to a list, with `sliceMs`',
		sizes: [10_000, 40_000, 160_000],
		run: sendInSlices,
	},
];

const { commit, node, platform, cpu, cores } = describeEnvironment();
console.log(`Commit ${commit}, Node.js ${node}, ${platform}, ${cpu}, ${cores} cores`);

const redis = await startRedis().catch(() => undefined);
if (redis === undefined) {
	console.log('The rows of Redis are left out: redis-server is not in the PATH.');
} else {
	rows.push(
		{
			name: 'a `flush()` that waits while Redis does not answer',
			sizes: [2_000, 8_000, 32_000],
			run: flushWithoutRedis,
		},
		{
			name: 'a URI that a session watches, when the session is read and then deleted, time of Redis',
			sizes: [10_000, 40_000, 160_000],
			run: readAndForget,
		},
	);
}

const lines = [];
for (const { name, sizes, run } of rows) {
	const fastest = [];
	for (const size of sizes) {
		const samples = [];
		for (let round = 0; round < ROUNDS; round++) samples.push((await run(size)) / size);
		fastest.push(Math.min(...samples));
	}
	const growth = factor(fastest[fastest.length - 1] / fastest[0]);
	lines.push([name, ...fastest.map((ns, index) => `${time(ns)} (${sizes[index].toLocaleString('en')})`), growth]);
}
const head = ['time for each …', 'small', 'medium', 'large', 'large / small'];
console.log(['', ...table(head, lines)].join('\n'));
await redis?.end();

/** @param {number} size */
async function deleteInOnClose(size) {
	const scope = `growth ${size} ${Math.random()}`;
	const manager = new InMemoryStreamSessionManager({ scope });
	const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: { scope, size } });
	await once(worker, 'message');
	for (let id = 0; id < size; id++) manager.delete(`${id}`);
	const [ns] = await once(worker, 'message');
	await worker.terminate();
	await manager.close();
	return ns;
}

/** @param {number} size */
async function sendInSlices(size) {
	const manager = new InMemoryStreamSessionManager({ sliceMs: 8 });
	let received = 0;
	const controller = {
		enqueue() {
			received++;
		},
		close() {},
	};
	const ids = Array.from({ length: size }, (_, id) => `${id}`);
	for (const id of ids) manager.create(id, controller);
	const nsSince = startClock();
	manager.send(undefined, 'to all');
	manager.send(ids, 'to a list');
	await manager.flush();
	assert.equal(received, 2 * size);
	return nsSince();
}

/** @param {number} size */
async function flushWithoutRedis(size) {
	const server = await startRedis();
	const manager = new RedisStreamSessionManager(server.url, { prefix: 'growth', onError() {} });
	await manager.ready();
	server.pause();
	manager.send(['elsewhere'], 'text');
	/** @type {Promise<unknown>[]} */
	const flushed = [];
	const nsSince = startClock();
	for (let call = 0; call < size; call++) flushed.push(manager.flush());
	const ns = nsSince();
	server.resume();
	await Promise.allSettled(flushed);
	await manager.close();
	await server.end();
	return ns;
}

/** @param {number} size */
async function readAndForget(size) {
	assert.ok(redis);
	await redis.command('FLUSHALL');
	const info = new RedisInfoSessionManager(redis.url, { prefix: 'growth', ttlMs: 1_000_000 });
	await info.ready();
	await info.setLogLevel('a', 'debug');
	for (let first = 0; first < size; first += 2_000) {
		const uris = Array.from({ length: 2_000 }, (_, index) => `${first + index}`);
		await Promise.all(uris.map((uri) => info.addSubscription('a', uri)));
	}
	// An access extends the time to live of everything when a quarter of it has passed.
	await redis.command('EVAL', EXPIRE_SOON, 0, 'growth:watchers:', size, 500_000);
	await redis.command('PEXPIRE', 'growth:watching:a', 500_000);
	await redis.command('CONFIG', 'RESETSTAT');
	assert.equal(await info.getLogLevel('a'), 'debug');
	await untilCalled('pexpire', size);
	await info.delete('a');
	await untilCalled('zrem', size);
	const stats = String(await redis.command('INFO', 'commandstats'));
	const used = /cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(stats)?.[1];
	await info.close();
	return Number(used) * 1e3;
}

/**
 * Resolves when Redis has executed a command at least this number of times.
 *
 * @param {string} command
 * @param {number} times
 */
async function untilCalled(command, times) {
	assert.ok(redis);
	while (((await redis.commandCounts())[command] ?? 0) < times) await new Promise((resolve) => setTimeout(resolve, 5));
}
