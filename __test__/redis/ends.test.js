// Ends: however a thread or a process ends, whether Redis is there or not, it does so at once, with its exit code and without
// a crash; and nothing that it prints gives the password away.
//
// REDIS_ENDS=all tries every way to end in every state of things; otherwise some of both are left out.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test as testOf } from 'node:test';

import { run } from '../support/programs.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { until } from '../support/redis-node/node.js';

/** @import { AddressInfo } from 'node:net' */
/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */

/** @param {string} name @param {(t: TestContext) => unknown} what */
const test = (name, what) => testOf(name, { timeout: 60_000 }, async (t) => void (await what(t)));

const CALLS = ['ready', 'flush', 'has', 'set', 'get'];
const THERE = CALLS.map((name) => `${name}: fulfilled`);
const AWAY = CALLS.map((name) => `${name}: rejected, ERR_BACKPLANE_UNAVAILABLE`);

/**
 * A way to end: with which code, what it prints in place of `last work`, whether it prints what became of its calls before,
 * and whether it is tried in some states only.
 *
 * @typedef {{ code: unknown, prints?: RegExp, asks?: boolean, rare?: boolean }} Way
 */
/** @type {Record<string, Way>} */
const WAYS = {
	'comes to its end': { code: 0 },
	'calls process.exit(7)': { code: 7 },
	'calls process.exit(7) while workers work': { code: 7 },
	'throws an error that nobody catches': { code: 1, prints: /Error: nobody catches this/, rare: true },
	'is told to end (SIGTERM)': { code: 'SIGTERM', rare: true },
	'has closed its managers': { code: 0 },
	'has closed managers that did nothing': { code: 0, rare: true },
	'waits for what it has asked': { code: 0, asks: true },
	'has waited for nothing it has asked': { code: 0, rare: true },
	'has dropped its managers': { code: 0 },
	'has seen workers terminated': { code: 0 },
	'has seen workers fail': { code: 0, rare: true },
	'has seen workers exit': { code: 0, rare: true },
	'has seen workers come to their end': { code: 0, rare: true },
	'has only worked in workers that have ended': { code: 0 },
};

/** How many processes run at once: each is to have time to be prompt. */
const AT_ONCE = 3;

/** @typedef {{ code: unknown, output: string, afterMs: number }} End */

/** @type {RedisServer} */
let redis;
/** Takes connections, and says nothing. */
const silent = createServer((socket) => socket.on('error', () => {}));

/** @param {import('node:net').Server} server */
const urlOf = (server) => `redis://127.0.0.1:${/** @type {AddressInfo} */ (server.address()).port}`;

/** A URL at which nothing listens. */
async function nowhere() {
	const server = createServer();
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const url = urlOf(server);
	server.close();
	await once(server, 'close');
	return url;
}

/**
 * @param {string} way
 * @param {string} url
 * @param {string[]} [steps]
 */
function start(way, url, steps = []) {
	const program = run(process.execPath, [
		'__test__/programs/redis-process-ends.js',
		JSON.stringify({ url, way, steps }),
	]);
	// One that hangs takes no other along.
	const limit = setTimeout(program.stop, 20_000);
	/** @type {Promise<End>} */
	const end = (async () => {
		let last = NaN;
		await program.until(/last work|Error: nobody/).then(
			() => {
				last = performance.now();
			},
			() => {},
		);
		const code = await program.ended;
		clearTimeout(limit);
		return { code, output: program.output, afterMs: performance.now() - last };
	})();
	return { program, end };
}

/**
 * All ways to end, in some state of things.
 *
 * @typedef {object} State
 * @property {() => string | Promise<string>} url
 * @property {boolean} [answers] whether Redis does, at the end
 * @property {boolean} [all] whether every way is tried
 * @property {() => unknown} [begin] before the processes start
 * @property {() => unknown} [whenConnected] runs when they are connected
 * @property {() => unknown} [again] undoes `whenConnected`
 * @property {() => unknown} [finish] undoes `begin`
 */

