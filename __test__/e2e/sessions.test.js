// The sessions of tmcp's transports, as clients of the official SDK see them: client info, log levels, watched resources and
// notifications. Each scenario runs with upstream's managers and with ours, and has the same result.
//
// A stream keeps its order: a client that has received the last message, and not an earlier one, will not receive that one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testBoth } from './support/compare.js';
import { ours, sessionManagerOf, upstreams } from './support/installations.js';
import { LEVELS, noteUri } from './support/notes-server.js';
import { events, next } from './support/raw-events.js';

const http = /** @type {const} */ (['http']);
const sse = /** @type {const} */ (['sse']);
const either = /** @type {const} */ (['http', 'sse']);

const updated = (/** @type {number | string} */ name) => `resources/updated ${noteUri(name)}`;
const LISTS = /** @type {const} */ (['tools', 'prompts', 'resources']);

test('with npm’s `overrides`, every tmcp package imports ours as `@tmcp/session-manager`', () => {
	for (const place of ours.places) assert.match(sessionManagerOf(place), /^@tmcp-native\/session-manager /);
	for (const place of upstreams.places) assert.equal(sessionManagerOf(place), '@tmcp/session-manager 0.3.0');
});

testBoth(
	'the server knows the info and capabilities that each client sent on initialize',
	either,
	async ({ connect, server }) => {
		/** @type {unknown[]} */
		const events = [];
		server.on('initialize', (/** @type {any} */ { clientInfo }) => events.push(clientInfo.name));
		const ada = await connect('ada', { sampling: {}, roots: { listChanged: true } });
		const ben = await connect('ben', { elicitation: {} });
		const [known, other] = [await ada.call('who_am_i'), await ben.call('who_am_i')];
		assert.equal(known.clientInfo.name, 'ada');
		assert.deepEqual(known.clientCapabilities.roots, { listChanged: true });
		assert.equal(other.clientInfo.name, 'ben');
		assert.equal(other.clientCapabilities.sampling, undefined);
		assert.deepEqual(events, ['ada', 'ben']);
		return [known, other];
	},
);

testBoth(
	'each client receives the log messages of its level, and of a level that it sets later',
	either,
	async ({ connectAll }) => {
		const [ada, ben, cleo] = await connectAll('ada', 'ben', 'cleo');
		const from = (/** @type {string} */ level) => LEVELS.slice(LEVELS.indexOf(level)).map((one) => `message ${one}`);
		await ada.sdk.setLoggingLevel('error');
		await ben.sdk.setLoggingLevel('debug');
		for (const client of [ada, ben, cleo]) {
			await client.call('log');
			await client.until('message emergency');
		}
		assert.deepEqual(ada.received, from('error'));
		assert.deepEqual(ben.received, from('debug'));
		assert.deepEqual(cleo.received, from('info'), 'the default level of tmcp');
		assert.equal((await ada.call('who_am_i')).logLevel, 'error');
		await ada.sdk.setLoggingLevel('alert');
		await ada.call('log');
		await ada.until('message emergency', 2);
		assert.deepEqual(ada.received, [...from('error'), ...from('alert')]);
	},
);

testBoth('an update of a resource reaches its subscribers, and no other client', either, async (setup) => {
	const { server, connectAll, clients } = setup;
	const [ada, ben, cleo] = await connectAll('ada', 'ben', 'cleo');
	for (const client of [ada, ben]) await client.sdk.subscribeResource({ uri: noteUri(0) });
	await cleo.sdk.subscribeResource({ uri: noteUri(1) });
	server.changed('resource', noteUri(0));
	await Promise.all([ada, ben].map((client) => client.until(updated(0))));

	await ada.sdk.unsubscribeResource({ uri: noteUri(0) });
	server.changed('resource', noteUri(0));
	await ben.until(updated(0), 2);

	// A second subscription has no effect. A client may unsubscribe without a subscription.
	await ada.sdk.subscribeResource({ uri: noteUri(0) });
	await ada.sdk.subscribeResource({ uri: noteUri(0) });
	await ben.sdk.unsubscribeResource({ uri: noteUri(1) });
	server.changed('resource', noteUri(1));
	await cleo.until(updated(1));
	server.changed('resource', noteUri(0));
	await ada.until(updated(0), 2);

	server.changed('tools');
	await Promise.all(clients.map((client) => client.until('tools/list_changed')));
	const last = 'tools/list_changed';
	assert.deepEqual(ada.received, [updated(0), updated(0), last]);
	assert.deepEqual(ben.received, [updated(0), updated(0), updated(0), last]);
	assert.deepEqual(cleo.received, [updated(1), last]);
});

testBoth('every change of a list reaches every client, in order', either, async ({ server, connectAll, clients }) => {
	await connectAll('ada', 'ben', 'cleo');
	for (const list of [...LISTS, ...LISTS.toReversed()]) server.changed(list);
	server.tool({ name: 'new', description: 'a new tool' }, () => ({ content: [] }));
	await Promise.all(clients.map((client) => client.until('tools/list_changed', 3)));
	const order = [...LISTS, ...LISTS.toReversed(), 'tools'].map((list) => `${list}/list_changed`);
	for (const { received } of clients) assert.deepEqual(received, order);
	const { tools } = await clients[0].sdk.listTools();
	assert.equal(tools.at(-1)?.name, 'new');
});

