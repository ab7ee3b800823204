// Tests of several servers (threads or processes) behind one address that share their sessions: a request to any server
// reaches all sessions. Each request has its own connection. The header `x-worker` of a response names the server.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { fetchOnNewConnection, threadOf } from '../../examples/demo/spread-fetch.mjs';

/** @import { TestContext } from 'node:test' */
/** @import { run } from '../support/programs.js' */

const options = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 };

/**
 * @param {object} servers
 * @param {number} servers.count
 * @param {(test: TestContext) => Promise<{ server: ReturnType<typeof run>, url: string }>} servers.start
 * @param {(check: (managers: { streams: any, info: any }) => Promise<boolean>) => Promise<void>} [servers.until] repeats a check until
 *   it returns true, for servers that share their data with a delay
 */
export function testSeveralServers({ count, start, until = async () => {} }) {
	it('sends a change in any server to all streams, once', options, async (test) => {
		const { server, url } = await start(test);
		const streams = await openInEach(url);

		let calls = 0;
		await inEach(async () => {
			const answer = await call(url, 'add_reset', 'visits');
			calls++;
			return answer.from;
		});

		// A stream keeps the order of the messages of one server, but not of several. Here all messages are equal.
		const changed = `: connected\n\n${message('notifications/tools/list_changed', {}).repeat(calls)}`;
		for (const stream of streams) assert.equal(await stream.read(changed.length), changed);
		server.stop();
		for (const stream of streams) assert.equal(await stream.rest(), '', 'a message arrived twice');
		assert.equal(await server.ended, 0, server.output);
	});

	it('sends a change in any server to the subscribed session, and to no other', options, async (test) => {
		const { server, url } = await start(test);
		const streams = await openInEach(url);
		const [subscribed, ...others] = streams;
		await post(url, { method: 'resources/subscribe', params: { uri: 'counter://visits' } }, subscribed.id);
		await until(async ({ info }) => (await info.getSubscriptions('counter://visits')).includes(subscribed.id));

		let calls = 0;
		await inEach(async () => {
			const { from, text } = await call(url, 'count', 'visits');
			assert.match(text, RegExp(`"visits: ${++calls}"`), 'the counters are not shared');
			return from;
		});

		const params = { uri: 'counter://visits', title: 'visits' };
		const updated = `: connected\n\n${message('notifications/resources/updated', params).repeat(calls)}`;
		assert.equal(await subscribed.read(updated.length), updated);
		server.stop();
		assert.equal(await subscribed.rest(), '');
		for (const stream of others) assert.equal(await stream.rest(), ': connected\n\n');
		assert.equal(await server.ended, 0, server.output);
	});

	it('ends a stream when another server deletes the session', options, async (test) => {
		const { server, url } = await start(test);
		for (;;) {
			const stream = await open(url);
			const { from } = await request(url, { method: 'DELETE', headers: { 'mcp-session-id': stream.id } });
			assert.equal(await stream.rest(), ': connected\n\n');
			if (from !== stream.from) break;
		}
		server.stop();
		assert.equal(await server.ended, 0, server.output);
	});

	it('refuses a second stream of a session in each server', options, async (test) => {
		const { server, url } = await start(test);
		const stream = await open(url);
		await until(({ streams }) => streams.has(stream.id));
		await inEach(async () => {
			const { from, status } = await request(url, { headers: { 'mcp-session-id': stream.id } });
			assert.equal(status, 409);
			return from;
		});
		server.stop();
		assert.equal(await stream.rest(), ': connected\n\n');
		assert.equal(await server.ended, 0, server.output);
	});

	it('knows in each server what a client sent to another', options, async (test) => {
		const { server, url } = await start(test);
		const session = crypto.randomUUID();
		// Two levels, because a server knows the level that was sent to it.
		for (const { level, logs } of [
			{ level: 'error', logs: 0 },
			{ level: 'debug', logs: 1 },
		]) {
			await post(url, { method: 'logging/setLevel', params: { level } }, session);
			await until(async ({ info }) => (await info.getLogLevel(session).catch(() => undefined)) === level);
			await inEach(async () => {
				const { from, text } = await call(url, 'report', undefined, session);
				assert.equal(text.split('notifications/message').length - 1, logs, `${from} does not know level ${level}`);
				return from;
			});
		}
		server.stop();
		assert.equal(await server.ended, 0, server.output);
	});

	/**
	 * Repeats an action until each server has done it.
	 *
	 * @param {() => Promise<string>} act resolves to the server that did it
	 */
	async function inEach(act) {
		const servers = new Set();
		while (servers.size < count) servers.add(await act());
	}

	/** @param {string} url */
	async function openInEach(url) {
		/** @type {Awaited<ReturnType<typeof open>>[]} */
		const streams = [];
		await inEach(async () => {
			const stream = await open(url);
			streams.push(stream);
			return stream.from;
		});
		return streams;
	}
}

/**
 * Opens a session with a stream.
 *
 * @param {string} url
 */
async function open(url) {
	const id = crypto.randomUUID();
	const response = await fetchOnNewConnection(url, { headers: { 'mcp-session-id': id } });
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let text = '';

	/** Reads this many characters, or fewer if the stream ends. */
	async function read(/** @type {number} */ length) {
		while (text.length < length) {
			const { value, done } = await reader.read();
			if (done) break;
			text += value;
		}
		const taken = text.slice(0, length);
		text = text.slice(length);
		return taken;
	}

	return { id, from: threadOf(response), read, rest: () => read(Number.POSITIVE_INFINITY) };
}

/**
 * Calls a tool.
 *
 * @param {string} url
 * @param {string} name
 * @param {string} [counter]
 * @param {string} [session]
 */
function call(url, name, counter, session) {
	return post(url, { method: 'tools/call', params: { name, arguments: { counter } } }, session);
}

/**
 * @param {string} url
 * @param {{ method: string, params: unknown }} message
 * @param {string} [session]
 */
function post(url, message, session = crypto.randomUUID()) {
	return request(url, {
		method: 'POST',
		headers: { 'content-type': 'application/json', 'mcp-session-id': session },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
	});
}

/**
 * @param {string} url
 * @param {RequestInit} init
 */
async function request(url, init) {
	const response = await fetchOnNewConnection(url, init);
	return { from: threadOf(response), status: response.status, text: await response.text() };
}

/**
 * Returns a message as it is in a stream.
 *
 * @param {string} method
 * @param {unknown} params
 */
function message(method, params) {
	return `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`;
}