/**
 * @param {string} name
 * @param {State} state
 */
function ends(
	name,
	{ url, answers = false, all = process.env.REDIS_ENDS === 'all', begin, whenConnected, again, finish },
) {
	describe(name, () => {
		const tried = Object.entries(WAYS).filter(([, { rare }]) => all || !rare);
		/** @type {Map<string, End>} */
		const ended = new Map();
		before(async () => {
			const to = await url();
			await begin?.();
			const ways = tried.map(([way]) => way);
			while (ways.length > 0) {
				const some = ways.splice(0, AT_ONCE).map((way) => ({ way, ...start(way, to, whenConnected ? ['ready'] : []) }));
				if (whenConnected) {
					await Promise.all(some.map(({ program }) => program.until('ready')));
					await whenConnected();
					for (const { program } of some) program.type('go on');
				}
				for (const { way, end } of some) ended.set(way, await end);
				await again?.();
			}
			await finish?.();
		});
		for (const [way, { code: expected, prints, asks }] of tried) {
			test(`a process that ${way} ends`, () => {
				const { code, output, afterMs } = /** @type {End} */ (ended.get(way));
				assert.equal(code, expected, output);
				if (prints) assert.match(output, prints);
				else {
					// Whoever was ready once stays so.
					const answered = asks ? (answers ? THERE : whenConnected ? [THERE[0], ...AWAY.slice(1)] : AWAY) : [];
					const lines = [...(whenConnected ? ['ready'] : []), ...answered, 'last work'];
					assert.equal(output, lines.map((line) => `${line}\n`).join(''));
				}
				assert.doesNotMatch(output, /unhandled|panicked/i);
				assert.ok(afterMs < 1_000, `${Math.round(afterMs)} ms after its last work`);
			});
		}
	});
}

