// A node:http server with stream managers: every GET opens an event stream, and its path is the id of the session.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline, Readable } from 'node:stream';

/** @typedef {Pick<import('../../../../lib/index.js').InMemoryStreamSessionManager, 'create' | 'delete' | 'send'>} Manager */

/**
 * @param {(id: string) => Manager} managerOf returns the manager of a session
 * @returns {Promise<{ port: number, close(): Promise<void> }>} `close` closes every connection
 */
export async function serveStreams(managerOf) {
	const server = createServer((request, response) => {
		const id = (request.url ?? '').slice(1);
		const manager = managerOf(id);
		const stream = new ReadableStream({
			start: (controller) => manager.create(id, controller),
			cancel: () => manager.delete(id),
		});
		response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
		// Cancels the stream when the client disconnects.
		pipeline(Readable.fromWeb(/** @type {any} */ (stream)), response, () => {});
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

	async function close() {
		const closed = once(server, 'close');
		server.close().closeAllConnections();
		await closed;
	}

	return { port, close };
}
