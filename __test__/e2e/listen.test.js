// `subscriptions/listen` of MCP 2026-07-28 through HttpTransport 0.9, with clients of the official SDK, and with `fetch` in tests of
// the wire format. Each scenario runs with upstream's managers and with ours, and has the same result.
//
// A stream keeps its order: a client that has received the last message, and not an earlier one, will not receive that one.

import assert from 'node:assert/strict';
import { testBoth } from './support/compare.js';
import { SUBSCRIPTION, VERSION } from './support/listen-client.js';
import { noteUri } from './support/notes-server.js';
import { events, next } from './support/raw-events.js';

/** @typedef {import('./support/compare.js').Setup} Setup */

const http = /** @type {const} */ (['http']);
const TOOLS = 'tools/list_changed';
const PROMPTS = 'prompts/list_changed';
const RESOURCES = 'resources/list_changed';
const updated = (/** @type {number} */ note) => `resources/updated ${noteUri(note)}`;

testBoth('a listen receives the changes in its filter, and no others', http, async ({ server, connectListener }) => {
	const ada = await connectListener('ada');
	const { honoredFilter } = await ada.listen({
		promptsListChanged: true,
		toolsListChanged: false,
		resourceSubscriptions: [noteUri(0), noteUri(1), 'note://unknown'],
	});
	assert.deepEqual(honoredFilter, { promptsListChanged: true, resourceSubscriptions: [noteUri(0), noteUri(1)] });
	server.changed('tools');
	server.changed('resource', noteUri(1));
	server.changed('resource', noteUri(2));
	server.changed('resources');
	server.changed('resource', noteUri(0));
	server.changed('prompts');
	await ada.until('listen:0', PROMPTS);
	assert.deepEqual(ada.received, { 'listen:0': [updated(1), updated(0), PROMPTS] });
});

testBoth('the first event of a listen is the acknowledgement, even during changes', http, async (setup) => {
	const { server } = setup;
	const answer = open(setup, 'one', { toolsListChanged: true, resourceSubscriptions: [noteUri(3)] });
	// Changes happen from before the request arrives until after the acknowledgement. None may arrive before it.
	let changing = true;
	const changes = (async () => {
		while (changing) {
			server.changed('tools');
			await new Promise(setImmediate);
		}
	})();
	const stream = events(await answer);
	const first = parse(await next(stream));
	changing = false;
	await changes;
	assert.equal(first.method, 'notifications/subscriptions/acknowledged');
	assert.deepEqual(first.params.notifications, { toolsListChanged: true, resourceSubscriptions: [noteUri(3)] });
	server.changed('resource', noteUri(3));
	for (;;) {
		const event = parse(await next(stream));
		assert.equal(event.params._meta[SUBSCRIPTION], 'one');
		if (event.method === 'notifications/resources/updated') return [first, event];
		assert.equal(event.method, 'notifications/tools/list_changed');
	}
});

testBoth('several listens of one client each receive their own changes', http, async ({ server, connectListener }) => {
	const ada = await connectListener('ada');
	const filters = [
		{ toolsListChanged: true },
		{ toolsListChanged: true, promptsListChanged: true },
		{ resourceSubscriptions: [noteUri(0)], toolsListChanged: true },
	];
	for (const filter of filters) await ada.listen(filter);
	server.changed('prompts');
	server.changed('resource', noteUri(0));
	server.changed('resources');
	server.changed('tools');
	for (const stream of ['listen:0', 'listen:1', 'listen:2']) await ada.until(stream, TOOLS);
	assert.deepEqual(ada.received, {
		'listen:0': [TOOLS],
		'listen:1': [PROMPTS, TOOLS],
		'listen:2': [updated(0), TOOLS],
	});
});

testBoth('two clients with the same id have two streams', http, async (setup) => {
	const { server, connectListener } = setup;
	const [ada, ben] = [await connectListener('ada'), await connectListener('ben')];
	await ada.listen({ toolsListChanged: true, resourceSubscriptions: [noteUri(0)] });
	await ben.listen({ toolsListChanged: true, resourceSubscriptions: [noteUri(1)] });
	server.changed('resource', noteUri(0));
	server.changed('resource', noteUri(1));
	server.changed('tools');
	for (const client of [ada, ben]) await client.until('listen:0', TOOLS);
	assert.deepEqual(ada.received, { 'listen:0': [updated(0), TOOLS] });
	assert.deepEqual(ben.received, { 'listen:0': [updated(1), TOOLS] });
});

