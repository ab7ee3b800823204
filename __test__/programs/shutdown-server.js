// An MCP server that shuts down on SIGTERM, and then ends with `process.exit()`. The variables are:
//
//   MANAGERS    `memory`, `scope` (two worker threads, each with a server) or `redis` (with REDIS_URL)
//   SERVER      `http` (node:http) or `srvx` (its `serve()`)
//   DRAIN_MS    the option `drainMs`
//   EXIT        `natural`: without `process.exit()`
//
// It prints the URLs as JSON, and the name of each tool that is called. After the shutdown it prints as JSON: the results of the servers, and the milliseconds from the
// signal to the exit.

import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import {
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
} from '@tmcp-native/session-manager';
import { shutdown } from '@tmcp-native/session-manager/node';
import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { createMcpServer } from '../../examples/support/mcp-server.mjs';

const { MANAGERS = 'memory', SERVER = 'http', DRAIN_MS = '1000', REDIS_URL = '', EXIT } = process.env;
const THREADS = 2;

// The examples have the other packages that a server needs.
const { resolve } = createRequire(new URL('../../examples/package.json', import.meta.url));
const importExamples = (/** @type {string} */ name) => import(pathToFileURL(resolve(name)).href);

if (MANAGERS === 'scope' && isMainThread) await startWorkers();
else await startServer();

async function startWorkers() {
	const workers = Array.from({ length: THREADS }, () => new Worker(new URL(import.meta.url)));
	const urls = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
	process.once('SIGTERM', async () => {
		const begin = performance.now();
		const results = await Promise.all(
			workers.map(async (worker) => {
				const ended = once(worker, 'exit');
				worker.postMessage('stop');
				const [result] = await once(worker, 'message');
				await ended;
				return result;
			}),
		);
		reportAtExit(begin, results);
		if (EXIT !== 'natural') process.exit();
	});
	console.log(JSON.stringify(urls));
}

async function startServer() {
	const managers = createManagers();
	const { streams, info, subscriptions } = managers;
	const { server, transport } = createMcpServer({
		sessionManager: { streams, info },
		subscriptionManager: subscriptions,
	});
	addTools(server, streams);
	const respond = async (/** @type {Request} */ request) =>
		(await transport.respond(request)) ?? new Response(null, { status: 404 });
	const { listener, port } = SERVER === 'srvx' ? await serveWithSrvx(respond) : await listen(respond);
	const url = `http://127.0.0.1:${port}/mcp`;

	const stop = () =>
		// In another order than that in which they are closed.
		shutdown(listener, { managers: [info, subscriptions, streams], drainMs: Number(DRAIN_MS) });
	if (parentPort !== null) {
		const { port: main } = { port: parentPort };
		main.once('message', async () => {
			main.postMessage(plain(await stop()));
			if (EXIT !== 'natural') process.exit();
		});
		main.postMessage(url);
		return;
	}
	process.once('SIGTERM', async () => {
		const begin = performance.now();
		const result = plain(await stop());
		reportAtExit(begin, [result]);
		if (EXIT !== 'natural') process.exit();
	});
	console.log(JSON.stringify([url]));
}

/** @returns {{ streams: any, info: any, subscriptions: any }} */
function createManagers() {
	if (MANAGERS === 'redis') {
		const options = { prefix: 'shutdown' };
		return {
			streams: new RedisStreamSessionManager(REDIS_URL, options),
			info: new RedisInfoSessionManager(REDIS_URL, options),
			subscriptions: new RedisSubscriptionManager(REDIS_URL, options),
		};
	}
	const options = MANAGERS === 'scope' ? { scope: 'shutdown' } : {};
	return {
		streams: new InMemoryStreamSessionManager(options),
		info: new InMemoryInfoSessionManager(options),
		subscriptions: new InMemorySubscriptionManager(options),
	};
}

/**
 * @param {any} server
 * @param {InMemoryStreamSessionManager | RedisStreamSessionManager} streams
 */
function addTools(server, streams) {
	// Without a schema, a tool gets no arguments. So they are in its name.
	for (const ms of [300, 60_000]) addTool(`wait_${ms}`, () => delay(ms));
	// Uses every manager after the shutdown, as code does that ignores its signal.
	addTool('outlast', async () => {
		await delay(Number(DRAIN_MS) + 1_100);
		server.changed('tools');
		server.changed('resource', 'counter://visits');
		server.log('info', 'still running');
		await streams.send(['reader 0'], 'data: late\n\n');
	});
	addTool('fill', () => {
		const ids = Array.from({ length: 20 }, (_, index) => `stalled ${index}`);
		for (let message = 0; message < 8; message++) streams.send(ids, `data: ${'x'.repeat(2 ** 20)}\n\n`);
	});

	/**
	 * @param {string} name
	 * @param {() => unknown} run
	 */
	function addTool(name, run) {
		server.tool({ name, description: name }, async () => {
			console.log(`called: ${name}`);
			await run();
			return { content: [{ type: 'text', text: `done: ${name}` }] };
		});
	}
}

/** @param {(request: Request) => Promise<Response>} respond */
async function listen(respond) {
	const { toNodeHandler } = await importExamples('srvx/node');
	const listener = createServer(toNodeHandler(respond));
	listener.listen(0, '127.0.0.1');
	await once(listener, 'listening');
	return { listener, port: /** @type {import('node:net').AddressInfo} */ (listener.address()).port };
}

/** @param {(request: Request) => Promise<Response>} respond */
async function serveWithSrvx(respond) {
	const { serve } = await importExamples('srvx');
	const listener = serve({ fetch: respond, port: 0, hostname: '127.0.0.1', gracefulShutdown: false, silent: true });
	await listener.ready();
	return { listener, port: new URL(listener.url).port };
}

/** @param {import('@tmcp-native/session-manager/node').ShutdownResult} result */
function plain({ unfinished, errors }) {
	return { unfinished, errors: errors.map((error) => String(error)) };
}

/**
 * @param {number} begin
 * @param {unknown} results
 */
function reportAtExit(begin, results) {
	process.once('exit', () => {
		const tookMs = Math.round(performance.now() - begin);
		// Not `console.log`, which writes to a pipe later.
		writeSync(1, `${JSON.stringify({ results, tookMs })}\n`);
	});
}
