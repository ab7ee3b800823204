// `shutdown()` of @tmcp-native/session-manager/node: what clients of the server get, and what it resolves to. In one process;
// __test__/examples/shutdown-signal.test.js stops whole servers.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import {
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
} from '@tmcp-native/session-manager';
import { shutdown } from '@tmcp-native/session-manager/node';

import { needsNative } from '../support/native.js';
import { listener, subscription } from '../support/subscriptions.js';

/** @import { RequestListener, ServerResponse } from 'node:http' */
/** @import { AddressInfo } from 'node:net' */

/** `drainMs` of tests in which nothing is cut. */
const LONG_MS = 20_000;
/** `drainMs` of tests that wait for it. */
const SHORT_MS = 200;
/** The time that `shutdown()` needs after `drainMs` at most. */
const AFTER_DRAIN_MS = 1_000;
const MIB = 2 ** 20;

/**
 * Begins a shutdown while a request is under way, and then answers the request. Its connection is still open.
 *
 * @param {Awaited<ReturnType<typeof serve>>} served
 */
async function shutDownAfterFirst({ server, client, requests }) {
	const first = await client('GET /first');
	const response = await requests.next();
	// Announces a connection that stays open.
	response.write('begun');
	const done = shutdown(server, { drainMs: LONG_MS });
	response.end('first');
	await first.until(/first/);
	return { first, requests, done };
}

