// A proxy in front of Redis. A test can close its connections, stop the flow of bytes, and refuse connections. What happens to the
// bytes is up to a derived class.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { anyPort } from '../redis.js';

/** @import { Server, Socket } from 'node:net' */

const OPTIONS = { allowHalfOpen: true, noDelay: true };

export class RedisProxy {
	#redisPort;
	/** @type {Server} */
	#server = createServer(OPTIONS, (client) => this.#accept(client));
	/** The sockets of both sides. @type {Set<Socket>} */
	#sockets = new Set();
	/** The port on which it listens. */
	#port = 0;
	#hasEnded = false;
	/** True while bytes do not flow. */
	isStalled = false;

	/** @param {number} redisPort port of the Redis server */
	constructor(redisPort) {
		this.#redisPort = redisPort;
	}

	/** Resolves with the URL of the proxy. */
	async start() {
		for (;;) {
			// While the proxy refuses connections, no other socket takes the port.
			this.#port = anyPort();
			try {
				await this.accept();
				return `redis://127.0.0.1:${this.#port}`;
			} catch (error) {
				if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EADDRINUSE') throw error;
			}
		}
	}

	/** Closes all connections by a reset. */
	cutAll() {
		for (const socket of this.#sockets) reset(socket);
	}

	/** Stops the flow of bytes in both directions, until {@link resume}. Connections are accepted. */
	stall() {
		this.isStalled = true;
		for (const socket of this.#sockets) socket.pause();
	}

	resume() {
		this.isStalled = false;
		for (const socket of this.#sockets) socket.resume();
	}

	/** Closes all connections and refuses new ones, until {@link accept}. */
	async refuse() {
		const closed = once(this.#server, 'close');
		this.#server.close();
		this.cutAll();
		await closed;
	}

	async accept() {
		await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening');
	}

	end() {
		this.#hasEnded = true;
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
	}

	/**
	 * Passes the bytes of a connection on, and its end.
	 *
	 * @param {Socket} _client
	 * @param {Socket} _redis
	 */
	carry(_client, _redis) {
		throw new Error('a derived class passes the bytes on');
	}

	/** @param {Socket} client */
	#accept(client) {
		// The connection was waiting to be accepted.
		if (this.#hasEnded) return void client.destroy();
		const redis = connect({ ...OPTIONS, port: this.#redisPort, host: '127.0.0.1' });
		for (const socket of [client, redis]) {
			this.#sockets.add(socket);
			socket.on('error', () => {});
			socket.on('close', () => this.#sockets.delete(socket));
		}
		this.carry(client, redis);
		if (this.isStalled) for (const socket of [client, redis]) socket.pause();
	}
}

/**
 * Closes a connection with a reset.
 *
 * @param {Socket} socket
 */
export function reset(socket) {
	// Node 20 does not close a socket by reset while it is ending, and uses the CPU forever.
	if (socket.writableEnded) socket.destroy();
	else socket.resetAndDestroy();
}
