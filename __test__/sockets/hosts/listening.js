// What all hosts share: the address of a server, native delivery, and the end of both.

import { once } from 'node:events';
import * as node from '@tmcp/session-manager/node';

/** @import { Server } from 'node:http' */
/** @import { AddressInfo, Socket } from 'node:net' */

/**
 * @typedef {object} Delivery what `attachNativeDelivery` returns
 * @property {() => { direct: number, fallback: Record<string, number> }} stats
 * @property {() => void} detach
 */
/**
 * @typedef {object} Host a server that listens
 * @property {string} url its origin
 * @property {number} port
 * @property {Server} server
 * @property {Delivery | undefined} delivery `undefined` without `attach`
 * @property {() => Promise<void>} stop closes all connections, and resolves when the server is closed
 */
/**
 * @typedef {object} HostOptions
 * @property {(request: Request) => Response | Promise<Response>} fetch the web app
 * @property {boolean} [attach] attaches native delivery
 * @property {(server: Server) => void} [prepare] runs before the server has a connection
 */

/**
 * `undefined` with SOCKETS_ATTACH=0. Then the tests run without native delivery: what they state about responses must be
 * true there, too.
 *
 * @type {((server: Server, options?: object) => Delivery) | undefined}
 */
export const attachNativeDelivery =
	process.env.SOCKETS_ATTACH === '0' ? undefined : /** @type {any} */ (node).attachNativeDelivery;

/**
 * Starts to listen, unless the server does so already.
 *
 * @param {Server} server
 * @param {Pick<HostOptions, 'attach' | 'prepare'>} options
 * @returns {Promise<Host>}
 */
export async function listening(server, { attach = false, prepare }) {
	/** @type {Set<Socket>} */
	const sockets = new Set();
	server.on('connection', (socket) => {
		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
	});
	prepare?.(server);
	const delivery = attach ? attached(server) : undefined;
	if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {AddressInfo} */ (server.address());
	return { url: `http://127.0.0.1:${port}`, port, server, delivery, stop };

	async function stop() {
		if (!server.listening) return;
		const closed = once(server, 'close');
		server.close();
		// A server of HTTP/2 has no `closeAllConnections`.
		for (const socket of sockets) socket.destroy();
		await closed;
	}
}

/** @param {Server} server */
function attached(server) {
	if (attachNativeDelivery === undefined) throw new Error('this build has no attachNativeDelivery');
	return attachNativeDelivery(server);
}
