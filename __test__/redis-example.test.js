// The example of several processes that share their sessions by Redis, behind a balancer: the demo, and what is left running.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, afterEach, before, describe, it } from 'node:test';
import { RedisInfoSessionManager, RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';
import { tryIt } from '../examples/support/try-it.mjs';
import { testSeveralServers } from './suites/several-servers.js';
import { run } from './support/programs.js';
import { describeWithRedis, startRedis } from './support/redis.js';

/** @import { RedisServer } from './support/redis.js' */

const NODES = 2;
const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 };
const withShell = spawnSync('curl', ['--version']).status === 0 ? posix : { skip: 'curl is not installed' };

describeWithRedis('several processes with one Redis', () => {
	/** @type {RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis({ appendOnly: true });
	});
	afterEach(() => redis.command('FLUSHALL'));
	after(() => redis?.end());

	describe('the demo', () => {
		it(
			'exits by itself with 0, having seen clients go on when a node is stopped and one is killed',
			posix,
			async () => {
				const demo = run(process.execPath, ['examples/redis/demo.mjs'], { REDIS_URL: redis.url });
				assert.equal(await demo.ended, 0, demo.output);
				assert.match(demo.output, /^The streams of 5 clients landed in 2 of them\.$/m);
				assert.match(
					demo.output,
					/^Node 1 is stopped in order: after \d+ ms its [1-5] clients have their streams elsewhere/m,
				);
				assert.match(demo.output, /^Node 2 is killed: after \d+ ms its [1-5] clients have their streams elsewhere/m);
				for (const node of [1, 2, 3]) {
					for (const does of ['counts visits', 'adds a tool']) {
						assert.match(demo.output, RegExp(`^node ${node} ${does}`, 'm'));
					}
				}
				assert.match(demo.output, /^(\d+) of \1 messages arrived, each exactly once and at nobody else;/m);

				/** @type {string[]} */
				const keys = await redis.command('KEYS', '*');
				const names = keys.map((key) => key.replace(/^demo-[0-9a-f-]+:/, ''));
				assert.deepEqual(names.sort(), ['counters', 'nodes', 'sent', 'stream'], 'something of a session is left');
				for (const key of keys) assert.ok((await redis.command('PTTL', key)) > 0, `${key} stays for ever`);
			},
		);
	});

	describe('nodes behind a balancer', () => {
		testSeveralServers({ count: NODES, start, until });

		it('answer the lines they print, typed into a shell', withShell, async (test) => {
			const { server, url } = await start(test);
			const shell = run('sh');
			for (const { type, shows } of tryIt(url)) {
				await server.until(type.replace(/^/gm, '  '));
				shell.type(type);
				for (const answer of shows) await shell.until(answer);
			}
			// The last line leaves the session; the stream in the background has to end by that.
			shell.type('wait; exit 0');
			assert.equal(await shell.ended, 0, shell.output);
			server.stop();
			assert.equal(await server.ended, 0, server.output);
		});

		it('say what is missing where there is no Redis, and exit with 1', posix, async () => {
			const server = run(process.execPath, ['examples/redis/servers.mjs'], {
				PORT: '0',
				REDIS_URL: 'redis://127.0.0.1:1',
			});
			assert.equal(await server.ended, 1, server.output);
			assert.match(server.output, /Is there a Redis\? REDIS_URL=redis:\/\/host:port says where/);
		});
	});

	/** @param {import('node:test').TestContext} test */
	async function start(test) {
		const server = run(process.execPath, ['examples/redis/servers.mjs'], {
			PORT: '0',
			NODES: String(NODES),
			REDIS_URL: redis.url,
		});
		// Where the test fails before it does so itself.
		test.after(server.stop);
		const [url] = await server.until(/http:\S+/);
		return { server, url };
	}

	/**
	 * Asks, as another node, until it is so.
	 *
	 * @param {(managers: { streams: RedisStreamSessionManager, info: RedisInfoSessionManager }) => Promise<boolean>} is
	 */
	async function until(is) {
		const options = { prefix: 'mcp', nodeTtlMs: 10_000, heartbeatMs: 2_500 };
		const streams = new RedisStreamSessionManager(redis.url, options);
		const info = new RedisInfoSessionManager(redis.url, options);
		try {
			await streams.ready();
			while (!(await is({ streams, info })));
		} finally {
			await Promise.all([streams.close(), info.close()]);
		}
	}
});
