// End to end: the CPU time of a server that broadcasts over HTTP, with sockets, HTTP encoding and system calls.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ratios, spread } from '../harness/stats.mjs';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/** @typedef {'upstream' | 'ours'} Implementation */

/**
 * @typedef {object} Load
 * @property {number} clients
 * @property {number} messages to each client
 * @property {number} burst number of messages that are sent together
 */

/** @type {Load & { rounds: number }} */
const FULL = { clients: 500, messages: 200, burst: 1, rounds: 6 };
/** @type {Load & { rounds: number }} */
const QUICK = { clients: 50, messages: 50, burst: 1, rounds: 2 };

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureEndToEnd(quick, log) {
	const size = quick ? QUICK : FULL;
	/** @type {Record<Implementation, number[]>} */
	const ns = { upstream: [], ours: [] };
	for (let round = 0; round < size.rounds; round++) {
		/** @type {Implementation[]} */
		const order = round % 2 === 0 ? ['upstream', 'ours'] : ['ours', 'upstream'];
		for (const implementation of order) ns[implementation].push(await measureServer(implementation, size));
	}
	const vsUpstream = ratios(ns.upstream, ns.ours);
	log(`end to end: ${vsUpstream.median.toFixed(2)}x as fast as upstream`);
	return { ...size, ns: { upstream: spread(ns.upstream), ours: spread(ns.ours) }, vsUpstream };
}

/**
 * Starts a server and its clients, and resolves to the server's CPU time per delivered message, in nanoseconds.
 *
 * @param {import('./server-process.mjs').ServerKind} kind
 * @param {Load} load
 */
export async function measureServer(kind, { clients: count, messages, burst }) {
	const server = start('server-process.mjs', [kind]);
	const { port } = await nextMessage(server);
	const clients = start('clients-process.mjs', [String(port), String(count)]);
	await nextMessage(clients);
	// The first broadcasts are the warm-up.
	await broadcast(server, clients, { first: 0, count: messages, clients: count, burst });
	const cpuUs = await broadcast(server, clients, { first: messages, count: messages, clients: count, burst });
	await stop(clients);
	await stop(server);
	return (cpuUs * 1000) / (messages * count);
}

/**
 * @param {ChildProcess} server
 * @param {ChildProcess} clients
 * @param {{ first: number, count: number, clients: number, burst: number }} order
 * @returns {Promise<number>} microseconds
 */
async function broadcast(server, clients, order) {
	clients.send(order);
	await nextMessage(clients);
	const received = nextMessage(clients);
	server.send(order);
	await received;
	server.send({ stop: true });
	return (await nextMessage(server)).cpuUs;
}

/**
 * @param {string} file
 * @param {string[]} args
 */
function start(file, args) {
	const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
	child.once('exit', (code) => {
		if (code === 0) return;
		console.error(`e2e/${file} ended with exit code ${code}.`);
		process.exit(1);
	});
	return child;
}

/** @param {ChildProcess} child */
async function nextMessage(child) {
	const [message] = await once(child, 'message');
	return message;
}

/** @param {ChildProcess} child */
async function stop(child) {
	const exited = once(child, 'exit');
	child.disconnect();
	await exited;
}
