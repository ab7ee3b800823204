// A server of several threads that answer on one port, and the way to stop it.
//
// Where the system shares out the connections to a port among all who listen on it, each thread listens on it: on Linux and
// some BSDs, with Node.js 22.12 or later, or Deno. Elsewhere each thread has a port of its own, and the main thread listens
// on the one that is known and passes on what comes.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Worker } from 'node:worker_threads';
import { HOST, urlOf } from '../support/address.mjs';
import { CounterState } from '../support/counter-state.mjs';
import { startProxy } from './tcp-proxy.mjs';

/**
 * @typedef {object} WorkerData
 * @property {number} number from 1
 * @property {number} port 0 for any that is free
 * @property {boolean} reusePort
 * @property {SharedArrayBuffer} memory of the counters
 */

/**
 * @param {number} count how many threads
 * @param {number} wantedPort 0 for any that is free
 */
export async function startWorkers(count, wantedPort) {
	const port = await freePort(wantedPort);
	const reusePort = await canReusePorts();
	const { memory } = new CounterState();
	const workers = Array.from({ length: count }, (_, index) => {
		/** @type {WorkerData} */
		const workerData = { number: index + 1, port: reusePort ? port : 0, reusePort, memory };
		// Once it is there, nothing listens to its errors: a thread that fails takes the process along.
		return new Worker(new URL('worker.mjs', import.meta.url), { workerData });
	});
	const ports = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
	const proxy = reusePort ? undefined : await startProxy(port, ports);

	/** Ends all streams; resolves when the last connection is closed and the last thread has ended. */
	async function close() {
		const ended = workers.map((worker) => once(worker, 'exit'));
		for (const worker of workers) worker.postMessage('close');
		await Promise.all([...ended, proxy?.close()]);
	}

	const how = reusePort ? 'all of them on one port' : 'to which the main thread passes on what comes';
	return { url: urlOf(port), about: `An MCP server of ${count} threads, ${how},`, close };
}

/**
 * Looks whether the port is free in the way that refuses any other listener: by `reusePort` a second copy of this program
 * would get in, and take half of the first one's connections without knowing its sessions.
 *
 * @param {number} wanted 0 for any that is free
 * @returns {Promise<number>} rejects with `EADDRINUSE` if it is taken
 */
async function freePort(wanted) {
	const server = await listenOn(wanted, { reusePort: false });
	const port = portOf(server);
	await closed(server);
	return port;
}

/** Tries it, since Node.js 20 passes over the option, and some systems cannot do it. */
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
