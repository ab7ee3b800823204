// The options for long-lived streams in real servers: node:http with clients that do not read, nginx in front of it, and tmcp's
// HttpTransport.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { ours } from './support/installations.js';
import { listen } from './support/listener.js';
import { makeNotesServer, noteUri } from './support/notes-server.js';
import { BROADCAST_MIB, startBroadcasting } from './support/production/broadcasting.js';
import { startNginx, testWithNginx } from './support/production/nginx.js';
import { messageOf } from './support/production/numbered-messages.js';
import { StreamReader } from './support/production/stream-reader.js';
import { serveStreams } from './support/production/stream-server.js';
import { events, next } from './support/raw-events.js';

const LONG_ENOUGH = { timeout: 100_000 };
/** Allowed growth in MiB of a server that buffers at most 1 MiB for its stalled client. */
const FLAT = 24;

test(
	'a client that stops reading is closed at the limit and the server’s memory stays flat; with upstream it grows by every message',
	LONG_ENOUGH,
	async (t) => {
		const mine = await startBroadcasting(t, 'ours', { maxQueuedBytes: 1_048_576 });
		assert.deepEqual(mine.after.closed, [['stalled', 'slow']]);
		assert.ok(mine.grown.rss < FLAT, `our server’s memory grew by ${mine.grown.rss.toFixed(1)} MiB`);
		for (const { numbers } of mine.good) assert.deepEqual(numbers, mine.sent);
		assert.equal(await mine.stalled.readMessages().untilEnd(), 'aborted');
		const { length } = mine.stalled.numbers;
		assert.deepEqual(
			mine.stalled.numbers,
			mine.sent.slice(mine.first, mine.first + length),
			'without a gap until the stream was aborted',
		);

		const theirs = await startBroadcasting(t, 'upstream');
		assert.ok(theirs.grown.rss >= 0.9 * BROADCAST_MIB, `upstream’s memory grew by ${theirs.grown.rss.toFixed(1)} MiB`);
		for (const { numbers } of theirs.good) assert.deepEqual(numbers, theirs.sent);
		t.diagnostic(
			`of ${BROADCAST_MIB} MiB, resident memory grew by ${mine.grown.rss.toFixed(1)} MiB with ours, ` +
				`${theirs.grown.rss.toFixed(1)} MiB with upstream’s; buffers by ${mine.grown.arrayBuffers.toFixed(1)} and ` +
				`${theirs.grown.arrayBuffers.toFixed(1)} MiB; the stalled client received ${length} messages`,
		);
	},
);

test(
	'with `onSlowClient: "drop"` a client that stops reading stays connected, and every dropped message is counted',
	LONG_ENOUGH,
	async (t) => {
		const { stalled, good, first, sent, after, grown, broadcast } = await startBroadcasting(t, 'ours', {
			maxQueuedBytes: 1_048_576,
			onSlowClient: 'drop',
		});
		assert.deepEqual(after.closed, []);
		assert.ok(grown.rss < FLAT, `the server’s memory grew by ${grown.rss.toFixed(1)} MiB`);
		for (const { numbers } of good) assert.deepEqual(numbers, sent);

		const got = sent.length - first - Number(after.stats?.dropped);
		stalled.readMessages();
		await stalled.until(() => stalled.numbers.length === got);
		assert.equal(stalled.numbers[0], first);
		assert.ok(
			stalled.numbers.every((number, index, all) => index === 0 || number > all[index - 1]),
			'in order, without duplicates',
		);
		const { stats } = await broadcast(1);
		await stalled.until(() => stalled.numbers.length === got + 1);
		assert.equal(stalled.numbers.at(-1), sent.length, 'it reads again and receives the next message');
		assert.equal(stats?.dropped, after.stats?.dropped);
		t.diagnostic(`${after.stats?.dropped} dropped, resident memory grew by ${grown.rss.toFixed(1)} MiB`);
	},
);

test(
	'with keep-alive, a client that does not read its queue is closed as dead, and an idle client is not',
	LONG_ENOUGH,
	async (t) => {
		const closed = new EventEmitter();
		const manager = new InMemoryStreamSessionManager({
			keepAliveMs: 100,
			onClose: (...what) => closed.emit('close', what),
		});
		const server = await serveStreams(() => manager);
		t.after(server.close);
		const where = { host: '127.0.0.1', port: server.port };
		const stalled = await StreamReader.open({ ...where, path: '/stalled' });
		const idle = (await StreamReader.open({ ...where, path: '/idle' })).read();
		// More than the buffers of two sockets hold.
		for (let message = 0; message < 8; message++) manager.send(['stalled'], messageOf(message).repeat(128));
		const [[id, reason]] = await once(closed, 'close');
		assert.deepEqual([id, reason], ['stalled', 'dead']);
		assert.equal(await stalled.read().untilEnd(), 'aborted');
		assert.equal(manager.stats().queuedBytes, 0);
		manager.send(undefined, 'data: still there\n\n');
		await idle.until(() => idle.rest.endsWith('data: still there\n\n'));
		assert.match(idle.rest, /^(: keepalive\n\n)+data: still there\n\n$/);
	},
);