testBoth('a numeric id and the same digits as a string are returned unchanged', http, async (setup) => {
	const filter = { toolsListChanged: true };
	const streams = [events(await open(setup, 7, filter)), events(await open(setup, '7', filter))];
	for (const stream of streams) await next(stream);
	setup.server.changed('tools');
	const ids = [];
	for (const stream of streams) ids.push(parse(await next(stream)).params._meta[SUBSCRIPTION]);
	assert.deepEqual(ids, [7, '7']);
});

testBoth('clients with sessions and clients with listens receive the same change', http, async (setup) => {
	const { server, connect, connectListener } = setup;
	const ada = await connect('ada');
	await ada.sdk.subscribeResource({ uri: noteUri(0) });
	const ben = await connectListener('ben');
	await ben.listen({ toolsListChanged: true, resourceSubscriptions: [noteUri(0)] });
	server.changed('resource', noteUri(0));
	await Promise.all([ada.until(updated(0)), ben.until('listen:0', updated(0))]);
	await ada.sdk.unsubscribeResource({ uri: noteUri(0) });
	server.changed('resource', noteUri(0));
	server.changed('tools');
	await Promise.all([ada.until(TOOLS), ben.until('listen:0', TOOLS)]);
	assert.deepEqual(ada.received, [updated(0), TOOLS]);
	assert.deepEqual(ben.received, { 'listen:0': [updated(0), updated(0), TOOLS] });
});

testBoth('a listen that its client closes receives nothing more, and the others do', http, async (setup) => {
	const { server, connectListener, until } = setup;
	const ada = await connectListener('ada');
	const closing = await ada.listen({ toolsListChanged: true });
	await ada.listen({ toolsListChanged: true });
	server.changed('tools');
	for (const stream of ['listen:0', 'listen:1']) await ada.until(stream, TOOLS);
	await closing.close();
	assert.equal(await closing.closed, 'local');
	await until(({ called, state }) => called === 'subscriptions/listen' && state === 'left');
	// The SDK also sends `notifications/cancelled`, without the header that the transport requires.
	await until(({ status }) => status === 400);
	server.changed('tools');
	await ada.until('listen:1', TOOLS, 2);
	assert.deepEqual(ada.received, { 'listen:0': [TOOLS], 'listen:1': [TOOLS, TOOLS] });
});

testBoth('clients that disconnect without notice do not affect others', http, async (setup) => {
	const { server, connectListener, exchanges, until } = setup;
	const stays = await connectListener('stays');
	await stays.listen({ toolsListChanged: true });
	for (const name of ['leaves 0', 'leaves 1', 'leaves 2']) {
		const client = await connectListener(name);
		await client.listen({ toolsListChanged: true });
		server.changed('tools');
		await client.until('listen:0', TOOLS);
		const { response } = listens(exchanges)[Number(name.at(-1)) + 1];
		await client.drop();
		await until((exchange) => exchange.response === response && exchange.state === 'left');
		server.changed('tools');
	}
	await stays.until('listen:0', TOOLS, 6);
	assert.deepEqual(stays.received, { 'listen:0': Array(6).fill(TOOLS) });
});

testBoth('`notifications/cancelled` on another connection closes nothing', http, async (setup) => {
	const stream = events(await open(setup, 1, { toolsListChanged: true }));
	await next(stream);
	const answer = await post(setup, 'notifications/cancelled', undefined, { requestId: 1 });
	assert.equal(answer.status, 202);
	setup.server.changed('tools');
	return parse(await next(stream));
});

testBoth('`closeSubscription` ends one stream gracefully, after the messages sent before', http, async (setup) => {
	const { server, transport, exchanges, connectListener } = setup;
	const ada = await connectListener('ada');
	const [ends, goesOn] = [await ada.listen({ toolsListChanged: true }), await ada.listen({ toolsListChanged: true })];
	const { response } = listens(exchanges)[0];
	server.changed('tools');
	assert.equal(await transport.closeSubscription(response), true);
	assert.equal(await ends.closed, 'graceful');
	assert.equal(await transport.closeSubscription(response), false, 'the stream is closed already');
	server.changed('tools');
	await ada.until('listen:1', TOOLS, 2);
	assert.deepEqual(ada.received, { 'listen:0': [TOOLS], 'listen:1': [TOOLS, TOOLS] });
	assert.equal(await Promise.race([goesOn.closed, 'open']), 'open');
});

