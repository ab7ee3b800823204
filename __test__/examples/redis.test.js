// Runs the examples of several processes that share their sessions through Redis. Needs redis-server, and the packages that
// `node scripts/setup.mjs examples` installs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, afterEach, before, describe, it } from 'node:test';
import { RedisInfoSessionManager, RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';
import { tryIt } from '../../examples/support/try-it.mjs';
import { testSeveralServers } from '../suites/several-servers.js';
import { run } from '../support/programs.js';
import { describeWithRedis, startRedis } from '../support/redis.js';

/** @import { RedisServer } from '../support/redis.js' */

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
		it('exits with 0 after its clients have continued while a node was stopped and one was killed', posix, async () => {
			const demo = run(process.execPath, ['examples/redis/demo.mjs'], { REDIS_URL: redis.url });
			assert.equal(await demo.ended, 0, demo.output);
			assert.match(demo.output, /^The streams of 5 clients are on 2 nodes\.$/m);
			assert.match(
				demo.output,
				/^Node 1 is stopped: after \d+ ms its [1-5] clients have their streams on other nodes/m,
			);
			assert.match(demo.output, /^Node 2 is killed: after \d+ ms its [1-5] clients have their streams on other nodes/m);
			for (const node of [1, 2, 3]) {
				for (const action of ['counts visits', 'adds a tool']) {
					assert.match(demo.output, RegExp(`^node ${node} ${action}`, 'm'));
				}
			}
			assert.match(demo.output, /^(\d+) of \1 messages arrived, each exactly once and at no other client;/m);

			/** @type {string[]} */
			const keys = await redis.command('KEYS', '*');
			const names = keys.map((key) => key.replace(/^\{?demo-[0-9a-f-]+\}?:/, '').replace(/:[a-z]{20}$/, ''));
			// The killed node may come back, so its inbox and the list of its sessions stay for a while.
			assert.deepEqual(names.sort(), ['counters', 'in', 'nodes', 'own', 'sent', 'st'], 'the directory is not empty');
			for (const key of keys) assert.ok((await redis.command('PTTL', key)) > 0, `${key} does not expire`);
		});
	});

	describe('nodes behind a load balancer', () => {
		testSeveralServers({ count: NODES, start, until });

		it('answer the commands that they print, when they are typed into a shell', withShell, async (test) => {
			const { server, url } = await start(test);
			const shell = run('sh');
			for (const { type, shows } of tryIt(url)) {
				await server.until(type.replace(/^/gm, '  '));
				shell.type(type);
				for (const answer of shows) await shell.until(answer);
			}
			// The last command ends the session, and so the stream in the background.
			shell.type('wait; exit 0');
			assert.equal(await shell.ended, 0, shell.output);
			server.stop();
			assert.equal(await server.ended, 0, server.output);
		});
	});

	for (const file of ['servers.mjs', 'demo.mjs', 'node.mjs']) {
		it(`${file} prints one line that says what to do when Redis is missing, and exits with 1`, posix, async () => {
			const REDIS_URL = 'redis://user:secret@127.0.0.1:1';
			const program = run(process.execPath, [`examples/redis/${file}`], { PORT: '0', REDIS_URL });
			assert.equal(await program.ended, 1, program.output);
			assert.equal(
				program.output,
				'This example needs Redis, and redis://127.0.0.1:1 does not answer (ECONNREFUSED). ' +
					'Start Redis with `redis-server`, or set REDIS_URL=redis://host:port.\n',
			);
		});
	}

	/** @param {import('node:test').TestContext} test */
	async function start(test) {
		const server = run(process.execPath, ['examples/redis/servers.mjs'], {
			PORT: '0',
			NODES: String(NODES),
			REDIS_URL: redis.url,
		});
		// For a test that fails before it stops the server.
		test.after(server.stop);
		const [url] = await server.until(/http:\S+/);
		return { server, url };
	}

	/**
	 * Repeats a check on another node until it returns true.
	 *
	 * @param {(managers: { streams: RedisStreamSessionManager, info: RedisInfoSessionManager }) => Promise<boolean>} check
	 */
	async function until(check) {
		const options = { prefix: 'mcp', nodeTtlMs: 10_000, heartbeatMs: 2_500 };
		const streams = new RedisStreamSessionManager(redis.url, options);
		const info = new RedisInfoSessionManager(redis.url, options);
		try {
			await streams.ready();
			while (!(await check({ streams, info })));
		} finally {
			await Promise.all([streams.close(), info.close()]);
		}
	}
});
