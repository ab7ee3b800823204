// `shutdown()` of @tmcp-native/session-manager/node in a server that gets SIGTERM: with 1,000 open streams, clients that do not
// read, clients that reconnect, and tool calls under way. With managers in memory, in a scope and on Redis, and with two kinds of
// servers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { after, before, describe, it } from 'node:test';

import { run } from '../support/programs.js';
import { describeWithRedis, startRedis } from '../support/redis.js';

/** @import { TestContext } from 'node:test' */
/** @import { RequestOptions } from 'node:http' */
/** @import { RedisServer } from '../support/redis.js' */

const STREAMS = 1_000;
const STALLED = 20;
const RECONNECTING = 30;
const DRAIN_MS = 2_000;
/** `drainMs` of tests without streams. */
const SHORT_DRAIN_MS = 300;
/** The time that `shutdown()` needs after `drainMs` at most. */
const AFTER_DRAIN_MS = 1_000;

/** How a client that reconnects can notice that the server stops. */
const ORDERLY = ['503 close', 'ECONNREFUSED', 'ECONNRESET'];

const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 };

/** @type {RedisServer} */
let redis;

describe('SIGTERM, with managers in memory', () => {
	tests({ MANAGERS: 'memory' });
});
describe('SIGTERM, with managers in a scope', () => {
	tests({ MANAGERS: 'scope' });
});
describeWithRedis('SIGTERM, with managers on Redis', () => {
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis.end());
	tests({ MANAGERS: 'redis' });

	it('ends a server whose Redis is gone with 0 and in time', posix, async (t) => {
		const other = await startRedis();
		t.after(() => other.end());
		const server = await start(t, { MANAGERS: 'redis', REDIS_URL: other.url });
		const stream = await openStream(server.urls[0], 'reader');
		other.pause();
		const { code, tookMs, results } = await server.stop();
		assert.equal(code, 0, server.output);
		assert.ok(tookMs < DRAIN_MS + AFTER_DRAIN_MS, `it took ${tookMs} ms`);
		assert.equal(await stream.end, 'ended');
		assert.ok(results[0].errors.length > 0, 'the result says nothing about Redis');
	});
});

/** @param {Record<string, string>} env */
function tests(env) {
	for (const kind of ['http', 'srvx']) {
		it(`ends 1,000 streams, read and unread, in time and with exit code 0, with ${kind}`, posix, async (t) => {
			const server = await start(t, { ...env, SERVER: kind });
			const [url] = server.urls;
			const readers = await openStreams(server.urls, 'reader', STREAMS - STALLED);
			const stalled = await openStreams(server.urls, 'stalled', STALLED);
			for (const stream of stalled) stream.pause();
			assert.match(await (await server.call(url, 'fill')).text, /done: fill/);
			const reconnecting = await Promise.all(
				Array.from({ length: RECONNECTING }, (_, index) => reconnect(url, `again ${index}`)),
			);
			const called = await server.call(url, 'wait_300');

			const { code, tookMs, results } = await server.stop();
			assert.equal(code, 0, server.output);
			assert.ok(tookMs >= DRAIN_MS && tookMs < DRAIN_MS + AFTER_DRAIN_MS, `it took ${tookMs} ms`);
			assert.match(await called.text, /done: wait_300/, 'the tool call under way was not answered');
			assert.deepEqual(await countEnds(readers), { ended: STREAMS - STALLED });
			for (const stream of stalled) stream.resume();
			assert.deepEqual(await countEnds(stalled), { aborted: STALLED });
			assert.deepEqual(
				results.flatMap(({ errors }) => errors),
				[],
			);
			const outcomes = count(await Promise.all(reconnecting.map(({ outcome }) => outcome)));
			assert.deepEqual(
				Object.keys(outcomes).filter((outcome) => !ORDERLY.includes(outcome)),
				[],
			);
			t.diagnostic(`${tookMs} ms with drainMs ${DRAIN_MS}; who reconnected got ${JSON.stringify(outcomes)}`);
		});
	}

	it('cuts a tool call that takes longer than `drainMs`, and exits with 0 in time', posix, async (t) => {
		const server = await start(t, { ...env, DRAIN_MS: String(SHORT_DRAIN_MS) });
		const called = await server.call(server.urls[0], 'wait_60000');
		const { code, tookMs } = await server.stop();
		assert.equal(code, 0, server.output);
		assert.ok(tookMs >= SHORT_DRAIN_MS && tookMs < SHORT_DRAIN_MS + AFTER_DRAIN_MS, `it took ${tookMs} ms`);
		assert.equal(await called.text, 'aborted');
	});

	it('exits with 0 when a tool call that was cut uses the managers afterwards', posix, async (t) => {
		const server = await start(t, { ...env, DRAIN_MS: String(SHORT_DRAIN_MS), EXIT: 'natural' });
		const called = await server.call(server.urls[0], 'outlast');
		const { code } = await server.stop();
		assert.equal(code, 0, server.output);
		assert.equal(await called.text, 'aborted');
	});
}