testBoth('the last event of a closed stream is the response', http, async (setup) => {
	const { server, transport, exchanges } = setup;
	const stream = events(await open(setup, 'one', { toolsListChanged: true }));
	server.changed('tools');
	const closing = transport.closeSubscription(listens(exchanges)[0].response);
	const received = [];
	for await (const event of stream) received.push(parse(event));
	assert.equal(await closing, true);
	assert.deepEqual(
		received.map(({ id, method, result }) => method ?? { id, result: typeof result }),
		['notifications/subscriptions/acknowledged', 'notifications/tools/list_changed', { id: 'one', result: 'object' }],
	);
	return received;
});

testBoth('`transport.close()` ends every stream, and new streams can be opened', http, async (setup) => {
	const { server, transport, connectListener, exchanges, until } = setup;
	const [ada, ben] = [await connectListener('ada'), await connectListener('ben')];
	const streams = [
		await ada.listen({ toolsListChanged: true }),
		await ada.listen({ promptsListChanged: true }),
		await ben.listen({ resourcesListChanged: true }),
	];
	await transport.close();
	for (const { closed } of streams) assert.equal(await closed, 'remote');
	await until(() => listens(exchanges).every(({ state }) => state === 'ended'));
	await ada.listen({ resourcesListChanged: true });
	for (const list of ['tools', 'prompts', 'resources']) server.changed(list);
	await ada.until('listen:2', RESOURCES);
	assert.deepEqual(ada.received, { 'listen:2': [RESOURCES] });
	assert.deepEqual(ben.received, {});
});

testBoth(
	'of many parallel listens, each receives its own changes and those for all',
	http,
	async ({ server, connectListener }) => {
		const clients = await Promise.all(Array.from({ length: 10 }, (_, index) => connectListener(`client ${index}`)));
		const numbered = clients.flatMap((client, index) =>
			[0, 1].map((half) => ({ client, note: index + 10 * half, half })),
		);
		// Each client opens its listens one after the other, so that the ids of the SDK are known. All clients run in parallel.
		for (const half of [0, 1]) {
			const opening = numbered.filter((one) => one.half === half);
			await Promise.all(
				opening.map(({ client, note }) =>
					client.listen({ toolsListChanged: true, resourceSubscriptions: [noteUri(note)] }),
				),
			);
		}
		for (let round = 0; round < 5; round++) {
			for (const { note } of numbered) server.changed('resource', noteUri(note));
			server.changed('tools');
		}
		for (const { client, half } of numbered) await client.until(`listen:${half}`, TOOLS, 5);
		for (const { client, note, half } of numbered) {
			const round = [updated(note), TOOLS];
			assert.deepEqual(client.received[`listen:${half}`], [round, round, round, round, round].flat());
		}
	},
);

/** @param {Setup['exchanges']} exchanges */
function listens(exchanges) {
	return exchanges.filter(({ called }) => called === 'subscriptions/listen');
}

/**
 * @param {Setup} setup
 * @param {string | number} id
 * @param {object} notifications filter
 */
function open(setup, id, notifications) {
	return post(setup, 'subscriptions/listen', id, { notifications });
}

/**
 * @param {Setup} setup
 * @param {string} method
 * @param {string | number | undefined} id
 * @param {object} params
 */
function post({ origin }, method, id, params) {
	const _meta = {
		'io.modelcontextprotocol/protocolVersion': VERSION,
		'io.modelcontextprotocol/clientInfo': { name: 'fetch', version: '1.0.0' },
		'io.modelcontextprotocol/clientCapabilities': {},
	};
	return fetch(`${origin}/mcp`, {
		method: 'POST',
		headers: {
			accept: 'application/json, text/event-stream',
			'content-type': 'application/json',
			'mcp-protocol-version': VERSION,
			'mcp-method': method,
		},
		body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } }),
	});
}

/** @param {string | undefined} event */
function parse(event) {
	return JSON.parse(String(event).replace('event: message\ndata: ', ''));
}
