// node:http in front of a tmcp HttpTransport, and the way to stop both.
//
// srvx turns Node's requests into web ones because it cancels the response's stream whenever the client is gone, also one
// that left before the stream began. (`@remix-run/node-fetch-server` 0.14 forgets that stream: its session would stay.)

import { once } from 'node:events';
import { createServer } from 'node:http';
import { toNodeHandler } from 'srvx/node';
import { HOST, urlOf } from './address.mjs';

/**
 * @param {Pick<ReturnType<import('./mcp-server.mjs').createMcpServer>, 'transport'>} mcp
 * @param {number} port 0 for any that is free
 * @param {object} [options]
 * @param {boolean} [options.reusePort] shares the port with all who listen on it in the same way
 * @param {Record<string, string>} [options.headers] to put on every answer
 */
export async function listen({ transport }, port, { reusePort = false, headers = {} } = {}) {
	/** @type {Set<import('node:http').ServerResponse>} the answers to GET, which the server has no reason to end */
	const streams = new Set();
	const respond = async (/** @type {Request} */ request) => {
		const response = (await transport.respond(request)) ?? new Response('Not found\n', { status: 404 });
		for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
		return response;
	};
	const listener = createServer(toNodeHandler(respond));
	listener.on('request', ({ method }, response) => {
		if (method === 'GET') streams.add(response);
		// A connection that is idle when the listener is closed is closed, too; one that gets idle later needs to be told.
		response.once('close', () => {
			streams.delete(response);
			if (!listener.listening) listener.closeIdleConnections();
		});
	});
	listener.listen({ port, host: HOST, reusePort });
	await once(listener, 'listening');

	/** Ends all streams; resolves when the last connection is closed. */
	async function close() {
		const closed = once(listener, 'close');
		listener.close();
		await transport.close();
		// A stream that is open keeps its connection, and so the listener. The transport notices that it is ended.
		for (const response of streams) response.end();
		await closed;
	}

	const { port: actual } = /** @type {import('node:net').AddressInfo} */ (listener.address());
	return { url: urlOf(actual), port: actual, close };
}
