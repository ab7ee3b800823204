// End to end: what a message costs a server that broadcasts over HTTP, sockets, parsing and system calls included.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ratios, spread } from '../harness/stats.mjs';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/** @typedef {'upstream' | 'ours'} SideName */
/** @typedef {{ clients: number, messages: number, burst: number }} Load messages to each client, so many at a time */
/** @typedef {Load & { rounds: number }} Size */

/** @type {Size} */
const FULL = { clients: 500, messages: 200, burst: 1, rounds: 6 };
/** @type {Size} */
const QUICK = { clients: 50, messages: 50, burst: 1, rounds: 2 };

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureEndToEnd(quick, log) {
	const size = quick ? QUICK : FULL;
	/** @type {Record<SideName, number[]>} */
	const ns = { upstream: [], ours: [] };
	for (let round = 0; round < size.rounds; round++) {
		/** @type {SideName[]} */
		const order = round % 2 === 0 ? ['upstream', 'ours'] : ['ours', 'upstream'];
		for (const side of order) ns[side].push(await measureServer(side, size));
	}
	const vsUpstream = ratios(ns.upstream, ns.ours);
	log(`end to end: ${vsUpstream.median.toFixed(2)}x of upstream`);
	return { ...size, ns: { upstream: spread(ns.upstream), ours: spread(ns.ours) }, vsUpstream };
}

/**
 * Nanoseconds of the server's CPU time a delivered message, with processes of their own each time.
 *
 * @param {import('./server-process.mjs').Side} side
 * @param {Load} load
 */
export async function measureServer(side, { clients: count, messages, burst }) {
	const server = start('server-process.mjs', [side]);
	const { port } = await answer(server);
	const clients = start('clients-process.mjs', [String(port), String(count)]);
	await answer(clients);
	// The first broadcasts warm up.
	await deliver(server, clients, { first: 0, count: messages, clients: count, burst });
	const cpu = await deliver(server, clients, { first: messages, count: messages, clients: count, burst });
	await stop(clients);
	await stop(server);
	return (cpu * 1000) / (messages * count);
}

/**
 * @param {ChildProcess} server
 * @param {ChildProcess} clients
 * @param {{ first: number, count: number, clients: number, burst: number }} order
 * @returns {Promise<number>} microseconds
 */
async function deliver(server, clients, order) {
	clients.send(order);
	await answer(clients);
	const received = answer(clients);
	server.send(order);
	await received;
	server.send({ stop: true });
	return (await answer(server)).cpu;
}

/**
 * @param {string} file
 * @param {string[]} args
 */
function start(file, args) {
	const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
	child.once('exit', (code) => {
		if (code === 0) return;
		console.error(`e2e/${file} ended with ${code}.`);
		process.exit(1);
	});
	return child;
}

/** @param {ChildProcess} child */
async function answer(child) {
	const [message] = await once(child, 'message');
	return message;
}

/** @param {ChildProcess} child */
async function stop(child) {
	const exited = once(child, 'exit');
	child.disconnect();
	await exited;
}
