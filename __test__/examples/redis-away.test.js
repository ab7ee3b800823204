// tmcp servers behind srvx, with clients of the official SDK, while their Redis is away: no process ends, no request takes much
// longer than `commandTimeoutMs`, and local notifications arrive. Afterwards, all do.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { run } from '../support/programs.js';
import { describeWithRedis, startRedis } from '../support/redis.js';

/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */

const { resolve } = createRequire(new URL('../../examples/package.json', import.meta.url));
const importExamples = (/** @type {string} */ name) => import(pathToFileURL(resolve(name)).href);
const { Client } = await importExamples('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = await importExamples('@modelcontextprotocol/sdk/client/streamableHttp.js');

const NOTE = 'note://1';
/** Default of `commandTimeoutMs`. */
const COMMAND_TIMEOUT_MS = 2_000;
/** A request that waits twice would take twice as long. */
const MAX_REQUEST_MS = COMMAND_TIMEOUT_MS * 1.75;
/** Time for which Redis is away: REDIS_AWAY_MS=30000 makes it longer. */
const AWAY_MS = Number(process.env.REDIS_AWAY_MS ?? 4_000);
const options = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 + AWAY_MS };

/** @param {TestContext} t @param {string} redisUrl */
async function startServer(t, redisUrl) {
	const program = run(process.execPath, ['__test__/programs/redis-away-server.js'], { REDIS_URL: redisUrl });
	t.after(program.stop);
	let hasEnded = false;
	program.ended.then(() => {
		hasEnded = true;
	});
	await program.until(/^http:\S+$/m);
	const url = /** @type {RegExpMatchArray} */ (program.output.match(/^http:\S+$/m))[0];
	return {
		url,
		program,
		assertAlive() {
			assert.equal(hasEnded, false, program.output);
			assert.doesNotMatch(program.output, /unhandled|Error:/i);
		},
	};
}

/** Measures requests. */
class Stopwatch {
	longest = { name: '', ms: 0 };
	count = 0;

	/**
	 * @template Value
	 * @param {string} name
	 * @param {Promise<Value>} request
	 */
	async time(name, request) {
		const start = performance.now();
		const value = await request;
		const ms = performance.now() - start;
		this.count++;
		if (ms > this.longest.ms) this.longest = { name, ms };
		return value;
	}
}

/** @param {TestContext} t @param {string} url */
async function connect(t, url) {
	const client = new Client({ name: 'client', version: '1.0.0' });
	/** Number of notifications by method. @type {Record<string, number>} */
	const got = {};
	client.fallbackNotificationHandler = async (/** @type {any} */ { method }) => {
		got[method] = (got[method] ?? 0) + 1;
	};
	const transport = new StreamableHTTPClientTransport(new URL(url));
	await client.connect(transport);
	t.after(() => client.close());
	return { client, transport, got, call: (/** @type {string} */ name) => client.callTool({ name }) };
}

/** Repeats an action until a condition is true. @param {() => unknown} isTrue @param {() => unknown} action */
async function repeatUntil(isTrue, action) {
	while (!isTrue()) {
		await action();
		await delay(20);
	}
}

const UPDATED = 'notifications/resources/updated';
const LIST = 'notifications/resources/list_changed';

describeWithRedis('tmcp servers with Redis', () => {
	for (const [state, goAway, comeBack] of /** @type {const} */ ([
		[
			'is stopped',
			(/** @type {RedisServer} */ redis) => redis.stop(),
			(/** @type {RedisServer} */ redis) => redis.start(),
		],
		[
			'is paused',
			(/** @type {RedisServer} */ redis) => redis.pause(),
			(/** @type {RedisServer} */ redis) => redis.resume(),
		],
	])) {
		it(`live on while Redis ${state}, and agree when it is back`, options, async (t) => {
			const redis = await startRedis({ appendOnly: true });
			t.after(() => redis.end());
			const servers = [await startServer(t, redis.url), await startServer(t, redis.url)];
			const [a, b] = servers;
			const stays = await connect(t, a.url);
			await stays.client.subscribeResource({ uri: NOTE });
			const other = await connect(t, b.url);
			await repeatUntil(
				() => (stays.got[UPDATED] ?? 0) > 0 && (other.got[LIST] ?? 0) > 0,
				() => Promise.all([stays.call('change'), stays.call('change_list')]),
			);

			await goAway(redis);
			const watch = new Stopwatch();
			const before = stays.got[UPDATED];
			await watch.time('changed', stays.call('change'));
			await repeatUntil(
				() => stays.got[UPDATED] > before,
				() => undefined,
			);
			const end = performance.now() + AWAY_MS;
			for (let round = 0; performance.now() < end; round++) {
				// A GET with an unknown session id, and its end without a notice.
				const left = new AbortController();
				const headers = { accept: 'text/event-stream', 'mcp-session-id': `unknown ${round}` };
				const get = await watch.time('GET', fetch(a.url, { headers, signal: left.signal }));
				assert.equal(get.status, 200);
				left.abort();
				const guest = await watch.time('initialize', connect(t, b.url));
				await watch.time('subscribe', guest.client.subscribeResource({ uri: NOTE }));
				await watch.time('call', guest.call('change'));
				await repeatUntil(
					() => (guest.got[UPDATED] ?? 0) > 0,
					() => watch.time('call', guest.call('change')),
				);
				await watch.time('unsubscribe', guest.client.unsubscribeResource({ uri: NOTE }));
				await watch.time('DELETE', guest.transport.terminateSession());
				await guest.client.close();
				await watch.time('call', stays.call('change_list'));
				for (const server of servers) server.assertAlive();
			}
			// Another client subscribes on b, and stays.
			const late = await watch.time('initialize', connect(t, b.url));
			await watch.time('subscribe', late.client.subscribeResource({ uri: NOTE }));
			t.diagnostic(`${watch.count} requests, the longest: ${watch.longest.name}, ${Math.round(watch.longest.ms)} ms`);
			assert.ok(watch.longest.ms < MAX_REQUEST_MS, JSON.stringify(watch.longest));

			await comeBack(redis);
			const [updates, lists] = [late.got[UPDATED] ?? 0, other.got[LIST] ?? 0];
			await repeatUntil(
				() => (late.got[UPDATED] ?? 0) > updates && (other.got[LIST] ?? 0) > lists,
				() => Promise.all([stays.call('change'), stays.call('change_list')]),
			);
			for (const server of servers) server.assertAlive();
		});
	}

	it('live on when a tool reports changes after their managers are closed', options, async (t) => {
		const redis = await startRedis();
		t.after(() => redis.end());
		const server = await startServer(t, redis.url);
		const { call, client } = await connect(t, server.url);
		const slow = call('slow').catch(() => {});
		await server.program.until('slow is called');
		server.program.type('close');
		await server.program.until('closed');
		server.program.type('go on');
		await server.program.until('slow has ended');
		await slow;
		// A client that comes back on a connection that is still open.
		const headers = { accept: 'text/event-stream', 'mcp-session-id': 'comes back' };
		await fetch(server.url, { headers }).then(
			(response) => response.text().catch(() => {}),
			() => {},
		);
		await client.close();
		server.assertAlive();
	});
});
