// Handed over as `sessionManager: { streams }`, it serves the transports of tmcp 1.20.0 as upstream's 0.3.0 does.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { managersIn, pack } from './folders.js';
import { Client, directly, Log, listen, watched } from './mcp.js';
import { installTransports, kinds } from './transports.js';

/** @type {Awaited<ReturnType<typeof installTransports>>} */
let installed;

before(async () => {
	installed = await installTransports(await pack());
});

test('upstream 0.3.0 and ours stand side by side, once each', () => {
	assert.deepEqual(managersIn(installed.folder), {
		'@tmcp-native/session-manager': '@tmcp-native/session-manager',
		'@tmcp/session-manager': '@tmcp/session-manager',
	});
	assert.notEqual(installed.Ours, installed.Upstreams);
});

for (const kind of /** @type {import('./transports.js').Kind[]} */ (Object.keys(kinds))) {
	for (const [way, bySocket] of /** @type {const} */ ([
		['asked directly', false],
		['behind node:http', true],
	])) {
		test(`${kind}, ${way}, answers and sends byte for byte what it does with upstream`, {
			timeout: 60_000,
		}, async () => {
			const mine = await converse(kind, new installed.Ours(), bySocket);
			assert.deepEqual(mine, await converse(kind, new installed.Upstreams(), bySocket));
			const counts = { 'tools/list_changed': 17, 'resources/updated': 3, 'got: undefined': 1, ': "409 ': 1 };
			for (const [text, count] of Object.entries(counts)) {
				assert.equal(mine.filter((line) => line.includes(text)).length, count, `${text}\n${mine.join('\n')}`);
			}
		});
	}
}

/**
 * @param {import('./transports.js').Kind} kind
 * @param {object} streams
 * @param {boolean} bySocket
 */
async function converse(kind, streams, bySocket) {
	const { server, transport, paths } = installed.make(kind, streams);
	const http = bySocket ? await listen(transport) : undefined;
	const ask = http?.ask ?? directly(transport);
	const log = new Log();
	const [a, b, c] = ['a', 'b', 'c'].map((id) => new Client(id, ask, log, paths));
	const answersOnStream = kind.startsWith('transport-sse');

	/**
	 * @param {Client} client
	 * @param {string} method
	 * @param {object} [params]
	 */
	const post = async (client, method, params) => {
		await client.post(method, params);
		if (answersOnStream) await client.events.next();
	};
	/** @param {...Client} clients */
	const toolsChangedFor = async (...clients) => {
		server.changed('tools');
		for (const client of clients) await client.events.next();
	};

	await new Client('', ask, log, paths).post('ping');
	for (const client of [a, b, c]) {
		if (!answersOnStream) await client.initialize();
		await client.open();
		await client.events.next();
		if (!answersOnStream) continue;
		await client.initialize();
		await client.events.next();
	}
	assert.equal((await a.request(paths.stream, { method: 'GET' })).status, 409);

	// What follows an event for some is for everybody: who had not to get the first would get it here.
	for (const client of [a, b]) await post(client, 'resources/subscribe', { uri: watched });
	server.changed('resource', watched);
	for (const client of [a, b]) await client.events.next();
	await toolsChangedFor(a, b, c);
	await post(a, 'resources/unsubscribe', { uri: watched });
	server.changed('resource', watched);
	await b.events.next();
	await toolsChangedFor(a, b, c);
	await post(c, 'tools/call', { name: 'greet', arguments: {} });

	const left = http?.clientLeft();
	if (http === undefined) await c.events.cancel();
	else c.events.hangUp();
	await left;
	await toolsChangedFor(a);
	await c.open();
	await c.events.next();

	server.changed('tools');
	await b.end();
	for (const client of [a, b, c]) await client.events.next();
	// b had not read the one before, either: what was queued stays readable.
	await b.events.next();
	assert.equal(await b.events.next(), undefined);
	await b.open();
	await b.events.next();

	// Nobody is subscribed any more. A late update would stand between the two changes for everybody.
	server.changed('resource', watched);
	await toolsChangedFor(a, b, c);
	await toolsChangedFor(a, b, c);

	await http?.close();
	return log.lines;
}
