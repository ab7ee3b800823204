// A process that sends requests to a server at a steady pace, whether or not the earlier ones were answered, and measures
// the time until each response.

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { answerCalls } from '../harness/callable-process.mjs';

/** More than can be unanswered at the same time. */
const CONNECTIONS = 200;
const INTERVAL_MS = 2;
const REQUEST = 'GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n';
const END_OF_RESPONSE = /\r\n\r\n(?:4\r\n)?pong/;

/** @type {import('node:net').Socket[]} */
let sockets = [];

answerCalls({
	/** @param {number} port */
	async connect(port) {
		sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(port)));
	},

	/** Returns the times of all requests in nanoseconds, sorted. @param {number} ms */
	async measure(ms) {
		/** @type {Promise<number>[]} */
		const requests = [];
		const idle = sockets.slice();
		for (const end = performance.now() + ms; performance.now() < end; await wait(INTERVAL_MS)) {
			const socket = idle.shift();
			if (socket === undefined) throw new Error(`${CONNECTIONS} requests have no response`);
			const request = send(socket);
			requests.push(request);
			request.then(() => idle.push(socket));
		}
		const times = await Promise.all(requests);
		return times.sort((a, b) => a - b);
	},

	disconnect() {
		for (const socket of sockets) socket.destroy();
	},
});

/** @param {number} port */
async function open(port) {
	const socket = connect({ port, host: '127.0.0.1', noDelay: true });
	await once(socket, 'connect');
	// The first request of a connection takes longer.
	await send(socket);
	return socket;
}

/** @param {import('node:net').Socket} socket */
async function send(socket) {
	const start = performance.now();
	socket.write(REQUEST);
	let response = '';
	while (!END_OF_RESPONSE.test(response)) response += (await once(socket, 'data'))[0];
	return (performance.now() - start) * 1e6;
}
