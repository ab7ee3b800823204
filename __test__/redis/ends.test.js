// Ends of threads and processes with Redis managers, in any way, with Redis reachable or not: they end at once, with the right
// exit code and without a crash. Nothing that they print contains the password.
//
// REDIS_ENDS=all tries every way to end in every state of Redis. Without it, some combinations are left out.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test as testOf } from 'node:test';

import { run } from '../support/programs.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

/** @import { AddressInfo } from 'node:net' */
/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */

/** @param {string} name @param {(t: TestContext) => unknown} what */
const test = (name, what) => testOf(name, { timeout: 60_000 }, async (t) => void (await what(t)));

const CALLS = ['ready', 'flush', 'has', 'set', 'get'];
const FULFILLED = CALLS.map((name) => `${name}: fulfilled`);
const REJECTED = CALLS.map((name) => `${name}: rejected, ERR_BACKPLANE_UNAVAILABLE`);

/**
 * A way to end: the exit code, what the process prints instead of `last work`, whether it first prints the outcome of its calls,
 * and whether it is tried in some states only.
 *
 * @typedef {{ code: unknown, prints?: RegExp, asks?: boolean, rare?: boolean }} Way
 */
/** @type {Record<string, Way>} */
const WAYS = {
	'has no work left': { code: 0 },
	'calls process.exit(7)': { code: 7 },
	'calls process.exit(7) while workers send': { code: 7 },
	'throws an uncaught error': { code: 1, prints: /Error: nobody catches this/, rare: true },
	'gets SIGTERM': { code: 'SIGTERM', rare: true },
	'has closed its managers': { code: 0 },
	'has closed unused managers': { code: 0, rare: true },
	'waits for its pending calls': { code: 0, asks: true },
	'does not wait for its pending calls': { code: 0, rare: true },
	'has dropped its managers': { code: 0 },
	'had workers that were terminated': { code: 0 },
	'had workers that failed': { code: 0, rare: true },
	'had workers that exited': { code: 0, rare: true },
	'had workers that ran out of work': { code: 0, rare: true },
	'used managers only in workers that have ended': { code: 0 },
};

/** Number of processes that run at once: few, so that each gets enough CPU time to end promptly. */
const CONCURRENT_PROCESSES = 3;

/** @typedef {{ code: unknown, output: string, afterMs: number }} End */

/** @type {RedisServer} */
let redis;
/** Accepts connections, and never replies. */
const silent = createServer((socket) => socket.on('error', () => {}));

/** @param {import('node:net').Server} server */
const urlOf = (server) => `redis://127.0.0.1:${/** @type {AddressInfo} */ (server.address()).port}`;

/** Returns a URL on which no server listens. */
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
	// A process that hangs must not delay the others.
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
 * The state of Redis in which all ways to end are tried.
 *
 * @typedef {object} State
 * @property {() => string | Promise<string>} url
 * @property {boolean} [answers] true when Redis replies at the end
 * @property {boolean} [all] true when every way is tried
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
				const some = ways
					.splice(0, CONCURRENT_PROCESSES)
					.map((way) => ({ way, ...start(way, to, whenConnected ? ['ready'] : []) }));
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
			test(`a process that ${way} ends in time`, () => {
				const { code, output, afterMs } = /** @type {End} */ (ended.get(way));
				assert.equal(code, expected, output);
				if (prints) assert.match(output, prints);
				else {
					// A manager that was ready once stays ready.
					const answered = asks
						? answers
							? FULFILLED
							: whenConnected
								? [FULFILLED[0], ...REJECTED.slice(1)]
								: REJECTED
						: [];
					const lines = [...(whenConnected ? ['ready'] : []), ...answered, 'last work'];
					assert.equal(output, lines.map((line) => `${line}\n`).join(''));
				}
				assert.doesNotMatch(output, /unhandled|panicked/i);
				assert.ok(afterMs < 1_000, `${Math.round(afterMs)} ms after its last work`);
			});
		}
	});
}

describeWithRedis('ends with Redis managers', () => {
	before(async () => {
		redis = await startRedis();
		await once(silent.listen(0, '127.0.0.1'), 'listening');
	});
	after(async () => {
		await redis.end();
		silent.close();
	});

	ends('with Redis reachable', { url: () => redis.url, answers: true });
	ends('with Redis reachable, and managers connected', {
		url: () => redis.url,
		answers: true,
		all: true,
		whenConnected() {},
	});
	ends('when no server listens', { url: nowhere });
	ends('when a host accepts connections and never replies', { url: () => urlOf(silent) });
	ends('when Redis is paused', { url: () => redis.url, begin: () => redis.pause(), finish: () => redis.resume() });
	ends('when Redis is paused after managers have connected', {
		url: () => redis.url,
		whenConnected: () => redis.pause(),
		again: () => redis.resume(),
	});
	ends('when Redis is killed after managers have connected', {
		url: () => redis.url,
		whenConnected: () => redis.kill(),
		again: () => redis.start(),
	});

	test('when the last manager is dropped, its connections are closed and its sessions removed', async () => {
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

	describe('the password', { concurrency: CONCURRENT_PROCESSES }, () => {
		const SECRET = 'geheim';
		const PASSWORD = `${SECRET}%40${SECRET}`;
		const UNAVAILABLE = /ERR_BACKPLANE_UNAVAILABLE/;
		/** Requires a password. @type {RedisServer} */
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

		/** URLs, and what an error must say about each. @type {Record<string, { url: () => string | Promise<string>, says: RegExp }>} */
		const urls = {
			'is right': { url: () => withUser('known'), says: /connected: true/ },
			'is wrong (WRONGPASS)': { url: () => withUser('other'), says: /WRONGPASS|Password authentication failed/ },
			'belongs to an unknown user': { url: () => withUser('nobody'), says: /WRONGPASS|Password authentication failed/ },
			'belongs to a user without permissions (NOPERM)': { url: () => withUser('limited'), says: /NOPERM|NoPerm/ },
			'is missing (NOAUTH)': { url: () => guarded.url, says: /NOAUTH/ },
			'is for a host that refuses': { url: async () => withUser('known', await nowhere()), says: UNAVAILABLE },
			'is for a host that never replies': { url: () => withUser('known', urlOf(silent)), says: UNAVAILABLE },
			'is for a host that does not exist': {
				url: () => withUser('known', 'redis://no-such-host.invalid:6379'),
				says: UNAVAILABLE,
			},
			'is for a socket that does not exist': { url: () => `unix:///known:${PASSWORD}`, says: UNAVAILABLE },
			'is for a host without TLS': {
				url: () => withUser('known').replace('redis:', 'rediss:'),
				says: UNAVAILABLE,
			},
		};

		const INVALID_URLS = [
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
			test(`that ${name} appears in no error and no log`, async () => {
				await assertNoSecret(await url(), says);
			});
		}

		for (const url of INVALID_URLS) {
			test(`in an invalid URL appears in no error: ${url}`, async () => {
				await assertNoSecret(url, /^new RedisStreamSessionManager failed TypeError: .*ERR_INVALID_ARG_(VALUE|TYPE)/s);
			});
		}
	});
});
