// Runs the example of a graceful shutdown: the streams of its clients end after the last message, and a client that does not
// read cannot delay the shutdown for longer than DRAIN_MS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { describe, it } from 'node:test';

import { run } from '../support/programs.js';

const STREAMS = 1_000;
const DRAIN_MS = 1_000;
/** DRAIN_MS for clients that read. The server does not need it. */
const LONG_MS = 40_000;
/** The time that `shutdown()` adds to DRAIN_MS at most. */
const TOLERANCE_MS = 1_000;
const MIB = 2 ** 20;

const CONNECTED = ': connected\n\n';
const announced = (/** @type {string} */ text) =>
	`event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"notice","data":"${text}"}}\n\n`;

const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 };

describe('the example of a graceful shutdown', () => {
	it('ends 1,000 streams after everything that was sent, and exits with 0', posix, async (t) => {
		const { server, url, stop } = await start(t, LONG_MS);
		/** @type {Awaited<ReturnType<typeof open>>[]} */
		const streams = [];
		while (streams.length < STREAMS) {
			const more = Array.from({ length: 100 }, (_, index) => open(url, `client ${streams.length + index}`));
			streams.push(...(await Promise.all(more)));
		}
		const ends = streams.map((stream) => stream.read());
		await announce(url, 'the server stops');
		const took = await stop();
		for (const end of await Promise.all(ends)) {
			assert.deepEqual(end, { how: 'ended', text: CONNECTED + announced('the server stops') });
		}
		assert.match(server.output, /^Unfinished responses: 0\./m);
		assert.ok(took < LONG_MS / 2, `it took ${took} ms without anything to wait for`);
		t.diagnostic(`${STREAMS} streams: ${took} ms`);
	});

	// In the case of one message, the manager has nothing queued: node:http has taken all of it.
	for (const [messages, bytes] of [
		[8, 2 * MIB],
		[1, 16 * MIB],
	]) {
		it(`waits DRAIN_MS for a client that does not read ${messages} × ${bytes / MIB} MiB`, posix, async (t) => {
			const { server, url, stop } = await start(t, DRAIN_MS);
			const stalled = await open(url, 'stalled');
			const end = (await open(url, 'good')).read();
			for (let message = 0; message < messages; message++) await announce(url, 'x'.repeat(bytes));
			const stopped = stop();
			const { how, text } = await end;
			assert.equal(how, 'ended');
			// Not with `equal`, which would print the text.
			assert.ok(text === CONNECTED + announced('x'.repeat(bytes)).repeat(messages));
			assert.doesNotMatch(server.output, /Unfinished responses/, 'a client that reads waited for one that does not');
			await assert.rejects(open(url, 'late'), { code: 'ECONNREFUSED' });

			const took = await stopped;
			assert.match(server.output, /^Unfinished responses: 1\./m);
			assert.ok(took >= DRAIN_MS && took < DRAIN_MS + TOLERANCE_MS, `it took ${took} ms`);
			assert.equal((await stalled.read()).how, 'aborted');
			t.diagnostic(`with DRAIN_MS=${DRAIN_MS}: ${took} ms`);
		});
	}
});

/**
 * @param {import('node:test').TestContext} t
 * @param {number} drainMs
 */
async function start(t, drainMs) {
	const server = run(process.execPath, ['examples/shutdown.mjs'], { PORT: '0', DRAIN_MS: String(drainMs) });
	// For a test that fails before it stops the server.
	t.after(server.stop);
	const [url] = await server.until(/http:\S+/);
	await server.until('-X DELETE');

	/** Stops the server. Resolves to the milliseconds that it took, as measured by the server. */
	async function stop() {
		server.stop();
		assert.equal(await server.ended, 0, server.output);
		return Number(server.output.match(/It took (\d+) ms\.\nStopped\.\n$/)?.[1]);
	}

	return { server, url, stop };
}

/**
 * Opens the stream of a session on a new connection, and reads nothing.
 *
 * @param {string} url
 * @param {string} session
 */
async function open(url, session) {
	const [response] = await once(get(url, { agent: false, headers: { 'mcp-session-id': session } }), 'response');
	assert.equal(response.statusCode, 200);
	return {
		/** @returns {Promise<{ text: string, how: 'ended' | 'aborted' }>} everything that was sent, and how the stream ended */
		read: () =>
			new Promise((resolve) => {
				let text = '';
				response.setEncoding('utf8').on('data', (/** @type {string} */ more) => {
					text += more;
				});
				response.once('end', () => resolve({ text, how: 'ended' }));
				response.once('error', () => resolve({ text, how: 'aborted' }));
			}),
	};
}

/**
 * @param {string} url
 * @param {string} text
 */
async function announce(url, text) {
	const params = { name: 'announce', arguments: { text } };
	const answer = await fetch(url, {
		method: 'POST',
		headers: { 'content-type': 'application/json', 'mcp-session-id': 'announcer' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
	});
	assert.match(await answer.text(), /Announced/);
}
