// Several servers behind one address that share their sessions, be they threads or processes, seen from outside: whichever of
// them a request lands in, it reaches all sessions. Each request has a connection of its own, and each answer says in
// `x-worker` which server it is from.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { fetchAnew, threadOf } from '../../examples/demo/spread-fetch.mjs';

/** @import { TestContext } from 'node:test' */
/** @import { run } from '../support/programs.js' */

const options = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 };

/**
 * @param {object} servers
 * @param {number} servers.count
 * @param {(test: TestContext) => Promise<{ server: ReturnType<typeof run>, url: string }>} servers.start
 * @param {(is: (managers: { streams: any, info: any }) => Promise<boolean>) => Promise<void>} [servers.until] where it takes a
 *   moment until all know what one was told: resolves once that is so
 */
export function testSeveralServers({ count, start, until = async () => {} }) {
	it('tells the streams of all once of what happens in each', options, async (test) => {
		const { server, url } = await start(test);
		const streams = await openInEach(url);

		let calls = 0;
		await inEach(async () => {
			const answer = await call(url, 'add_reset', 'visits');
			calls++;
			return answer.from;
		});

		// A stream keeps the order of each server's messages, but has none between them: all are the same here.
		const changed = ': connected\n\n' + message('notifications/tools/list_changed', {}).repeat(calls);
		for (const stream of streams) assert.equal(await stream.read(changed.length), changed);
		server.stop();
		for (const stream of streams) assert.equal(await stream.rest(), '', 'a message came twice');
		assert.equal(await server.ended, 0, server.output);
	});

	it('tells who subscribed of what happens in each, and nobody else', options, async (test) => {
		const { server, url } = await start(test);
		const streams = await openInEach(url);
		const [watching, ...others] = streams;
		await post(url, { method: 'resources/subscribe', params: { uri: 'counter://visits' } }, watching.id);
		await until(async ({ info }) => (await info.getSubscriptions('counter://visits')).includes(watching.id));

		let calls = 0;
		await inEach(async () => {
			const { from, text } = await call(url, 'count', 'visits');
			assert.match(text, RegExp(`"visits: ${++calls}"`), 'the counters are not shared');
			return from;
		});

		const params = { uri: 'counter://visits', title: 'visits' };
		const updated = ': connected\n\n' + message('notifications/resources/updated', params).repeat(calls);
		assert.equal(await watching.read(updated.length), updated);
		server.stop();
		assert.equal(await watching.rest(), '');
		for (const stream of others) assert.equal(await stream.rest(), ': connected\n\n');
		assert.equal(await server.ended, 0, server.output);
	});

	it('ends the stream of who says goodbye to another', options, async (test) => {
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

	it('refuses a second stream of a session, whichever has the first', options, async (test) => {
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

	it('knows in each what a client said in another', options, async (test) => {
		const { server, url } = await start(test);
		const session = crypto.randomUUID();
		// Of two levels in turn, since the one that was told knows anyway.
		for (const { level, logs } of [
			{ level: 'error', logs: 0 },
			{ level: 'debug', logs: 1 },
		]) {
			await post(url, { method: 'logging/setLevel', params: { level } }, session);
			await until(async ({ info }) => (await info.getLogLevel(session).catch(() => undefined)) === level);
			await inEach(async () => {
				const { from, text } = await call(url, 'report', undefined, session);
				assert.equal(text.split('notifications/message').length - 1, logs, `${from} did not hear of ${level}`);
				return from;
			});
		}
		server.stop();
		assert.equal(await server.ended, 0, server.output);
	});

	/**
	 * Does something until each server has.
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
 * A session with a stream.
 *
 * @param {string} url
 */
async function open(url) {
	const id = crypto.randomUUID();
	const response = await fetchAnew(url, { headers: { 'mcp-session-id': id } });
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let text = '';

	/** What has not been read yet, of that length or shorter if that is all. */
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
	const response = await fetchAnew(url, init);
	return { from: threadOf(response), status: response.status, text: await response.text() };
}

/**
 * As it stands in a stream.
 *
 * @param {string} method
 * @param {unknown} params
 */
function message(method, params) {
	return `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`;
}
