// node:http in front of a tmcp HttpTransport, and the way to stop both.
//
// srvx turns Node's requests into web ones because it cancels the response's stream whenever the client is gone, also one
// that left before the stream began. (`@remix-run/node-fetch-server` 0.14 forgets that stream: its session would stay.)

import { once } from 'node:events';
import { createServer } from 'node:http';
import { toNodeHandler } from 'srvx/node';
import { PATH } from './mcp-server.mjs';

/**
 * @param {ReturnType<import('./mcp-server.mjs').createMcpServer>} mcp
 * @param {number} port 0 for any that is free
 */
export async function listen({ transport }, port) {
	/** @type {Set<import('node:http').ServerResponse>} the answers to GET, which the server has no reason to end */
	const streams = new Set();
	const respond = async (/** @type {Request} */ request) =>
		(await transport.respond(request)) ?? new Response('Not found\n', { status: 404 });
	const listener = createServer(toNodeHandler(respond));
	listener.on('request', ({ method }, response) => {
		if (method === 'GET') streams.add(response);
		// A connection that is idle when the listener is closed is closed, too; one that gets idle later needs to be told.
		response.once('close', () => {
			streams.delete(response);
			if (!listener.listening) listener.closeIdleConnections();
		});
	});
	// This machine only: there is no authentication.
	listener.listen(port, '127.0.0.1');
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
	return { url: `http://127.0.0.1:${actual}${PATH}`, close };
}
