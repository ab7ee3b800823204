// Many SSE clients in one process. Says { ready: true } when all are connected; told { first, count } it says
// { received: true } when each has got those messages, in order and nothing else, and fails at the first wrong byte.

import { Agent, get } from 'node:http';
import { makeIds } from '../harness/test-data.mjs';
import { GREETING, message } from '../harness/events.mjs';

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
		response.on('data', (/** @type {string} */ text) => take(client, text));
		response.on('end', () => fail('a stream has ended'));
	}).on('error', (error) => fail(error.message));
	return client;
}

/**
 * @param {{ received: number }} client
 * @param {string} text
 */
function take(client, text) {
	if (!expected.startsWith(text, client.received)) fail(`got ${JSON.stringify(text)}`);
	client.received += text.length;
	if (client.received !== expected.length) return;
	unfinished--;
	if (unfinished === 0) process.send?.(expected === GREETING ? { ready: true } : { received: true });
}

process.on('message', (/** @type {any} */ { first, count }) => {
	expected = Array.from({ length: count }, (_, index) => message(first + index)).join('');
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
