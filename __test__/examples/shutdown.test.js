// The example of a server that stops in good order, seen by its clients: their streams end, and not in the middle; and who
// does not read does not keep it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { describe, it } from 'node:test';

import { run } from '../support/programs.js';

const STREAMS = 1_000;
const DRAIN_MS = 1_000;
/** For clients that read: nothing ever waits so long. */
const LONG_MS = 40_000;
/** As long as the example waits after DRAIN_MS for what it cannot see, and for its last lines on a machine that is busy. */
const A_LITTLE_MS = 3_000;
const MIB = 2 ** 20;

const CONNECTED = ': connected\n\n';
const announced = (/** @type {string} */ text) =>
	`event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"notice","data":"${text}"}}\n\n`;

const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 };

describe('the example of an orderly end', () => {
	it('ends 1,000 streams with all that they were sent, and exits with 0', posix, async (t) => {
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
		assert.match(server.output, /^Streams ended with all they were sent: 1000, cut: 0\./m);
		assert.ok(took < LONG_MS / 2, `it took ${took} ms, and there was nothing to wait for`);
		t.diagnostic(`${STREAMS} streams: ${took} ms`);
	});

	// Of one message nothing is queued where the manager sees it: node:http has taken all of it.
	for (const [messages, bytes] of [
		[8, 2 * MIB],
		[1, 16 * MIB],
	]) {
		it(
			`is not kept by a client that does not read, ${messages} × ${bytes / MIB} MiB being sent to it`,
			posix,
			async (t) => {
				const { server, url, stop } = await start(t, DRAIN_MS);
				const stalled = await open(url, 'stalled');
				const end = (await open(url, 'good')).read();
				for (let message = 0; message < messages; message++) await announce(url, 'x'.repeat(bytes));
				const stopped = stop();
				const { how, text } = await end;
				assert.equal(how, 'ended');
				// Not by `equal`, which would print it.
				assert.ok(text === CONNECTED + announced('x'.repeat(bytes)).repeat(messages));
				assert.doesNotMatch(server.output, /Streams ended/, 'who has read all is not kept by who has not');
				await assert.rejects(open(url, 'late'), { code: 'ECONNREFUSED' });

				const took = await stopped;
				assert.match(server.output, /^Streams ended with all they were sent: 1, cut: 1\./m);
				assert.ok(took >= DRAIN_MS && took < DRAIN_MS + A_LITTLE_MS, `it took ${took} ms`);
				assert.equal((await stalled.read()).how, 'cut');
				t.diagnostic(`with DRAIN_MS=${DRAIN_MS}: ${took} ms`);
			},
		);
	}
});

/**
 * @param {import('node:test').TestContext} t
 * @param {number} drainMs
 */
async function start(t, drainMs) {
	const server = run(process.execPath, ['examples/shutdown.mjs'], { PORT: '0', DRAIN_MS: String(drainMs) });
	// Where the test fails before it does so itself.
	t.after(server.stop);
	const [url] = await server.until(/http:\S+/);
	await server.until('-X DELETE');

	/** Stops it; resolves to how many milliseconds that took, by its own clock. */
	async function stop() {
		server.stop();
		assert.equal(await server.ended, 0, server.output);
		return Number(server.output.match(/It took (\d+) ms\.\nStopped\.\n$/)?.[1]);
	}

	return { server, url, stop };
}

/**
 * Opens the stream of a session over a connection of its own; nothing of it is read.
 *
 * @param {string} url
 * @param {string} session
 */
async function open(url, session) {
	const [response] = await once(get(url, { agent: false, headers: { 'mcp-session-id': session } }), 'response');
	assert.equal(response.statusCode, 200);
	return {
		/** @returns {Promise<{ text: string, how: 'ended' | 'cut' }>} all of it, and whether the server has ended it or cut it */
		read: () =>
			new Promise((resolve) => {
				let text = '';
				response.setEncoding('utf8').on('data', (/** @type {string} */ more) => {
					text += more;
				});
				response.once('end', () => resolve({ text, how: 'ended' }));
				response.once('error', () => resolve({ text, how: 'cut' }));
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
