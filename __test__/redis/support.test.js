// The Redis server that the tests start (support/redis.js): it works as those tests assume, and leaves nothing behind.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { stateOf } from '../support/subscriptions.js';

/** @import { RedisOptions, RedisServer } from '../support/redis.js' */

const child = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

describeWithRedis('a Redis server of the tests', () => {
	/** @type {RedisServer[]} */
	const started = [];
	afterEach(() => Promise.all(started.splice(0).map((redis) => redis.end())));

	/** @param {RedisOptions} [options] */
	async function start(options) {
		const redis = await startRedis(options);
		started.push(redis);
		return redis;
	}

	/** @param {RedisServer} redis */
	async function connected({ port }) {
		const socket = connect(port, '127.0.0.1');
		// A closed connection may be an error, or an end.
		const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
		await once(socket, 'connect');
		socket.resume();
		return { socket, closed };
	}

	test('accepts commands when it has started, and shares no data with another', async () => {
		const [one, another] = [await start(), await start()];
		assert.equal(await one.command('SET', 'a', 1), 'OK');
		assert.equal(await one.command('GET', 'a'), '1');
		assert.deepEqual(await another.command('KEYS', '*'), []);
		assert.notEqual(one.url, another.url);
	});

	test('rejects a command that the server refuses, with the error of the server', async () => {
		await assert.rejects((await start()).command('GET'), /wrong number of arguments/);
	});

	test('keeps its data when it is killed and started again, with appendOnly and appendfsync: "always"', async () => {
		const redis = await start({ appendOnly: true, appendfsync: 'always' });
		const { url } = redis;
		for (let n = 0; n < 3; n++) {
			await redis.command('RPUSH', 'list', n);
			await redis.kill();
			await redis.restart();
		}
		assert.deepEqual(await redis.command('LRANGE', 'list', 0, -1), ['0', '1', '2']);
		assert.equal(redis.url, url);
	});

	test('keeps its data on a restart with appendOnly, and loses them without it', async () => {
		for (const [appendOnly, expected] of /** @type {const} */ ([
			[true, '1'],
			[false, null],
		])) {
			const redis = await start({ appendOnly });
			await redis.command('SET', 'a', 1);
			await redis.restart();
			assert.equal(await redis.command('GET', 'a'), expected);
		}
	});

	for (const [how, end] of /** @type {[string, (redis: RedisServer) => Promise<void>][]} */ ([
		['stopped', (redis) => redis.stop()],
		['killed', (redis) => redis.kill()],
	])) {
		test(`closes its connections and accepts no new ones when it was ${how}, also while paused`, async () => {
			const redis = await start();
			for (const paused of [false, true]) {
				const { closed } = await connected(redis);
				if (paused) redis.pause();
				await end(redis);
				await closed;
				await assert.rejects(redis.command('PING'), { code: 'ECONNREFUSED' });
				await redis.restart();
			}
		});
	}

	test('replies to nothing while it is paused, and to everything after resume', async () => {
		const [paused, another] = [await start(), await start()];
		const { socket } = await connected(paused);
		paused.pause();
		socket.write('PING\r\n');
		const answered = once(socket, 'data');
		for (let n = 0; n < 20; n++) await another.command('PING');
		assert.equal(await stateOf(answered), 'pending');
		paused.resume();
		assert.equal(String(await answered), '+PONG\r\n');
		socket.destroy();
	});

	test('cutConnections() closes all connections, also those of subscribers, and returns their number', async () => {
		const redis = await start();
		const connections = [await connected(redis), await connected(redis), await connected(redis)];
		const [{ socket: subscribed }] = connections;
		subscribed.write('SUBSCRIBE channel\r\n');
		await once(
			subscribed.on('data', () => {}),
			'data',
		);
		assert.equal(await redis.cutConnections(), 3);
		await Promise.all(connections.map(({ closed }) => closed));
		assert.equal(await redis.cutConnections(), 0);
	});

	test('commandCounts() returns how often each command was run, and counts no command of its own', async () => {
		const redis = await start();
		assert.deepEqual(await redis.commandCounts(), {});
		for (let n = 0; n < 3; n++) await redis.command('XADD', 'stream', '*', 'n', n);
		await redis.command('CLIENT', 'LIST');
		const server = await redis.command('INFO', 'server');
		// Redis 6.2 counts subcommands as one command.
		const list = server.includes('redis_version:6.') ? 'client' : 'client|list';
		assert.deepEqual(await redis.commandCounts(), { xadd: 3, [list]: 1 });
	});

	test('accepts further arguments', async () => {
		const redis = await start({ args: ['--maxmemory', '10mb'] });
		assert.deepEqual(await redis.command('CONFIG', 'GET', 'maxmemory'), ['maxmemory', String(10 * 2 ** 20)]);
	});

	test('uses another port when the first one is taken', async () => {
		const { random } = Math;
		const answers = [0.5, 0.5, 0.25];
		Math.random = () => answers.shift() ?? random();
		try {
			const [one, another] = [await start(), await start()];
			assert.equal(await another.command('PING'), 'PONG');
			assert.notEqual(one.port, another.port);
		} finally {
			Math.random = random;
		}
	});

	test('that cannot start rejects with the reason, and leaves nothing behind', async () => {
		const temporary = mkdtempSync(join(tmpdir(), 'temporary-'));
		const { TMPDIR } = process.env;
		process.env.TMPDIR = temporary;
		try {
			await assert.rejects(
				startRedis({ args: ['--no-such-option', '1'] }),
				/ended before it was ready:[\s\S]*no-such-option/,
			);
			rmdirSync(temporary);
		} finally {
			if (TMPDIR === undefined) delete process.env.TMPDIR;
			else process.env.TMPDIR = TMPDIR;
		}
	});

	test('leaves no process and no folder after end(), in any state, also when called twice', async () => {
		for (const bringAbout of /** @type {((redis: RedisServer) => unknown)[]} */ ([
			() => {},
			(redis) => redis.pause(),
			(redis) => redis.kill(),
			(redis) => redis.restart(),
		])) {
			const redis = await startRedis({ appendOnly: true });
			await bringAbout(redis);
			assert.ok(readdirSync(redis.folder).length > 0);
			await Promise.all([redis.end(), redis.end()]);
			await redis.end();
			assert.equal(existsSync(redis.folder), false);
			await assert.rejects(redis.command('PING'), { code: 'ECONNREFUSED' });
		}
	});

	test('ends with the process that started it, even when that process is killed', async () => {
		const starter = spawn(process.execPath, [child('start-redis.js')], { stdio: ['ignore', 'pipe', 'inherit'] });
		const [line] = await once(starter.stdout.setEncoding('utf8'), 'data');
		const redis = JSON.parse(line);
		const { closed } = await connected(redis);
		starter.kill('SIGKILL');
		await closed;
		while (existsSync(redis.folder)) await turn();
	});
});

describe('without a Redis binary', () => {
	// The test reads the output of Node's test runner.
	const onNode = { skip: ('Bun' in globalThis || 'Deno' in globalThis) && 'the test runs the test runner of Node.js' };

	for (const [CI, code, what] of /** @type {const} */ ([
		['', 0, 'are skipped'],
		['true', 1, 'fail with CI=true'],
	])) {
		test(
			`tests that need it ${what}, with a message that says what is missing and how to install it`,
			onNode,
			async () => {
				const { NODE_TEST_CONTEXT: _, ...env } = process.env;
				const tests = spawn(process.execPath, ['--test-reporter=tap', child('tests-with-redis.js')], {
					env: { ...env, CI, REDIS_SERVER: 'no-such-server' },
				});
				let output = '';
				tests.stdout.setEncoding('utf8').on('data', (text) => {
					output += text;
				});
				const [ended] = await once(tests, 'close');
				assert.equal(ended, code, output);
				assert.match(output, code === 0 ? /^# skipped 1$/m : /^not ok /m);
				const line = output.split('\n').find((line) => line.includes('there is no no-such-server'));
				assert.match(line ?? output, /apt-get install redis-server, .* REDIS_SERVER=/);
			},
		);
	}
});
