// The steps of clients with a server behind each of the transports. Each scenario returns a log that tests can compare.

import assert from 'node:assert/strict';
import { Client, directly, Log, listen, watched } from './recording-clients.js';

/**
 * A server with the transport in front of it.
 *
 * @typedef {object} ServedTransport
 * @property {any} server
 * @property {any} transport
 * @property {{ stream: string, message: string }} paths
 * @property {boolean} [answersOnStream] true when responses arrive as events of the session's stream
 */

/**
 * Runs the scenario for transport-http 0.7.1, which has one manager for everything and no `resources/unsubscribe`.
 *
 * @param {ServedTransport} served
 * @param {boolean} [bySocket]
 */
export async function runScenario07({ server, transport, paths }, bySocket = false) {
	const http = bySocket ? await listen(transport) : undefined;
	const ask = http?.ask ?? directly(transport);
	const log = new Log();

	const newcomer = new Client('', ask, log, paths);
	await newcomer.initialize();
	const [given, other] = ['given', 'other'].map((id) => new Client(id, ask, log, paths));
	await other.initialize();
	for (const client of [given, other]) {
		await client.post('notifications/initialized');
		await client.open();
		await client.events.next();
	}
	assert.equal((await given.request('/mcp', { method: 'GET' })).status, 409);

	server.changed('tools');
	for (const client of [given, other]) await client.events.next();

	await given.post('resources/subscribe', { uri: watched });
	server.changed('resource', watched);
	server.changed('resources');
	await given.events.next();
	for (const client of [given, other]) await client.events.next();

	await other.post('tools/call', { name: 'greet', arguments: {} });
	server.changed('prompts');
	server.changed('tools');
	await given.end();
	// Messages sent before the end can still be read.
	await given.events.next();
	await other.events.next();
	assert.equal(await given.events.next(), undefined);

	await http?.close();
	return log.lines;
}

/**
 * Runs the scenario for the transports of tmcp 1.18 and newer.
 *
 * @param {ServedTransport} served
 * @param {boolean} [bySocket]
 */
export async function runScenario({ server, transport, paths, answersOnStream = false }, bySocket = false) {
	const http = bySocket ? await listen(transport) : undefined;
	const ask = http?.ask ?? directly(transport);
	const log = new Log();
	const [a, b, c] = ['a', 'b', 'c'].map((id) => new Client(id, ask, log, paths));

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

	// A broadcast follows each message for some: a client that wrongly gets the message would receive it here first.
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
	// b has not read the previous event either: queued events stay readable.
	await b.events.next();
	assert.equal(await b.events.next(), undefined);
	await b.open();
	await b.events.next();

	// No session is subscribed any more. A late update would arrive between the two broadcasts.
	server.changed('resource', watched);
	await toolsChangedFor(a, b, c);
	await toolsChangedFor(a, b, c);

	await http?.close();
	return log.lines;
}