describe('a request during shutdown()', () => {
	const skip = 'Deno' in globalThis && 'Deno closes a connection after its response when the server is closed';

	it('is answered with 503 and `Connection: close` on a connection that is still open', { skip }, async () => {
		const { first, requests, done } = await shutDownAfterFirst(await serve());
		first.write('GET /second');
		assert.match(await first.end, /first.*HTTP\/1.1 503 .*\r\nconnection: close\r\n/is);
		assert.equal(requests.count, 1, 'the server got a request during the shutdown');
		assert.deepEqual(await done, { unfinished: 0, errors: [] });
	});

	it('is answered with 503 when its head was still on the way', async () => {
		const { server, client, requests } = await serve();
		const half = await client('');
		half.raw('POST /half HTTP/1.1\r\nhost: x\r\ncontent-le');
		// The server has received the half head when it gets this request.
		const open = await client('GET /open');
		const response = await requests.next();
		const done = shutdown(server, { drainMs: LONG_MS });
		half.raw('ngth: 4\r\n\r\nbo');
		half.raw('dy');
		assert.match(await half.end, /^HTTP\/1.1 503 .*\r\nconnection: close\r\n/is);
		response.end();
		await Promise.all([open.end, done]);
		assert.equal(requests.count, 1);
	});

	it('is answered with 503 when it wants another protocol', { skip }, async () => {
		const served = await serve();
		served.server.on('upgrade', () => assert.fail('the server got the request'));
		const { first, done } = await shutDownAfterFirst(served);
		first.raw('GET /socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
		assert.match(await first.end, /HTTP\/1.1 503 /);
		await done;
	});
});

describe('a connection during shutdown()', () => {
	it('is refused when it is new, and closed when it is idle', async () => {
		const { server, client, requests, port } = await serve();
		const idle = await client('GET /idle');
		(await requests.next()).end('idle');
		await idle.until(/idle/);
		const busy = await client('GET /busy');
		const response = await requests.next();
		const done = shutdown(server, { drainMs: LONG_MS });
		await idle.end;
		const [error] = await once(connect(port, '127.0.0.1'), 'error');
		assert.equal(error.code, 'ECONNREFUSED');
		response.end('busy');
		assert.match(await busy.end, /busy/);
		assert.deepEqual(await done, { unfinished: 0, errors: [] });
	});

	/** @type {Record<string, (response: ServerResponse) => void>} */
	const heads = {
		'no headers': (response) => response.writeHead(200),
		'headers in an object': (response) => response.writeHead(200, { Connection: 'keep-alive', 'x-other': 'yes' }),
		'headers in an array': (response) => response.writeHead(200, 'OK', ['connection', 'keep-alive', 'x-other', 'yes']),
	};
	for (const [name, writeHead] of Object.entries(heads)) {
		it(`is announced as closing by an answer that begins then, with ${name}`, async () => {
			const { server, client, requests } = await serve();
			const waiting = await client('POST /waiting');
			const response = await requests.next();
			const done = shutdown(server, { drainMs: LONG_MS });
			writeHead(response);
			response.end('answer');
			const text = await waiting.end;
			assert.match(text, /^HTTP\/1.1 200 OK\r\n.*answer/s);
			assert.deepEqual(text.match(/^connection: .*$/gim), ['connection: close']);
			if (name !== 'no headers') assert.match(text, /^x-other: yes\r$/m);
			await done;
		});
	}

	const skip = 'Bun' in globalThis && 'close() of Bun cuts responses that have ended and are not written yet';
	it('stays open until a response that has ended is written', { skip }, async () => {
		const { server, client, requests } = await serve();
		const slow = await client('GET /large');
		slow.socket.pause();
		const response = await requests.next();
		response.end(Buffer.alloc(32 * MIB, 'x'));
		const done = shutdown(server, { drainMs: LONG_MS });
		slow.socket.resume();
		const { length } = await slow.end;
		assert.ok(length > 32 * MIB, `only ${length} bytes arrived`);
		assert.deepEqual(await done, { unfinished: 0, errors: [] });
	});

	it('is closed after `drainMs` when its response is not finished', async () => {
		const { server, client, requests } = await serve();
		const waiting = await client('POST /waiting');
		await requests.next();
		const begin = performance.now();
		const result = await shutdown(server, { drainMs: SHORT_MS });
		const tookMs = performance.now() - begin;
		assert.deepEqual(result, { unfinished: 1, errors: [] });
		assert.ok(tookMs >= SHORT_MS && tookMs < SHORT_MS + AFTER_DRAIN_MS, `it took ${tookMs} ms`);
		await waiting.end;
	});

	it('is closed when it has sent no whole request, after the last response', async () => {
		const { server, client } = await serve();
		const silent = await client('');
		silent.raw('GET /');
		const begin = performance.now();
		await shutdown(server, { drainMs: LONG_MS });
		await silent.end;
		assert.ok(performance.now() - begin < LONG_MS / 2);
	});
});

describe('the managers of shutdown()', () => {
	it('serve a request under way, and close after it', async () => {
		const streams = new InMemoryStreamSessionManager();
		const { server, client, requests } = await serve();
		const stream = await client('GET /stream');
		const body = new ReadableStream({ start: (controller) => streams.create('a', controller) });
		pipe(body, await requests.next());
		const call = await client('POST /call');
		const answer = await requests.next();
		const info = new InMemoryInfoSessionManager({ streams });
		const done = shutdown(server, { managers: [info, streams], drainMs: LONG_MS });
		assert.equal(await streams.has('a'), true);
		streams.send(['a'], 'data: last\n\n');
		answer.end('answered');
		assert.match(await call.end, /answered/);
		assert.match(await stream.end, /data: last\n\n/);
		assert.deepEqual(await done, { unfinished: 0, errors: [] });
		assert.equal(streams.stats().closed.shutdown, 1);
	});

	it('accept a stream whose request was under way', async () => {
		const streams = new InMemoryStreamSessionManager();
		const { server, client, requests } = await serve();
		const stream = await client('GET /stream');
		const response = await requests.next();
		const done = shutdown(server, { managers: [streams], drainMs: LONG_MS });
		// As if the adapter had waited for Redis.
		await turn();
		const body = new ReadableStream({ start: (controller) => streams.create('a', controller) });
		streams.send(['a'], 'data: only\n\n');
		response.writeHead(200, { connection: 'keep-alive' });
		pipe(body, response);
		assert.match(await stream.end, /data: only\n\n/);
		assert.deepEqual(await done, { unfinished: 0, errors: [] });
	});

	it('end the streams of clients that read, and after `drainMs` those of clients that do not', async () => {
		const streams = new InMemoryStreamSessionManager();
		const read = new ReadableStream({ start: (controller) => streams.create('read', controller) });
		const unread = new ReadableStream({ start: (controller) => streams.create('unread', controller) });
		const text = new Response(read).text();
		streams.send(undefined, 'data: 1\n\n');
		assert.deepEqual(await shutdown([], { managers: [streams], drainMs: SHORT_MS }), { unfinished: 0, errors: [] });
		assert.equal(await text, 'data: 1\n\n');
		await assert.rejects(new Response(unread).text(), { code: 'ERR_SESSION_CLOSED', reason: 'shutdown' });
	});

	it('close the streams of subscriptions/listen, also one that opens during the shutdown', async () => {
		const subscriptions = new InMemorySubscriptionManager();
		const { server, client, requests } = await serve();
		/** @type {string[]} */
		const closed = [];
		const listen = async (/** @type {number} */ id) => {
			await client(`POST /${id}`);
			const response = await requests.next();
			const close = (/** @type {string} */ reason) => {
				closed.push(`${id} ${reason}`);
				response.end();
			};
			return () => subscriptions.create(subscription(id), listener({ close }));
		};
		const [early, late] = [await listen(1), await listen(2)];
		await early();
		const done = shutdown(server, { managers: [subscriptions], drainMs: LONG_MS });
		await late();
		assert.deepEqual(await done, { unfinished: 0, errors: [] });
		assert.deepEqual(closed, ['1 closed', '2 closed']);
	});

	it('close what belongs to this thread only, in a scope', needsNative, async (t) => {
		const options = { scope: 'shutdown of one thread' };
		const thread = new Worker(new URL('../programs/subscribed-thread.js', import.meta.url), { workerData: options });
		t.after(() => thread.terminate());
		await once(thread, 'message');
		const streams = new InMemoryStreamSessionManager(options);
		const subscriptions = new InMemorySubscriptionManager(options);
		new ReadableStream({ start: (controller) => streams.create('stream of this thread', controller) });
		/** @type {string[]} */
		const closed = [];
		await subscriptions.create(subscription(1), listener({ close: (reason) => closed.push(reason) }));
		const { errors } = await shutdown([], { managers: [streams, subscriptions], drainMs: LONG_MS });
		assert.deepEqual(errors, []);
		assert.deepEqual(closed, ['closed']);
		thread.postMessage('report');
		const [report] = await once(thread, 'message');
		assert.deepEqual(report, { closed: [], sessions: ['stream of a thread'] });
	});

	it('end the shutdown neither by an error nor by hanging', async () => {
		const failed = Object.assign(new InMemoryStreamSessionManager(), {
			close: () => Promise.reject(new Error('close failed')),
		});
		class HangingManager extends InMemoryStreamSessionManager {
			/** @override @returns {Promise<void>} */
			close() {
				return new Promise(() => {});
			}
		}
		const begin = performance.now();
		const { errors } = await shutdown([], { managers: [failed, new HangingManager()], drainMs: SHORT_MS });
		assert.ok(performance.now() - begin < SHORT_MS + AFTER_DRAIN_MS);
		assert.equal(errors[0].message, 'close failed');
		assert.equal(errors.length, 2);
		assert.equal(/** @type {any} */ (errors[1]).code, 'ERR_SHUTDOWN_TIMEOUT');
		assert.match(errors[1].message, /HangingManager/);
	});
});

describe('the servers of shutdown()', () => {
	it('can be several', async () => {
		const servers = [await serve(), await serve()];
		const clients = await Promise.all(servers.map(({ client }) => client('GET /')));
		for (const { requests } of servers) (await requests.next()).write('begun');
		const done = shutdown(
			servers.map(({ server }) => server),
			{ drainMs: SHORT_MS },
		);
		assert.deepEqual(await done, { unfinished: 2, errors: [] });
		for (const client of clients) assert.match(await client.end, /begun/);
	});

	it('can be closed already, or never have listened', async () => {
		const { server } = await serve();
		server.close();
		const begin = performance.now();
		for (const closed of [server, createServer()]) {
			assert.deepEqual(await shutdown(closed, { drainMs: LONG_MS }), { unfinished: 0, errors: [] });
		}
		assert.ok(performance.now() - begin < LONG_MS / 2);
	});

	it('can be those of srvx on Bun and Deno, whose close() is called again with `true` after `drainMs`', async () => {
		/** @type {boolean[]} */
		const calls = [];
		const events = new EventEmitter();
		const closed = once(events, 'closed');
		const server = {
			fetch() {},
			close(/** @type {boolean | undefined} */ closesActive = false) {
				calls.push(closesActive);
				if (closesActive) events.emit('closed');
				return closed;
			},
		};
		assert.deepEqual(await shutdown(server, { drainMs: SHORT_MS }), { unfinished: undefined, errors: [] });
		assert.deepEqual(calls, [false, true]);
	});

	for (const kind of ['of Bun or Deno', 'of Node.js']) {
		it(`can be those of srvx ${kind} whose close() fails`, async () => {
			const { server, client, requests } = await serve();
			const fails = { fetch() {}, close: () => Promise.reject(new Error('close failed')) };
			const waiting = await client('POST /');
			const response = await requests.next();
			// The shutdown waits for this request, and nothing handles the failure until then.
			const done = shutdown(kind === 'of Node.js' ? { ...fails, node: { server } } : [fails, server], {
				drainMs: LONG_MS,
			});
			await turn();
			response.end('answer');
			assert.match(await waiting.end, /answer/);
			const { errors } = await done;
			assert.deepEqual(
				errors.map(({ message }) => message),
				['close failed'],
			);
		});
	}
});

describe('shutdown()', () => {
	it('returns the same promise when it is called again', async () => {
		const { server } = await serve();
		const first = shutdown(server, { drainMs: LONG_MS });
		assert.equal(shutdown(server), first);
		// As srvx does it.
		assert.equal(shutdown({ node: { server }, fetch() {}, close: async () => {} }), first);
		await first;
		assert.equal(shutdown(server), first);
	});

	/** @type {[string, any[], RegExp, string][]} */
	const mistakes = [
		['a server that is none', [{}], /^shutdown: "server" must be/, 'ERR_INVALID_ARG_TYPE'],
		[
			'a manager in place of a server',
			[new InMemoryStreamSessionManager()],
			/"server" must be/,
			'ERR_INVALID_ARG_TYPE',
		],
		['no server', [undefined], /^shutdown: "server" must be/, 'ERR_INVALID_ARG_TYPE'],
		['an unknown option', [createServer(), { drainMS: 1 }], /did you mean "drainMs"/, 'ERR_UNKNOWN_OPTION'],
		['a negative time', [createServer(), { drainMs: -1 }], /"drainMs"/, 'ERR_OUT_OF_RANGE'],
		['managers that are no array', [createServer(), { managers: {} }], /"managers" must be/, 'ERR_INVALID_ARG_TYPE'],
		['a manager that is none', [createServer(), { managers: [{}] }], /"managers" must/, 'ERR_INVALID_ARG_TYPE'],
	];
	for (const [name, args, message, code] of mistakes) {
		it(`rejects ${name}`, async () => {
			await assert.rejects(shutdown(...args), { message, code });
		});
	}

	it('shuts nothing down when it rejects', async () => {
		const streams = new InMemoryStreamSessionManager();
		const { server, client, requests } = await serve();
		await assert.rejects(shutdown(server, { managers: [streams, /** @type {any} */ (1)] }));
		const working = await client('GET /');
		(await requests.next()).end('works');
		await working.until(/works/);
		new ReadableStream({ start: (controller) => streams.create('a', controller) });
		await shutdown(server, { managers: [streams] });
		assert.equal(streams.size, 0);
	});
});

/** Starts a server whose requests a test answers. */
async function serve() {
	/** @type {ServerResponse[]} */
	const responses = [];
	/** @type {((response: ServerResponse) => void)[]} */
	const waiting = [];
	const requests = {
		count: 0,
		/** Resolves to the response of the next request. @returns {Promise<ServerResponse>} */
		async next() {
			return responses.shift() ?? new Promise((resolve) => waiting.push(resolve));
		},
	};
	/** @type {RequestListener} */
	const onRequest = (_request, response) => {
		requests.count++;
		const next = waiting.shift();
		if (next) next(response);
		else responses.push(response);
	};
	const server = createServer(onRequest);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = /** @type {AddressInfo} */ (server.address());
	return { server, port, requests, client: (/** @type {string} */ line) => client(port, line) };
}

/**
 * Connects to a server, and sends a request without a body.
 *
 * @param {number} port
 * @param {string} line method and path; empty to send nothing
 */
async function client(port, line) {
	const socket = connect(port, '127.0.0.1');
	await once(socket, 'connect');
	let text = '';
	socket.setEncoding('latin1').on('data', (more) => {
		text += more;
	});
	socket.on('error', () => {});
	/** @type {Promise<string>} */
	const end = new Promise((resolve) => {
		socket.once('close', () => resolve(text));
	});
	const raw = (/** @type {string} */ bytes) => socket.write(bytes);
	const write = (/** @type {string} */ next) => raw(`${next} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
	if (line !== '') write(line);
	return {
		socket,
		raw,
		write,
		/** Resolves to everything that was received when the connection is closed. */
		end,
		/** Resolves when what was received matches. */
		async until(/** @type {RegExp} */ pattern) {
			while (!pattern.test(text)) await once(socket, 'data');
		},
	};
}

/**
 * Writes a stream to a response, as adapters do.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @param {ServerResponse} response
 */
async function pipe(stream, response) {
	for await (const chunk of stream) response.write(chunk);
	response.end();
}
