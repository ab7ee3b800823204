// A server on Node.js: srvx with responses that are web streams, like those of the transports, and one manager; or better-sse
// on `node:http`. Performs the calls of the process that measures.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { answerCalls, readArguments } from '../harness/callable-process.mjs';
import { followOrders } from './control.mjs';
import { createManager } from './managers.mjs';
import { eventOf } from './messages.mjs';

/** @typedef {import('./managers.mjs').Implementation} Implementation */
/** @typedef {{ implementation: Implementation | 'betterSse', from: import('./managers.mjs').From, controlPort: number, redisUrl?: string }} Settings */

const TURN_RESOLUTION_MS = 1;
const GREETING = ': connected\n\n';

/** @type {Settings} */
const { implementation, from, controlPort, redisUrl } = readArguments()[0];
const server = createServer();
const broadcast = await (implementation === 'betterSse' ? serveBetterSse() : serveManager(implementation));
const delivery = implementation === 'native' ? await attach() : undefined;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
const turns = monitorEventLoopDelay({ resolution: TURN_RESOLUTION_MS });
let isWatching = false;
/** The time of the last broadcast's turn of the event loop. */
let broadcastTurn = 0;

answerCalls({
	/** Returns which clients are served by native delivery. */
	deliveryStats: () => delivery?.stats(),

	/** Begins to measure the turns of the event loop. */
	watchTurns() {
		broadcastTurn = 0;
		isWatching = true;
		turns.reset();
		turns.enable();
	},

	/** Returns the longest turn since then, and the one that has broadcast a message, in nanoseconds. */
	readTurns() {
		turns.disable();
		isWatching = false;
		// The values are times between two timers, which are due after that time.
		return { longest: Math.max(0, turns.max - TURN_RESOLUTION_MS * 1e6), broadcast: broadcastTurn };
	},
});

if (from === 'worker') {
	new Worker(new URL('sender.mjs', import.meta.url), { argv: process.argv.slice(2) });
}
followOrders(controlPort, { port, sends: from === 'main' }, (data) => {
	if (isWatching) timeThisTurn();
	broadcast(data);
});

/** Measures until the end of this turn of the event loop, with all microtasks. */
function timeThisTurn() {
	const start = process.hrtime.bigint();
	setImmediate(() => {
		broadcastTurn = Number(process.hrtime.bigint() - start);
	});
}

/** @param {Implementation} implementation */
async function serveManager(implementation) {
	const { toNodeHandler } = await import('srvx/node');
	const manager = await createManager(implementation, from, redisUrl);
	await manager.ready?.();
	const greeting = new TextEncoder().encode(GREETING);
	/** @param {Request} request */
	const respond = (request) => {
		if (request.url.endsWith('/ping')) return new Response('pong');
		const id = /** @type {string} */ (request.headers.get('mcp-session-id'));
		const stream = new ReadableStream({
			start(controller) {
				// In this order, as the transports do.
				manager.create(id, controller);
				controller.enqueue(greeting);
			},
			cancel() {
				manager.delete(id);
			},
		});
		return new Response(stream, { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' } });
	};
	server.on('request', toNodeHandler(respond));
	return (/** @type {string} */ data) => manager.send(undefined, eventOf(data));
}

async function serveBetterSse() {
	const { createChannel, createSession } = await import('better-sse');
	const channel = createChannel();
	server.on('request', async (request, response) => {
		if (request.url === '/ping') {
			response.end('pong');
			return;
		}
		const session = await createSession(request, response, { keepAlive: null, retry: null });
		channel.register(session);
		session.push('connected', 'greeting');
	});
	// It serializes the data itself.
	return (/** @type {string} */ data) => channel.broadcast(JSON.parse(data));
}

async function attach() {
	const { attachNativeDelivery } = await import('../../lib/node.js');
	return attachNativeDelivery(server);
}
