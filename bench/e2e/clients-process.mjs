// A process with many SSE clients. They check every byte, and the process ends at the first wrong one.
//
// It sends { ready: true } when all clients are connected. To the message { first, count } it replies { expecting: true }, and
// sends { received: true } when each client has received those messages in order, and nothing else.

import { Agent, get } from 'node:http';
import { numberedEvent } from '../harness/events.mjs';
import { makeIds } from '../harness/test-data.mjs';
import { GREETING } from './greeting.mjs';

const port = Number(process.argv[2]);
const ids = makeIds(Number(process.argv[3]));
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

let expected = GREETING;
let unfinished = ids.length;
const clients = ids.map(connect);

/** @param {string} id */
function connect(id) {
	const client = { received: 0 };
	get({ host: '127.0.0.1', port, agent, headers: { 'mcp-session-id': id } }, (response) => {
		response.setEncoding('latin1');
		response.on('data', (/** @type {string} */ text) => receive(client, text));
		response.on('end', () => fail('the stream has ended'));
	}).on('error', (error) => fail(error.message));
	return client;
}

/**
 * @param {{ received: number }} client
 * @param {string} text
 */
function receive(client, text) {
	if (!expected.startsWith(text, client.received)) fail(`received ${JSON.stringify(text)}`);
	client.received += text.length;
	if (client.received !== expected.length) return;
	unfinished--;
	if (unfinished === 0) process.send?.(expected === GREETING ? { ready: true } : { received: true });
}

process.on('message', (/** @type {any} */ { first, count }) => {
	expected = Array.from({ length: count }, (_, index) => numberedEvent(first + index)).join('');
	unfinished = clients.length;
	for (const client of clients) client.received = 0;
	process.send?.({ expecting: true });
});
process.on('disconnect', () => process.exit());

/** @param {string} problem */
function fail(problem) {
	console.error(`A client of the end-to-end row: ${problem}`);
	process.exit(1);
}
