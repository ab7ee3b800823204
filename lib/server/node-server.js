// A server of node:http or node:https during its shutdown.

import { idleSocketsOf, responseOn, socketsOf } from './connections.js';
import { announceClose, refuse } from './refusal.js';

/** @import { IncomingMessage, Server, ServerResponse } from 'node:http' */
/** @import { Socket } from 'node:net' */
/** @import { StoppableServer } from './servers.js' */

/**
 * Time in which a kept-alive connection still answers a request after its last response. A client that sends its next
 * request on it at once gets an answer then, and not a reset connection.
 */
const LINGER_MS = 100;
/** Interval at which idle connections are closed on a runtime whose list of connections is unknown. */
const IDLE_CHECK_MS = 100;

/** Events for requests. Without a listener for the others, Node.js emits `request`, or closes the connection (`connect`). */
const REQUEST_EVENTS = ['request', 'checkContinue', 'checkExpectation', 'upgrade', 'connect'];

/** @implements {StoppableServer} */
export class NodeServer {
	/** Number of responses that ended before all of them was written; `undefined` where it is not known. */
	unfinished = /** @type {number | undefined} */ (0);
	/** Responses that can be streams of sessions. @type {Set<ServerResponse>} */
	#streams = new Set();
	/** All other responses. @type {Set<ServerResponse>} */
	#requests = new Set();
	/** Connections after their last response. @type {Set<Socket>} */
	#lingering = new Set();
	/** @type {(() => void)[]} */
	#waiting = [];
	/** @type {NodeJS.Timeout | undefined} */
	#idleCheck;
	/** Resolves when the server has no connection any more. @type {Promise<void>} */
	#closed = Promise.resolve();
	/** @type {Promise<unknown> | undefined} */
	#tasks;
	#server;
	#app;

	/**
	 * @param {Server} server
	 * @param {{ close(): Promise<unknown> }} [app] the server of srvx that has made the server
	 */
	constructor(server, app) {
		this.#server = server;
		this.#app = app;
	}

	/** Stops taking connections and requests, and closes idle connections. */
	stop() {
		for (const event of REQUEST_EVENTS) this.#server.removeAllListeners(event);
		this.#server.on('request', (request, response) => this.#refuse(request, response));
		// A server that has never listened has no list.
		const sockets = socketsOf(this.#server) ?? (this.#server.listening ? undefined : []);
		for (const socket of sockets ?? []) {
			const response = responseOn(socket);
			if (!response || socket.destroyed) continue;
			this.#follow(response, socket);
		}
		// Bun does not emit `close` for a server that had nothing to close.
		if (this.#server.listening || sockets?.length !== 0) {
			this.#closed = new Promise((resolve) => this.#server.once('close', () => resolve()));
		}
		this.#close(sockets !== undefined);
		// Waits for the tasks that were given to `waitUntil()` of srvx. Without a listener, it does nothing else.
		this.#tasks = this.#app?.close();
		this.#tasks?.catch(() => {});
		for (const socket of idleSocketsOf(this.#server) ?? []) socket.destroy();
		if (sockets === undefined) {
			this.unfinished = undefined;
			this.#idleCheck = setInterval(() => this.#server.closeIdleConnections?.(), IDLE_CHECK_MS);
		}
	}

	/**
	 * Closes the listener. `close()` of Node.js also closes connections whose response has ended, but is not written yet: it
	 * takes them for idle. That is prevented where this class closes the idle connections.
	 *
	 * @param {boolean} keepsConnections
	 */
	#close(keepsConnections) {
		const server = /** @type {Partial<Server>} */ (this.#server);
		if (keepsConnections) server.closeIdleConnections = () => {};
		try {
			this.#server.close();
		} finally {
			if (keepsConnections) delete server.closeIdleConnections;
		}
	}

	/**
	 * @param {IncomingMessage} request
	 * @param {ServerResponse} response
	 */
	#refuse(request, response) {
		this.#track(response, request.socket);
		refuse(request, response);
	}

	/**
	 * Tracks a response of the user's server.
	 *
	 * @param {ServerResponse} response
	 * @param {Socket} socket
	 */
	#follow(response, socket) {
		this.#track(response, socket);
		if (!response.headersSent) announceClose(response, () => this.#classify(response));
	}

	/**
	 * @param {ServerResponse} response
	 * @param {Socket} socket
	 */
	#track(response, socket) {
		this.#requests.add(response);
		this.#classify(response);
		this.#lingering.delete(socket);
		let isFinished = false;
		response.once('finish', () => {
			isFinished = true;
		});
		response.once('close', () => {
			this.#requests.delete(response);
			this.#streams.delete(response);
			if (!isFinished && this.unfinished !== undefined) this.unfinished++;
			this.#continue(socket);
			this.#settle();
		});
	}

	/**
	 * Moves a response to the streams, if it can be one. Until its head is written, its session is not registered.
	 *
	 * @param {ServerResponse} response
	 */
	#classify(response) {
		if (response.req?.method !== 'GET' || !response.headersSent) return;
		if (this.#requests.delete(response)) this.#streams.add(response);
		this.#settle();
	}

	/**
	 * Tracks the next response on a connection, which was pipelined, or closes the connection.
	 *
	 * @param {Socket} socket
	 */
	#continue(socket) {
		if (!socket || socket.destroyed) return;
		const next = responseOn(socket);
		if (next) {
			if (!this.#streams.has(next) && !this.#requests.has(next)) this.#follow(next, socket);
			return;
		}
		this.#lingering.add(socket);
		const end = () => {
			clearTimeout(timer);
			if (!this.#lingering.delete(socket)) return;
			socket.destroy();
			this.#settle();
		};
		const timer = setTimeout(end, LINGER_MS);
		socket.once('close', end);
	}

	/** Calls those that wait, who look again. */
	#settle() {
		for (const wake of this.#waiting.splice(0)) wake();
	}

	/** Resolves when all requests under way are answered, except those that can be streams of sessions. */
	async requestsFinished() {
		while (this.#requests.size > 0) await this.#changed();
	}

	/** Resolves when all responses are written. */
	async responsesFinished() {
		await this.#tasks?.catch(() => {});
		if (this.unfinished === undefined) return this.#closed;
		while (this.#requests.size + this.#streams.size + this.#lingering.size > 0) await this.#changed();
	}

	/** @returns {Promise<void>} */
	#changed() {
		return new Promise((resolve) => {
			this.#waiting.push(resolve);
		});
	}

	/** Closes the connections that are left. */
	cut() {
		clearInterval(this.#idleCheck);
		// A server for HTTP/2 has a list, and no method.
		for (const socket of socketsOf(this.#server) ?? []) socket.destroy();
		this.#server.closeAllConnections?.();
	}

	/** Resolves when the last connection is closed, and its response is counted. */
	async closed() {
		await this.#closed;
		while (this.#requests.size + this.#streams.size > 0) await this.#changed();
		await this.#tasks;
	}
}
