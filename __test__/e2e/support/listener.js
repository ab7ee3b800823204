// Serves a transport by node:http, and records every request, so that tests can wait for a state of a request.

import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { attachNativeDelivery } from '../../../lib/node.js';

/**
 * @typedef {object} Exchange a request and its response
 * @property {string} method of HTTP
 * @property {string} path
 * @property {string | null} session the session id of the request
 * @property {string | null} called the MCP method, when the client sends it in a header (since 2026-07-28)
 * @property {number} status
 * @property {Response} response of the transport
 * @property {'open' | 'ended' | 'left'} state `left`: the client has disconnected before the end, and the transport knows it
 */

/**
 * @param {{ respond(request: Request): Promise<Response | null>, close(): void | Promise<void> }} transport
 * @param {{ isNative?: boolean }} [options] `isNative` attaches native delivery
 */
export async function listen(transport, { isNative = false } = {}) {
	/** @type {Exchange[]} */
	const exchanges = [];
	const changes = new EventEmitter();
	const server = createServer(async (incoming, outgoing) => {
		const abort = new AbortController();
		outgoing.once('close', () => {
			if (!outgoing.writableFinished) abort.abort();
		});
		const request = toRequest(incoming, abort.signal);
		const response = (await transport.respond(request)) ?? new Response('Not found\n', { status: 404 });
		const url = new URL(request.url);
		/** @type {Exchange} */
		const exchange = {
			method: request.method,
			path: url.pathname,
			session: request.headers.get('mcp-session-id') ?? url.searchParams.get('session_id'),
			called: request.headers.get('mcp-method'),
			status: response.status,
			response,
			state: 'open',
		};
		exchanges.push(exchange);
		changes.emit('change');
		exchange.state = await answer(outgoing, response);
		changes.emit('change');
	});
	const delivery = isNative ? attachNativeDelivery(server) : undefined;
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

	/**
	 * Resolves with the first exchange for which the condition is true.
	 *
	 * @param {(exchange: Exchange) => boolean} condition
	 */
	async function until(condition) {
		for (;;) {
			const found = exchanges.find(condition);
			if (found !== undefined) return found;
			await once(changes, 'change');
		}
	}

	/** Closes every connection. Resolves when the last one is closed. */
	async function close() {
		const closed = once(server, 'close');
		server.close().closeAllConnections();
		await closed;
	}

	return { origin: `http://127.0.0.1:${port}`, exchanges, until, close, delivery };
}

/**
 * @param {import('node:http').IncomingMessage} incoming
 * @param {AbortSignal} signal
 */
function toRequest(incoming, signal) {
	const { method = 'GET', headers, url } = incoming;
	const body = method === 'POST' ? Readable.toWeb(incoming) : undefined;
	const init = /** @type {RequestInit} */ ({ method, headers, body, signal, duplex: 'half' });
	return new Request(`http://${headers.host}${url}`, init);
}

/**
 * @param {import('node:http').ServerResponse} outgoing
 * @param {Response} response
 * @returns {Promise<'ended' | 'left'>} resolves when the transport knows the end, too
 */
async function answer(outgoing, response) {
	if (outgoing.destroyed) {
		await response.body?.cancel();
		return 'left';
	}
	outgoing.writeHead(response.status, Object.fromEntries(response.headers)).flushHeaders();
	if (response.body === null) {
		outgoing.end();
		return 'ended';
	}
	// Rejects when the client disconnects, after the stream of the transport was cancelled.
	return pipeline(Readable.fromWeb(/** @type {any} */ (response.body)), outgoing).then(
		() => 'ended',
		() => 'left',
	);
}