describeWithRedis('whatever ends', () => {
	before(async () => {
		redis = await startRedis();
		await once(silent.listen(0, '127.0.0.1'), 'listening');
	});
	after(async () => {
		await redis.end();
		silent.close();
	});

	ends('with Redis there', { url: () => redis.url, answers: true });
	ends('with Redis there, and connected', { url: () => redis.url, answers: true, all: true, whenConnected() {} });
	ends('where nothing listens', { url: nowhere });
	ends('where a host takes connections and never answers', { url: () => urlOf(silent) });
	ends('where Redis is stopped', { url: () => redis.url, begin: () => redis.pause(), finish: () => redis.resume() });
	ends('where Redis is stopped when they are connected', {
		url: () => redis.url,
		whenConnected: () => redis.pause(),
		again: () => redis.resume(),
	});
	ends('where Redis is killed when they are connected', {
		url: () => redis.url,
		whenConnected: () => redis.kill(),
		again: () => redis.start(),
	});

	test('the last manager that is dropped takes connections and sessions along', async () => {
		const connections = async () => (await redis.command('CLIENT', 'LIST')).trim().split('\n').length;
		await redis.command('FLUSHALL');
		const before = await connections();
		const { program, end } = start('has dropped its managers', redis.url, ['ready', 'dropped']);
		await program.until('ready');
		assert.ok((await connections()) > before);
		program.type('go on');
		await program.until('dropped');
		await until(async () => (await connections()) === before);
		assert.deepEqual(await redis.command('KEYS', 'ends:sessions:*'), []);
		program.type('go on');
		assert.equal((await end).code, 0);
	});

	describe('the password', { concurrency: AT_ONCE }, () => {
		const SECRET = 'geheim';
		const PASSWORD = `${SECRET}%40${SECRET}`;
		const UNAVAILABLE = /ERR_BACKPLANE_UNAVAILABLE/;
		/** Asks everybody for a password. @type {RedisServer} */
		let guarded;

		before(async () => {
			guarded = await startRedis();
			await guarded.command('CONFIG', 'SET', 'requirepass', SECRET);
			for (const [user, password, may] of [
				['known', `${SECRET}@${SECRET}`, '+@all'],
				['limited', `${SECRET}@${SECRET}`, '+ping'],
				['other', 'something else', '+@all'],
			]) {
				await redis.command('ACL', 'SETUSER', user, 'on', `>${password}`, '~*', '&*', may);
			}
		});
		after(() => guarded.end());

		/**
		 * @param {string} user
		 * @param {string} [to]
		 */
		const withUser = (user, to = redis.url) => to.replace('redis://', `redis://${user}:${PASSWORD}@`);

		/** What somebody has to be told. @type {Record<string, { url: () => string | Promise<string>, says: RegExp }>} */
		const urls = {
			'is right': { url: () => withUser('known'), says: /connected: true/ },
			'is wrong (WRONGPASS)': { url: () => withUser('other'), says: /WRONGPASS|Password authentication failed/ },
			'is of nobody': { url: () => withUser('nobody'), says: /WRONGPASS|Password authentication failed/ },
			'is of a user who may do nothing (NOPERM)': { url: () => withUser('limited'), says: /NOPERM|NoPerm/ },
			'is missing (NOAUTH)': { url: () => guarded.url, says: /NOAUTH/ },
			'is for a host that refuses': { url: async () => withUser('known', await nowhere()), says: UNAVAILABLE },
			'is for a host that never answers': { url: () => withUser('known', urlOf(silent)), says: UNAVAILABLE },
			'is for a host that there is not': {
				url: () => withUser('known', 'redis://no-such-host.invalid:6379'),
				says: UNAVAILABLE,
			},
			'is for a socket that there is not': { url: () => `unix:///known:${PASSWORD}`, says: UNAVAILABLE },
			'is for a host that speaks no TLS': {
				url: () => withUser('known').replace('redis:', 'rediss:'),
				says: UNAVAILABLE,
			},
		};

		const NO_URLS = [
			`redis://known:${PASSWORD}@`,
			`redis://known:${PASSWORD}@127.0.0.1:99999`,
			`redis://known:${PASSWORD}@127.0.0.1:port`,
			`redis://known:${PASSWORD}@127.0.0.1:6379/database`,
			`redis://known:${PASSWORD}@127.0.0.1:6379/-1`,
			`redis://known:${SECRET}/${SECRET}@127.0.0.1`,
			`redis://known:${SECRET}#${SECRET}@127.0.0.1`,
			`http://known:${PASSWORD}@127.0.0.1`,
			`known:${PASSWORD}@127.0.0.1:6379`,
			`redis:/known:${PASSWORD}@127.0.0.1`,
			` redis://known:${PASSWORD}@[::1`,
			PASSWORD,
		];

		/** @param {string} url @param {RegExp} says */
		const assertNoSecret = async (url, says) => {
			const env = { RUST_LOG: 'trace', RUST_BACKTRACE: 'full', NODE_DEBUG: 'net,tls' };
			const program = run(process.execPath, ['__test__/programs/redis-secrets.js', url], env);
			const code = await program.ended;
			const { output } = program;
			assert.equal(code, 0, output);
			assert.ok(says.test(output), output);
			assert.doesNotMatch(output, new RegExp(SECRET, 'i'));
			assert.doesNotMatch(output, /unhandled|panicked/i);
		};

		for (const [name, { url, says }] of Object.entries(urls)) {
			test(`that ${name} shows in no error and no log`, async () => {
				await assertNoSecret(await url(), says);
			});
		}

		for (const url of NO_URLS) {
			test(`that stands in what is no URL of a Redis shows in no error: ${url}`, async () => {
				await assertNoSecret(url, /^new RedisStreamSessionManager failed TypeError: .*ERR_INVALID_ARG_(VALUE|TYPE)/s);
			});
		}
	});
});
