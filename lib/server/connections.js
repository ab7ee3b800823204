// The connections of an HTTP server that exist already. Node.js has no public list of them, so this file reads the list that
// `closeAllConnections()` uses. On a runtime whose list is unknown, the functions return `undefined`.

/** @import { Server, ServerResponse } from 'node:http' */
/** @import { Socket } from 'node:net' */

/** Node.js and Deno have the list under the first symbol, Bun has it under the second. */
const LISTS = ['http.server.connections', 'http.server.trackedConnections'];

/**
 * Returns the sockets of all connections.
 *
 * @param {Server} server
 * @returns {Socket[] | undefined}
 */
export function socketsOf(server) {
	const list = listOf(server);
	if (typeof list?.all === 'function') return socketsOfParsers(list.all());
	const sockets = list?._all ?? list;
	return typeof sockets?.[Symbol.iterator] === 'function' ? [...sockets] : undefined;
}

/**
 * Returns the sockets of connections on which no request is under way and no part of one has arrived.
 *
 * @param {Server} server
 */
export function idleSocketsOf(server) {
	const list = listOf(server);
	const sockets = typeof list?.idle === 'function' ? socketsOfParsers(list.idle()) : socketsOf(server);
	// `null` after a response: only a connection that has had a request is surely idle.
	return sockets?.filter((socket) => responseOn(socket) === null);
}

/**
 * Returns the response under way on a connection. It is under way until the operating system has all of it.
 *
 * @param {Socket} socket
 * @returns {ServerResponse | null | undefined} `undefined` before the first request
 */
export function responseOn(socket) {
	return /** @type {any} */ (socket)._httpMessage;
}

/** @param {Server} server */
function listOf(server) {
	const symbols = Object.getOwnPropertySymbols(server);
	const symbol = symbols.find(({ description }) => description !== undefined && LISTS.includes(description));
	return symbol === undefined ? undefined : /** @type {any} */ (server)[symbol];
}

/**
 * @param {{ socket: Socket | null }[]} parsers
 * @returns {Socket[]}
 */
function socketsOfParsers(parsers) {
	return parsers.flatMap(({ socket }) => socket ?? []);
}
