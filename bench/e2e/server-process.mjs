// A process with an HTTP server whose responses are web streams, like those of the transports, and one session manager.
//
// It sends { port } when it listens. To the message { first, count, clients, burst } it broadcasts `count` messages, `burst`
// at a time. To { stop: true } it replies with the CPU time since then.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { numberedEvent } from '../harness/events.mjs';
import { managers } from '../harness/implementations.mjs';
import { GREETING } from './greeting.mjs';

/** @typedef {keyof typeof managers | 'coalesced'} ServerKind */

const kind = /** @type {ServerKind} */ (process.argv[2]);
/** @type {import('../harness/implementations.mjs').Manager} */
const manager = kind === 'coalesced' ? new InMemoryStreamSessionManager({ coalesce: true }) : managers[kind]();
const greeting = new TextEncoder().encode(GREETING);

/** Bytes that were written to sockets. */
let written = 0;
/** Called when that many bytes were written. @type {{ bytes: number, resolve: () => void } | undefined} */
let awaited;
/** @type {NodeJS.CpuUsage} */
let cpuAtStart;

const server = createServer((request, response) => {
	const id = /** @type {string} */ (request.headers['mcp-session-id']);
	/** @type {ReadableStream<Uint8Array>} */
	const stream = new ReadableStream({
		start(controller) {
			controller.enqueue(greeting);
			manager.create(id, controller);
		},
		cancel() {
			manager.delete(id);
		},
	});
	response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
	pipe(stream.getReader(), response);
});

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {import('node:http').ServerResponse} response
 */
async function pipe(reader, response) {
	response.on('close', () => reader.cancel());
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		if (!response.write(next.value)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
		written += next.value.length;
		if (written === awaited?.bytes) awaited.resolve();
	}
}

/**
 * Sends the next burst when the previous one was written to every socket: as fast as possible without growing queues.
 *
 * @param {number} first number of the first message
 * @param {number} count
 * @param {number} clients
 * @param {number} burst
 */
async function broadcast(first, count, clients, burst) {
	for (let number = first; number < first + count; number += burst) {
		const texts = Array.from({ length: burst }, (_, index) => numberedEvent(number + index));
		const bytes = clients * Buffer.byteLength(texts.join(''));
		const sent = new Promise((resolve) => {
			awaited = { bytes: written + bytes, resolve: () => resolve(undefined) };
		});
		for (const text of texts) manager.send(undefined, text);
		await sent;
		// Otherwise the next burst would share system calls with this one.
		await setImmediate();
	}
}

process.on('message', async (/** @type {any} */ order) => {
	if (order.stop) {
		const { user, system } = process.cpuUsage(cpuAtStart);
		process.send?.({ cpuUs: user + system });
		return;
	}
	cpuAtStart = process.cpuUsage();
	await broadcast(order.first, order.count, order.clients, order.burst);
});
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => {
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
	process.send?.({ port });
});
