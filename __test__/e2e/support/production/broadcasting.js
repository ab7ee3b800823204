// Drives a broadcasting-server.js: 100 MiB to some clients that read everything, and to one that reads nothing.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MESSAGE_BYTES } from './numbered-messages.js';
import { StreamReader } from './stream-reader.js';

/** @typedef {import('./broadcasting-server.js').Report} Report */
/** @typedef {Awaited<ReturnType<typeof startBroadcasting>>} Broadcasting */

const PROGRAM = fileURLToPath(new URL('broadcasting-server.js', import.meta.url));
const READING_CLIENTS = 3;
/** Number of messages sent before the reading clients catch up: half of the smallest `maxQueuedBytes` in these tests. */
const BATCH = 32;
/** Number of messages before the memory of the server is measured. */
const WARM_UP = 1_024;
export const MESSAGES = 6_400;

const MIB = 2 ** 20;

/**
 * @param {import('node:test').TestContext} test
 * @param {'ours' | 'upstream'} side
 * @param {import('../../../../index.js').StreamSessionManagerOptions} [options]
 */
export async function startBroadcasting(test, side, options = {}) {
	const child = fork(PROGRAM, [side, JSON.stringify(options)], {
		execArgv: ['--expose-gc', '--max-semi-space-size=1'],
		// With one malloc arena a thread, free memory would be counted as used.
		env: { ...process.env, MALLOC_ARENA_MAX: '1' },
	});
	test.after(() => child.kill('SIGKILL'));
	const ended = new AbortController();
	child.once('exit', () => ended.abort());
	const answer = async () => (await once(child, 'message', { signal: ended.signal }))[0];
	const { port } = await answer();
	const connect = (/** @type {string} */ id) => StreamReader.open({ host: '127.0.0.1', port, path: `/${id}` });

	/** @type {StreamReader[]} */
	const good = [];
	for (let index = 0; index < READING_CLIENTS; index++) good.push((await connect(`good-${index}`)).readMessages());
	let sent = 0;

	/**
	 * Sends `count` more messages, no faster than the reading clients receive them.
	 *
	 * @param {number} count
	 */
	async function broadcast(count) {
		/** @type {Report[]} */
		const reports = [];
		for (const end = sent + count; sent < end; ) {
			const to = Math.min(sent + BATCH, end);
			child.send({ from: sent, to });
			reports.push(await answer());
			sent = to;
			await Promise.all(good.map((client) => client.until(() => client.numbers.length === sent)));
		}
		const last = /** @type {Report} */ (reports.at(-1));
		const most = (/** @type {'rss' | 'arrayBuffers'} */ what) => Math.max(...reports.map((report) => report[what]));
		return { ...last, most: { rss: most('rss'), arrayBuffers: most('arrayBuffers') } };
	}

	const before = await broadcast(WARM_UP);
	const stalled = await connect('stalled');
	const after = await broadcast(MESSAGES);
	const grown = (/** @type {'rss' | 'arrayBuffers'} */ what) => (after.most[what] - before[what]) / MIB;
	return {
		/** Numbers of the messages sent. The stalled client was connected from `first` on. */
		sent: Array.from({ length: sent }, (_, number) => number),
		first: WARM_UP,
		good,
		stalled,
		broadcast,
		after,
		/** Maximum growth in MiB since the stalled client has connected, measured after each batch. */
		grown: { rss: grown('rss'), arrayBuffers: grown('arrayBuffers') },
	};
}

export const BROADCAST_MIB = (MESSAGES * MESSAGE_BYTES) / MIB;