for (const isNative of [false, true]) {
	const suffix = isNative ? ', with native delivery' : '';
	testWithNginx(
		`an idle stream behind nginx with a read timeout of 5 s stays open with keep-alive, and is aborted without it${suffix}`,
		LONG_ENOUGH,
		async (t) => {
			const closed = new EventEmitter();
			const managers = {
				plain: new InMemoryStreamSessionManager({ onClose: (...what) => closed.emit('plain', what) }),
				kept: new InMemoryStreamSessionManager({ onClose: (...what) => closed.emit('kept', what), keepAliveMs: 1_000 }),
			};
			const plainIsClosed = once(closed, 'plain');
			const server = await serveStreams((id) => managers[/** @type {'plain' | 'kept'} */ (id)], isNative);
			t.after(server.close);
			const nginx = await startNginx(server.port, 5);
			t.after(nginx.end);
			const { socketPath } = nginx;
			const begin = performance.now();
			const kept = (await StreamReader.open({ socketPath, path: '/kept' })).read();
			const plain = (await StreamReader.open({ socketPath, path: '/plain' })).read();

			assert.equal(await plain.untilEnd(), 'aborted');
			const lasted = performance.now() - begin;
			assert.ok(lasted > 4_900, `the stream was aborted after ${lasted.toFixed()} ms`);
			assert.match(nginx.log, /upstream timed out \(110: .*\) while reading upstream.* "GET \/plain /);
			assert.doesNotMatch(nginx.log, /"GET \/kept /);

			assert.equal(managers.kept.stats().direct, isNative ? 1 : 0);
			managers.kept.send(undefined, 'data: still there\n\n');
			await kept.until(() => kept.rest.endsWith('data: still there\n\n'));
			assert.match(kept.rest, /^(: keepalive\n\n)+data: still there\n\n$/);
			assert.equal(plain.rest, '');
			assert.deepEqual(await plainIsClosed, [['plain', 'gone']], 'nginx disconnects as a client does');
			const keptIsClosed = once(closed, 'kept');
			kept.leave();
			assert.deepEqual(await keptIsClosed, [['kept', 'gone']], 'nginx also disconnects when its own client does');
			assert.equal(managers.kept.stats().direct, 0, 'the socket is closed');
			t.diagnostic(`without keep-alive, aborted after ${lasted.toFixed()} ms`);
		},
	);
}

/**
 * Starts a tmcp server whose transport has a stream manager with these options.
 *
 * @param {import('node:test').TestContext} t
 * @param {import('../../index.js').StreamSessionManagerOptions} options
 */
async function serveMcp(t, options) {
	/** @type {[id: string, reason: string][]} */
	const closed = [];
	const changes = new EventEmitter();
	const onClose = (/** @type {string} */ id, /** @type {string} */ reason) => {
		closed.push([id, reason]);
		changes.emit('close');
	};
	const streams = new InMemoryStreamSessionManager({ ...options, onClose });
	const server = makeNotesServer(ours, 1);
	const transport = new ours.HttpTransport(server, { path: '/mcp', allowedOrigins: [], sessionManager: { streams } });
	const listener = await listen(transport);
	t.after(listener.close);
	const url = `${listener.origin}/mcp`;

	/**
	 * Opens the stream of a session.
	 *
	 * @param {string} session
	 */
	async function open(session) {
		const abort = new AbortController();
		const response = await fetch(url, { headers: { 'mcp-session-id': session }, signal: abort.signal });
		return { status: response.status, events: events(response), leave: () => abort.abort() };
	}

	/**
	 * Resolves when at least `count` sessions were closed.
	 *
	 * @param {number} count
	 */
	async function untilClosed(count) {
		while (closed.length < count) await once(changes, 'close');
	}

	return { ...listener, url, server, transport, streams, closed, untilClosed, open };
}

const remove = (/** @type {string} */ url, /** @type {string} */ session) =>
	fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': session } });

test(
	'over HttpTransport, a stream above maxSessions gets status 200 and is aborted, others continue, and a stream fits again when one ends',
	LONG_ENOUGH,
	async (t) => {
		const { url, server, streams, closed, open } = await serveMcp(t, { maxSessions: 2 });
		const [ada, ben] = [await open('ada'), await open('ben')];
		for (const { events } of [ada, ben]) assert.equal(await next(events), ': connected');

		for (let attempt = 0; attempt < 3; attempt++) {
			const cleo = await open('cleo');
			// The transport has created the response before its manager refuses the session.
			assert.equal(cleo.status, 200);
			await assert.rejects(next(cleo.events), TypeError('terminated'));
		}
		assert.deepEqual(streams.ids(), ['ada', 'ben']);
		assert.deepEqual(closed, [], 'a refused session is not reported as closed');
		server.changed('tools');
		for (const { events } of [ada, ben]) assert.match(String(await next(events)), /tools\/list_changed/);

		assert.equal((await remove(url, 'ada')).status, 200);
		assert.equal(await next(ada.events), undefined);
		const cleo = await open('cleo');
		assert.equal(await next(cleo.events), ': connected');
		server.changed('prompts');
		for (const { events } of [ben, cleo]) assert.match(String(await next(events)), /prompts\/list_changed/);
	},
);

test(
	'over HttpTransport, onClose gets the reason: a client has disconnected, sent DELETE, or opened two streams at once',
	LONG_ENOUGH,
	async (t) => {
		const { url, transport, closed, untilClosed, open, server } = await serveMcp(t, {});
		const ada = await open('ada');
		assert.equal(await next(ada.events), ': connected');
		assert.equal((await open('ada')).status, 409, 'the transport refuses a second stream of a session');
		ada.leave();
		await assert.rejects(next(ada.events));
		await untilClosed(1);

		const ben = await open('ben');
		assert.equal(await next(ben.events), ': connected');
		await remove(url, 'ben');
		assert.equal(await next(ben.events), undefined);

		// The transport checks for an existing stream before either of the two is registered.
		const get = () => transport.respond(new Request(url, { headers: { 'mcp-session-id': 'cleo' } }));
		const [first, second] = (await Promise.all([get(), get()])).map(events);
		assert.equal(await next(first), undefined, 'the newer one wins');
		assert.equal(await next(second), ': connected');
		server.changed('tools');
		assert.match(String(await next(second)), /tools\/list_changed/);

		assert.deepEqual(closed, [
			['ada', 'gone'],
			['ben', 'deleted'],
			['cleo', 'replaced'],
		]);
	},
);

test(
	'over HttpTransport, a stream that has reached maxAgeMs ends, and the official SDK reconnects with the same session',
	LONG_ENOUGH,
	async (t) => {
		const { url, server, until, closed, untilClosed, open, exchanges } = await serveMcp(t, { maxAgeMs: 300 });
		const ada = await open('ada');
		assert.equal(await next(ada.events), ': connected');
		assert.equal(await next(ada.events), undefined, 'the stream is closed without an error');
		assert.deepEqual(closed, [['ada', 'expired']]);
		const again = await open('ada');
		assert.deepEqual([again.status, await next(again.events)], [200, ': connected']);
		again.leave();
		await untilClosed(2);

		const reconnectionOptions = {
			initialReconnectionDelay: 1,
			maxReconnectionDelay: 1,
			reconnectionDelayGrowFactor: 1,
			maxRetries: 2,
		};
		const connection = new StreamableHTTPClientTransport(new URL(url), { reconnectionOptions });
		const client = new Client({ name: 'ben', version: '1.0.0' });
		const received = new EventEmitter();
		client.fallbackNotificationHandler = async ({ method }) => void received.emit(method);
		await client.connect(/** @type {any} */ (connection));
		t.after(() => client.close());
		await client.subscribeResource({ uri: noteUri(0) });
		const session = String(connection.sessionId);
		const streams = () => exchanges.filter((one) => one.method === 'GET' && one.session === session);
		for (let times = 0; times < 3; times++) {
			const { length } = streams();
			await until(() => streams().length > length);
			// The new stream receives the update before it can expire.
			const update = once(received, 'notifications/resources/updated');
			server.changed('resource', noteUri(0));
			await update;
		}
		const reasons = closed.filter(([id]) => id === session).map(([, reason]) => reason);
		assert.ok(reasons.length >= 2 && reasons.every((reason) => reason === 'expired'), String(reasons));
		assert.ok(streams().every(({ status }) => status === 200));
	},
);
