// A server of several threads on one port.
//
// Linux and some BSDs distribute the connections to a port among all listeners that set `reusePort`. There, with Node.js
// 22.12 or later or Deno, each thread listens on the port. Elsewhere each thread has its own port, and the main thread
// listens on the public port and forwards each connection to a thread.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Worker } from 'node:worker_threads';
import { HOST, urlOf } from '../support/address.mjs';
import { CounterState } from '../support/counter-state.mjs';
import { startProxy } from './tcp-proxy.mjs';

/**
 * @typedef {object} WorkerData
 * @property {number} number from 1
 * @property {number} port 0 for any free port
 * @property {boolean} reusePort
 * @property {SharedArrayBuffer} memory `memory` of the CounterState
 */

/**
 * @param {number} count number of threads
 * @param {number} wantedPort 0 for any free port
 */
export async function startWorkers(count, wantedPort) {
	const port = await freePort(wantedPort);
	const reusePort = await canReusePorts();
	const { memory } = new CounterState();
	const workers = Array.from({ length: count }, (_, index) => {
		/** @type {WorkerData} */
		const workerData = { number: index + 1, port: reusePort ? port : 0, reusePort, memory };
		// After the start, nothing listens for its errors: if a thread fails, the process fails.
		return new Worker(new URL('worker.mjs', import.meta.url), { workerData });
	});
	const ports = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
	const proxy = reusePort ? undefined : await startProxy(port, ports);

	/** Ends all streams. Resolves when the last connection is closed and the last thread has ended. */
	async function close() {
		const ended = workers.map((worker) => once(worker, 'exit'));
		for (const worker of workers) worker.postMessage('close');
		await Promise.all([...ended, proxy?.close()]);
	}

	const how = reusePort ? 'which share one port' : 'behind a main thread that forwards the connections';
	return { url: urlOf(port), about: `An MCP server of ${count} threads, ${how},`, close };
}

/**
 * Finds a free port. Listens without `reusePort`, which fails if another program listens. With `reusePort`, a second copy of
 * this program would get half of the connections without knowing the sessions of the first.
 *
 * @param {number} wanted 0 for any free port
 * @returns {Promise<number>} rejects with `EADDRINUSE` if the port is taken
 */
async function freePort(wanted) {
	const server = await listenOn(wanted, { reusePort: false });
	const port = portOf(server);
	await closed(server);
	return port;
}

/** Tries two listeners on one port: Node.js 20 ignores the option, and some systems do not support it. */
async function canReusePorts() {
	const first = await listenOn(0, { reusePort: true }).catch(() => undefined);
	const second = first && (await listenOn(portOf(first), { reusePort: true }).catch(() => undefined));
	await Promise.all([closed(first), closed(second)]);
	return second !== undefined;
}

/**
 * @param {number} port
 * @param {{ reusePort: boolean }} options
 */
async function listenOn(port, options) {
	const server = createServer();
	server.listen({ port, host: HOST, ...options });
	await once(server, 'listening');
	return server;
}

/** @param {import('node:http').Server} server */
function portOf(server) {
	return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}

/** @param {import('node:http').Server} [server] */
async function closed(server) {
	server?.close();
	if (server !== undefined) await once(server, 'close');
}
