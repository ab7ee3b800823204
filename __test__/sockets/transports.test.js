// tmcp's two transports on all hosts: their streams become direct, and clients receive the same bytes as without native
// delivery.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { HttpTransport } from '@tmcp/transport-http';
import { SseTransport } from '@tmcp/transport-sse';
import { McpServer } from 'tmcp';

import { hosts } from './hosts/index.js';
import { attachNativeDelivery } from './hosts/listening.js';
import { RawClient } from './support/raw-client.js';
import { within } from './support/until.js';

/** @import { RawResponse } from './support/raw-response.js' */

/** @typedef {{ respond(request: Request): Promise<Response | null>, close(): unknown }} Transport */
/**
 * @typedef {object} Kind
 * @property {(server: any, streams: InMemoryStreamSessionManager) => Transport} make
 * @property {(client: RawClient) => RawResponse} open sends the request that opens the stream of the session
 * @property {string} first the first message, which the transport enqueues itself
 * @property {string} path of POST
 */

const SESSION = 'session-1';
const MESSAGES = 20;

/** @type {Record<string, Kind>} */
const kinds = {
	HttpTransport: {
		make: (server, streams) =>
			new HttpTransport(server, { path: '/mcp', getSessionId: () => SESSION, sessionManager: { streams } }),
		open: (client) => client.request('/mcp', { headers: { accept: 'text/event-stream', 'mcp-session-id': SESSION } }),
		first: ': connected\n\n',
		path: '/mcp',
	},
	SseTransport: {
		make: (server, streams) =>
			new SseTransport(server, {
				path: '/sse',
				endpoint: '/message',
				getSessionId: () => SESSION,
				sessionManager: { streams },
			}),
		open: (client) => client.request('/sse', { headers: { accept: 'text/event-stream' } }),
		first: `event: endpoint\ndata: /message?session_id=${SESSION}\n\n`,
		path: `/message?session_id=${SESSION}`,
	},
};

const INITIALIZE = {
	jsonrpc: '2.0',
	id: 1,
	method: 'initialize',
	params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

/**
 * Returns what the client of a session receives on its stream.
 *
 * @param {(typeof hosts)[string]} start
 * @param {Kind} kind
 * @param {boolean} attach
 */
async function received(start, kind, attach) {
	const server = new McpServer(
		{ name: 'server', version: '1.0.0', description: 'A server' },
		{ adapter: undefined, capabilities: { tools: { listChanged: true } } },
	);
	const streams = new InMemoryStreamSessionManager();
	const transport = kind.make(server, streams);
	const fetch = async (/** @type {Request} */ request) =>
		(await transport.respond(request)) ?? new Response('Not found\n', { status: 404 });
	const host = await start({ fetch, attach });
	const [requests, listens] = await Promise.all([RawClient.connect(host.port), RawClient.connect(host.port)]);
	/** @param {object} message */
	const post = async (message) => {
		const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
		const session = message === INITIALIZE && kind.path === '/mcp' ? {} : { 'mcp-session-id': SESSION };
		const body = JSON.stringify(message);
		const response = requests.request(kind.path, { method: 'POST', headers: { ...headers, ...session }, body });
		assert.equal(await within(response.ended, () => 'a response to POST'), 'complete');
		assert.ok(response.status < 300, `status ${response.status}: ${response.text}`);
	};
	try {
		// Over SSE, the stream is open before the first message. Over HTTP, the session comes first.
		/** @type {RawResponse | undefined} */
		let stream = kind.path === '/mcp' ? undefined : kind.open(listens);
		await stream?.contains(kind.first);
		await post(INITIALIZE);
		await post(INITIALIZED);
		stream ??= kind.open(listens);
		await stream.contains(kind.first);
		for (let message = 0; message < MESSAGES; message++) {
			streams.send([SESSION], `: message ${message}\n\n`);
			await stream.contains(`: message ${message}\n\n`);
			await turn();
		}
		if (attach) assert.equal(streams.stats().direct, 1, JSON.stringify(host.delivery?.stats()));
		for (let tool = 0; tool < 3; tool++) {
			streams.send([SESSION], `: before tool ${tool}\n\n`);
			server.tool({ name: `tool ${tool}`, description: 'A tool' }, () => ({ content: [] }));
			streams.send(undefined, `: after tool ${tool}\n\n`);
		}
		await stream.contains(': after tool 2\n\n');
		const ended = requests.request(kind.path, { method: 'DELETE', headers: { 'mcp-session-id': SESSION } });
		await within(ended.ended, () => 'a response to DELETE');
		if (ended.status >= 300) streams.delete(SESSION);
		assert.equal(await within(stream.ended, () => 'the stream ends'), 'complete');
		return stream.text;
	} finally {
		requests.leave();
		listens.leave();
		await host.stop();
		await transport.close();
		await streams.close();
	}
}

for (const [transport, kind] of Object.entries(kinds)) {
	describe(`${transport} with native delivery`, () => {
		for (const [name, start] of Object.entries(hosts)) {
			it(`sends the same bytes as without, behind ${name}`, async () => {
				const direct = await received(start, kind, attachNativeDelivery !== undefined);
				assert.equal(direct, await received(start, kind, false));
				assert.ok(direct.startsWith(kind.first));
				assert.ok(direct.includes('notifications/tools/list_changed'));
			});
		}
	});
}