testBoth('of twenty parallel clients, each receives its own updates and those for all', either, async (setup) => {
	const { server, connectAll } = setup;
	const clients = await connectAll(...Array.from({ length: 20 }, (_, index) => `client ${index}`));
	await Promise.all(clients.map(({ sdk }, index) => sdk.subscribeResource({ uri: noteUri(index) })));
	await Promise.all(clients.map(({ sdk }, index) => sdk.setLoggingLevel(index % 2 === 0 ? 'alert' : 'critical')));
	for (let index = 0; index < clients.length; index++) server.changed('resource', noteUri(index));
	await Promise.all(clients.map((client, index) => client.until(updated(index))));
	const answers = await Promise.all(clients.map((client) => client.call('who_am_i')));
	server.changed('prompts');
	await Promise.all(clients.map((client) => client.until('prompts/list_changed')));
	for (const [index, { received, name }] of clients.entries()) {
		assert.deepEqual(received, [updated(index), 'prompts/list_changed']);
		assert.equal(answers[index].clientInfo.name, name);
		assert.equal(answers[index].logLevel, index % 2 === 0 ? 'alert' : 'critical');
	}
	return answers;
});

testBoth('a client that disconnects without notice does not affect others, and can reconnect', http, async (setup) => {
	const { server, origin, connectAll, until } = setup;
	const [ada, ben] = await connectAll('ada', 'ben');
	for (const client of [ada, ben]) await client.sdk.subscribeResource({ uri: noteUri(0) });
	const headers = { 'mcp-session-id': String(ben.session) };
	assert.equal((await fetch(`${origin}/mcp`, { headers })).status, 409, 'the session has a stream');
	await ben.drop();
	await until(({ method, session, state }) => method === 'GET' && session === ben.session && state === 'left');
	server.changed('resource', noteUri(0));
	await ada.until(updated(0));

	const abort = new AbortController();
	const stream = events(await fetch(`${origin}/mcp`, { headers, signal: abort.signal }));
	assert.equal(await next(stream), ': connected');
	server.changed('resource', noteUri(0));
	await ada.until(updated(0), 2);
	const seen = await next(stream);
	assert.match(
		String(seen),
		/"uri":"note:\/\/0"/,
		'the transport keeps the subscriptions of a client that disconnected without notice',
	);
	assert.deepEqual(ben.received, []);
	return seen;
});

testBoth('a client that disconnects is removed, and does not affect others', sse, async (setup) => {
	const { server, origin, exchanges, connect, until } = setup;
	const ada = await connect('ada');
	const ben = await connect('ben');
	for (const client of [ada, ben]) await client.sdk.subscribeResource({ uri: noteUri(0) });
	const session = exchanges.findLast(({ method }) => method === 'POST')?.session;
	await ben.drop();
	await until(({ method, state }) => method === 'GET' && state === 'left');
	server.changed('resource', noteUri(0));
	await ada.until(updated(0));
	server.changed('tools');
	await ada.until('tools/list_changed');
	assert.deepEqual(ben.received, []);
	const answer = await fetch(`${origin}/message?session_id=${session}`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'who_am_i' } }),
	});
	assert.deepEqual([answer.status, await answer.text()], [500, 'SSE connection not established']);
});

testBoth('DELETE ends the stream and removes all data of the session', http, async (setup) => {
	const { server, origin, connectAll, until } = setup;
	const [ada, ben] = await connectAll('ada', 'ben');
	for (const client of [ada, ben]) await client.sdk.subscribeResource({ uri: noteUri(0) });
	await ben.sdk.setLoggingLevel('alert');
	const headers = { 'mcp-session-id': String(ben.session) };
	await ben.terminate();
	await until(
		({ method, session, state }) => method === 'GET' && session === headers['mcp-session-id'] && state !== 'open',
	);

	const answer = await fetch(`${origin}/mcp`, {
		method: 'POST',
		headers: { ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'who_am_i' } }),
	});
	const known = await answer.text();
	assert.match(known, /"text":"\{\}"/, 'the session has no data');

	const stream = events(await fetch(`${origin}/mcp`, { headers }));
	assert.equal(await next(stream), ': connected', 'the id can be used again');
	server.changed('resource', noteUri(0));
	await ada.until(updated(0));
	server.changed('tools');
	const seen = await next(stream);
	assert.match(String(seen), /tools\/list_changed/, 'the session has no subscriptions');
	return [known, seen];
});

testBoth('DELETE ends the stream of the session, and no other stream', sse, async (setup) => {
	const { server, origin, exchanges, connect, until } = setup;
	const ada = await connect('ada');
	const ben = await connect('ben');
	const session = exchanges.findLast(({ method }) => method === 'POST')?.session;
	ben.sdk.onerror = undefined;
	const answer = await fetch(`${origin}/sse?session_id=${session}`, { method: 'DELETE' });
	assert.equal(answer.status, 200);
	await until(({ method, state }) => method === 'GET' && state === 'ended');
	server.changed('tools');
	await ada.until('tools/list_changed');
	assert.deepEqual(ben.received, []);
});
