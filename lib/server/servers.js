// The kinds of servers that `shutdown()` accepts.

import { invalidArgument } from '../errors.js';
import { FetchServer } from './fetch-server.js';
import { NodeServer } from './node-server.js';

/**
 * A server during its shutdown. The methods are called in this order, each once.
 *
 * @typedef {object} StoppableServer
 * @property {number | undefined} unfinished number of responses that ended before all of them was written
 * @property {() => void} stop stops taking connections and requests
 * @property {() => Promise<void>} requestsFinished resolves when the requests under way are answered, streams excepted
 * @property {() => Promise<void>} responsesFinished resolves when all responses are written; never rejects
 * @property {() => void} cut closes the connections that are left
 * @property {() => Promise<unknown>} closed resolves when the last connection is closed; rejects when the server has failed
 */

/**
 * Returns the object that identifies a server: for a server of srvx on Node.js, the `http.Server` that it has made.
 *
 * @param {unknown} server
 * @returns {object}
 */
export function identityOf(server) {
	const { node, close, removeAllListeners, fetch } = /** @type {any} */ (server ?? {});
	if (typeof node?.server?.removeAllListeners === 'function') return node.server;
	const isServer = typeof removeAllListeners === 'function' || typeof fetch === 'function';
	if (isServer && typeof close === 'function') return /** @type {object} */ (server);
	throw invalidArgument('shutdown: "server" must be an http.Server, a server of srvx, or an array of them', server);
}

/**
 * @param {any} server
 * @returns {StoppableServer}
 */
export function stoppable(server) {
	const identity = /** @type {any} */ (identityOf(server));
	if (typeof identity.removeAllListeners !== 'function') return new FetchServer(server);
	return new NodeServer(identity, identity === server ? undefined : server);
}
