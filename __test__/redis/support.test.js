// The Redis that the tests of the Redis managers start (support/redis.js): it is what those tests take it for, and nothing of
// it is left.

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

describeWithRedis('a Redis of the tests’ own', () => {
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
		// That it is cut may be an error, or an end.
		const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
		await once(socket, 'connect');
		socket.resume();
		return { socket, closed };
	}

	test('takes commands when it has started, and is empty, whatever another was told', async () => {
		const [one, another] = [await start(), await start()];
		assert.equal(await one.command('SET', 'a', 1), 'OK');
		assert.equal(await one.command('GET', 'a'), '1');
		assert.deepEqual(await another.command('KEYS', '*'), []);
		assert.notEqual(one.url, another.url);
	});

	test('rejects a command that the server refuses, with what it says', async () => {
		await assert.rejects((await start()).command('GET'), /wrong number of arguments/);
	});

	test('has what it answered to when it is killed and started again, where it is append-only and always writes', async () => {
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

	test('has what it was told when it is restarted, where it is append-only, and nothing where it is not', async () => {
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
		test(`is no more when it was ${how}, paused or not: its connections are cut, and nobody takes new ones`, async () => {
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

	test('answers nothing while it is paused, and everything when it goes on', async () => {
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

	test('cuts all connections, subscribed ones too, and says how many there were', async () => {
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

	test('tells how often each command was done, and counts nothing that nobody did', async () => {
		const redis = await start();
		assert.deepEqual(await redis.commandCounts(), {});
		for (let n = 0; n < 3; n++) await redis.command('XADD', 'stream', '*', 'n', n);
		await redis.command('CLIENT', 'LIST');
		assert.deepEqual(await redis.commandCounts(), { xadd: 3, 'client|list': 1 });
	});

	test('takes more arguments', async () => {
		const redis = await start({ args: ['--maxmemory', '10mb'] });
		assert.deepEqual(await redis.command('CONFIG', 'GET', 'maxmemory'), ['maxmemory', String(10 * 2 ** 20)]);
	});

	test('takes another port where the one it was to have is taken', async () => {
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

	test('that cannot start says why, and leaves nothing', async () => {
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

	test('leaves no server and no folder when it is ended, in whichever state, and twice', async () => {
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

	test('does not outlive the process that started it, though that is killed', async () => {
		const starter = spawn(process.execPath, [child('start-redis.js')], { stdio: ['ignore', 'pipe', 'inherit'] });
		const [line] = await once(starter.stdout.setEncoding('utf8'), 'data');
		const redis = JSON.parse(line);
		const { closed } = await connected(redis);
		starter.kill('SIGKILL');
		await closed;
		while (existsSync(redis.folder)) await turn();
	});
});

describe('where there is no Redis', () => {
	// Its output as a program's is Node.js's own.
	const onNode = { skip: ('Bun' in globalThis || 'Deno' in globalThis) && 'the tests are run by node' };

	for (const [CI, code, what] of /** @type {const} */ ([
		['', 0, 'are skipped'],
		['true', 1, 'fail, with CI=true'],
	])) {
		test(`tests that need it ${what}, with a line that says what is missing and how to get it`, onNode, async () => {
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
		});
	}
});
