// A tmcp server, and clients that record every byte they receive, so that tests can compare the behavior of two managers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export const watched = 'memo://zürich';

/**
 * @param {any} McpServer class of the tmcp version under test
 * @returns {any}
 */
export function makeServer(McpServer) {
	const server = new McpServer(
		{ name: 'packed', version: '1.0.0', description: 'a server for tests' },
		{
			adapter: undefined,
			capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } },
		},
	);
	server.tool({ name: 'greet', description: 'Says hello' }, () => ({ content: [{ type: 'text', text: 'Grüezi 🏔' }] }));
	server.resource({ name: 'Zürich \u2028 🏔', description: 'a memo', uri: watched }, () => ({ contents: [] }));
	return server;
}

/**
 * Calls a transport directly, without a server.
 *
 * @param {any} transport
 * @returns {Ask}
 * @typedef {(path: string, init: RequestInit) => Promise<Response>} Ask
 */
export function directly(transport) {
	return (path, init) => transport.respond(new Request(`http://localhost${path}`, init));
}

/**
 * Serves a transport by node:http.
 *
 * @param {any} transport
 */
export async function listen(transport) {
	const server = createServer(async (incoming, outgoing) => {
		const { method = 'GET', headers, url } = incoming;
		const body = method === 'POST' ? Readable.toWeb(incoming) : undefined;
		const init = /** @type {RequestInit} */ ({ method, headers, body, duplex: 'half' });
		const response = await transport.respond(new Request(`http://localhost${url}`, init));
		outgoing.writeHead(response.status, Object.fromEntries(response.headers));
		if (response.body === null) return void outgoing.end();
		// Rejects when the client disconnects, which cancels the stream of the transport.
		await pipeline(Readable.fromWeb(response.body), outgoing).catch(() => server.emit('left'));
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
	return {
		/** @type {Ask} */
		ask: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
		/** Resolves when the transport knows that a client has disconnected. */
		clientLeft: () => once(server, 'left'),
		async close() {
			server.close().closeAllConnections();
			await once(server, 'close');
		},
	};
}

/** Records events in order. */
export class Log {
	/** @type {string[]} */
	lines = [];

	/**
	 * @param {string} what
	 * @param {unknown} value
	 */
	add(what, value) {
		this.lines.push(`${what}: ${typeof value === 'string' ? JSON.stringify(value) : value}`);
	}
}

/** An MCP client that logs its requests and the responses. */
export class Client {
	#nextId = 1;

	/**
	 * @param {string} id session id, or an empty string to get one from the transport
	 * @param {Ask} ask
	 * @param {Log} log
	 * @param {{ stream: string, message: string }} paths
	 */
	constructor(id, ask, log, paths) {
		this.id = id;
		this.ask = ask;
		this.log = log;
		this.paths = paths;
	}

	/**
	 * @param {string} path
	 * @param {RequestInit & { headers?: Record<string, string> }} init
	 */
	async request(path, init) {
		const named = this.id === '' ? undefined : { 'mcp-session-id': this.id };
		const response = await this.ask(path, { ...init, headers: { ...named, ...init.headers } });
		const shown = ['content-type', 'cache-control', 'mcp-session-id', 'x-accel-buffering'];
		const headers = shown.map((name) => response.headers.get(name) ?? '-').join(' ');
		this.log.add(`${this.id} ${init.method} ${path.split('?')[0]}`, `${response.status} ${headers}`);
		return response;
	}

	/**
	 * @param {string} method
	 * @param {object} [params]
	 */
	async post(method, params) {
		const id = method.startsWith('notifications/') ? {} : { id: this.#nextId++ };
		const response = await this.request(this.paths.message, {
			method: 'POST',
			headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
			body: JSON.stringify({ jsonrpc: '2.0', ...id, method, params }),
		});
		this.log.add(`${this.id} ${method} answered`, latin1(new Uint8Array(await response.arrayBuffer())));
	}

	async initialize() {
		const clientInfo = { name: 'client', version: '1.0.0' };
		await this.post('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
	}

	async open() {
		const abort = new AbortController();
		const headers = { accept: 'text/event-stream' };
		const response = await this.request(this.paths.stream, { method: 'GET', headers, signal: abort.signal });
		this.stream = new EventStream(response, this.id, this.log, abort);
		return this.stream;
	}

	async end() {
		await (await this.request(this.paths.stream, { method: 'DELETE' })).arrayBuffer();
	}

	/** The open stream. */
	get events() {
		assert.ok(this.stream !== undefined);
		return this.stream;
	}
}

/** The events of one response. */
export class EventStream {
	#rest = '';
	#reader;

	/**
	 * @param {Response} response
	 * @param {string} id
	 * @param {Log} log
	 * @param {AbortController} abort
	 */
	constructor(response, id, log, abort) {
		assert.ok(response.body !== null);
		this.status = response.status;
		this.id = id;
		this.log = log;
		this.abort = abort;
		this.#reader = response.body.getReader();
	}

	/** Returns the bytes of the next event, one character each, or `undefined` after the last one. */
	async next() {
		const event = await this.#take();
		this.log.add(`${this.id} got`, event);
		return event;
	}

	/** @returns {Promise<string | undefined>} */
	async #take() {
		const end = this.#rest.indexOf('\n\n') + 2;
		if (end >= 2) {
			const event = this.#rest.slice(0, end);
			this.#rest = this.#rest.slice(end);
			return event;
		}
		const { done, value } = await this.#reader.read();
		if (!done) this.#rest += latin1(value);
		else if (this.#rest === '') return undefined;
		else return this.#last();
		return this.#take();
	}

	#last() {
		const event = this.#rest;
		this.#rest = '';
		return event;
	}

	/** Stops reading. */
	async cancel() {
		this.log.add(`${this.id} cancels`, '');
		await this.#reader.cancel();
	}

	/** Closes the connection. */
	hangUp() {
		this.log.add(`${this.id} hangs up`, '');
		this.#reader.closed.catch(() => {});
		this.abort.abort();
	}
}

/** @param {Uint8Array} bytes */
function latin1(bytes) {
	return Buffer.from(bytes).toString('latin1');
}