/**
 * @param {TestContext} t
 * @param {Record<string, string>} env
 */
async function start(t, env) {
	const redisUrl = env.MANAGERS === 'redis' ? { REDIS_URL: redis.url } : {};
	const program = run(process.execPath, ['__test__/programs/shutdown-server.js'], {
		DRAIN_MS: String(DRAIN_MS),
		...redisUrl,
		...env,
	});
	// For a test that fails before it stops the server.
	t.after(program.stop);
	const [line] = await program.until(/^\[.*\]$/m);
	/** @type {string[]} */
	const urls = JSON.parse(line);

	/** @returns {Promise<{ code: unknown, tookMs: number, results: { unfinished: number, errors: string[] }[] }>} */
	async function stop() {
		program.stop();
		const code = await program.ended;
		const [report = '{}'] = program.output.match(/^\{.*"tookMs".*\}$/m) ?? [];
		return { code, tookMs: NaN, results: [], ...JSON.parse(report) };
	}

	/**
	 * Calls a tool. Resolves when the tool runs.
	 *
	 * @param {string} url
	 * @param {string} tool
	 */
	async function callTool(url, tool) {
		const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } };
		const headers = { 'content-type': 'application/json', 'mcp-session-id': 'caller' };
		// The head of the response is sent with the result.
		const text = send(url, { method: 'POST', headers, body: JSON.stringify(body) }).then(
			async (answer) => ((await answer.end) === 'ended' ? answer.text : 'aborted'),
			() => 'aborted',
		);
		await program.until(`called: ${tool}\n`);
		return { text };
	}

	return {
		urls,
		stop,
		call: callTool,
		get output() {
			return program.output;
		},
	};
}

/** @typedef {Awaited<ReturnType<typeof send>>} Answer */

/**
 * Sends a request. Resolves when the head of the response has arrived.
 *
 * @param {string} url
 * @param {RequestOptions & { body?: string }} options
 */
async function send(url, { body, ...options }) {
	const sent = request(url, { agent: false, ...options });
	sent.end(body);
	const [response] = await once(sent, 'response');
	let text = '';
	response.setEncoding('utf8').on('data', (/** @type {string} */ more) => {
		text += more;
	});
	/** @type {Promise<'ended' | 'aborted'>} */
	const end = new Promise((resolve) => {
		response.once('end', () => resolve('ended'));
		response.once('error', () => resolve('aborted'));
	});
	const { statusCode, headers } = response;
	const pause = () => response.pause();
	const resume = () => response.resume();
	return { statusCode, connection: headers.connection, end, text: end.then(() => text), pause, resume };
}

/**
 * @param {string} url
 * @param {string} session
 * @param {RequestOptions} [options]
 */
async function openStream(url, session, options) {
	const stream = await send(url, { headers: { 'mcp-session-id': session }, ...options });
	assert.equal(stream.statusCode, 200);
	return stream;
}

/**
 * @param {string[]} urls
 * @param {string} name
 * @param {number} number
 */
async function openStreams(urls, name, number) {
	/** @type {Answer[]} */
	const streams = [];
	while (streams.length < number) {
		const more = Array.from({ length: Math.min(100, number - streams.length) }, (_, index) =>
			openStream(urls[index % urls.length], `${name} ${streams.length + index}`),
		);
		streams.push(...(await Promise.all(more)));
	}
	return streams;
}

/**
 * Opens a stream. When it ends, opens it again at once, on the same connection if that is still open.
 *
 * @param {string} url
 * @param {string} session
 */
async function reconnect(url, session) {
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	const stream = await openStream(url, session, { agent });
	const outcome = stream.end
		.then(() => send(url, { agent, headers: { 'mcp-session-id': session } }))
		.then(
			({ statusCode, connection }) => `${statusCode} ${connection}`,
			(error) => error.code,
		)
		.finally(() => agent.destroy());
	return { outcome };
}

/** @param {Answer[]} answers */
async function countEnds(answers) {
	return count(await Promise.all(answers.map(({ end }) => end)));
}

/**
 * @param {string[]} values
 * @returns {Record<string, number>}
 */
function count(values) {
	/** @type {Record<string, number>} */
	const counts = {};
	for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
	return counts;
}
