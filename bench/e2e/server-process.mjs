// An HTTP server whose responses are web streams, as the transports make them, fed by one side's session manager.
// Told { first, count, burst } it broadcasts that many messages, so many at a time; told { stop: true } it says what that took.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { managers } from '../harness/implementations.mjs';
import { GREETING, message } from '../harness/events.mjs';

/** @typedef {keyof typeof managers | 'coalesced'} Side */

const side = /** @type {Side} */ (process.argv[2]);
/** @type {import('../harness/implementations.mjs').Manager} */
const manager = side === 'coalesced' ? new InMemoryStreamSessionManager({ coalesce: true }) : managers[side]();
const greeting = new TextEncoder().encode(GREETING);

/** How many bytes have been handed to sockets. */
let written = 0;
/** @type {{ bytes: number, resolve: () => void } | undefined} */
let awaited;
/** @type {NodeJS.CpuUsage} */
let cpu;

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
 * The next burst goes out when the last one has been written to every socket: as fast as can be, with no queue growing.
 *
 * @param {number} first
 * @param {number} count
 * @param {number} clients
 * @param {number} burst how many messages are sent at a time
 */
async function broadcast(first, count, clients, burst) {
	for (let number = first; number < first + count; number += burst) {
		const texts = Array.from({ length: burst }, (_, index) => message(number + index));
		const bytes = clients * Buffer.byteLength(texts.join(''));
		const sent = new Promise((resolve) => {
			awaited = { bytes: written + bytes, resolve: () => resolve(undefined) };
		});
		for (const text of texts) manager.send(undefined, text);
		await sent;
		// Otherwise the next messages would share this one's system calls.
		await setImmediate();
	}
}

process.on('message', async (/** @type {any} */ order) => {
	if (order.stop) {
		const { user, system } = process.cpuUsage(cpu);
		process.send?.({ cpu: user + system });
		return;
	}
	cpu = process.cpuUsage();
	await broadcast(order.first, order.count, order.clients, order.burst);
});
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => {
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
	process.send?.({ port });
});
