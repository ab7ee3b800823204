// A node:http server with stream managers: every GET opens an event stream, and its path is the id of the session.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { attachNativeDelivery } from '../../../../lib/node.js';

/** @typedef {Pick<import('../../../../lib/index.js').InMemoryStreamSessionManager, 'create' | 'delete' | 'send'>} Manager */

/**
 * @param {(id: string) => Manager} managerOf returns the manager of a session
 * @param {boolean} [isNative] true to attach native delivery
 * @returns {Promise<{ port: number, close(): Promise<void> }>} `close` closes every connection
 */
export async function serveStreams(managerOf, isNative = false) {
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
	if (isNative) attachNativeDelivery(server);
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

	async function close() {
		const closed = once(server, 'close');
		server.close().closeAllConnections();
		await closed;
	}

	return { port, close };
}
