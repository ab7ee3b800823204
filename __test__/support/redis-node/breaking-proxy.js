// A proxy in front of Redis that breaks its connections: each is closed after a random number of bytes. Some are closed in the
// middle of a command, some after Redis has run commands whose replies are then lost. A test can also close all connections at
// once, stop the flow of bytes, and refuse connections.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { anyPort } from '../redis.js';
import { randomNumbers } from '../threads/random-numbers.js';

/** @import { Server, Socket } from 'node:net' */

/** Maximum number of bytes before a connection is closed, counted in a random direction. */
const LONGEST = 2 ** 17;

export class BreakingProxy {
	#random;
	#port;
	/** @type {Server} */
	#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
	/** @type {Set<Socket>} */
	#sockets = new Set();
	#left = 0;
	#hasEnded = false;
	#isStalled = false;
	#cuts;
	/** The port on which it listens. */
	#ownPort = 0;
	/** Number of closed connections, by the direction that was cut. */
	cut = { commands: 0, answers: 0 };

	/**
	 * @param {number} port of the Redis server
	 * @param {{ seed: number, cuts: number }} options `cuts` is the number of connections that it closes
	 */
	constructor(port, { seed, cuts }) {
		this.#port = port;
		this.#random = randomNumbers(seed);
		this.#cuts = cuts;
	}

	/** Resolves with the URL of the proxy. */
	async start() {
		for (;;) {
			// While the proxy refuses connections, no other socket takes the port.
			this.#ownPort = anyPort();
			try {
				await this.accept();
				return `redis://127.0.0.1:${this.#ownPort}`;
			} catch (error) {
				if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EADDRINUSE') throw error;
			}
		}
	}

	/** Starts to close connections. @param {number} [cuts] number of connections that it closes */
	begin(cuts = this.#cuts) {
		this.#left = cuts;
	}

	/** Closes all connections by a reset. */
	cutAll() {
		for (const socket of this.#sockets) reset(socket);
	}

	/** Stops the flow of bytes in both directions, until {@link resume}. Connections are accepted. */
	stall() {
		this.#isStalled = true;
		for (const socket of this.#sockets) socket.pause();
	}

	resume() {
		this.#isStalled = false;
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
		await once(this.#server.listen(this.#ownPort, '127.0.0.1'), 'listening');
	}

	end() {
		this.#hasEnded = true;
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
	}

	/** @param {Socket} client */
	#accept(client) {
		// The connection was waiting to be accepted.
		if (this.#hasEnded) return void client.destroy();
		const redis = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true });
		const what = this.#random(2) ? 'commands' : 'answers';
		// Every order of magnitude is equally likely.
		let left = 1 + this.#random(2 ** this.#random(1 + Math.log2(LONGEST)));
		const how = this.#random(3);
		let cut = false;
		for (const [from, to, carries] of /** @type {const} */ ([
			[client, redis, 'commands'],
			[redis, client, 'answers'],
		])) {
			this.#sockets.add(from);
			from.setNoDelay(true);
			from.on('error', () => {});
			from.on('end', () => to.end());
			from.on('close', () => {
				this.#sockets.delete(from);
				if (!cut) to.destroy();
			});
			from.on('data', (data) => {
				if (cut) return;
				const last = carries === what && data.length >= left && this.#left > 0;
				to.write(last ? data.subarray(0, left) : data);
				if (carries === what) left -= data.length;
				if (!last) return;
				cut = true;
				this.#left--;
				this.cut[what]++;
				if (how === 0) client.destroy();
				else reset(client);
				// In two of three cases Redis runs the complete commands, and the client never gets the replies.
				if (how === 2) reset(redis);
				else redis.end();
			});
			if (this.#isStalled) from.pause();
		}
	}
}

/**
 * Closes a connection with a reset.
 *
 * @param {Socket} socket
 */
function reset(socket) {
	// Node 20 does not close a socket by reset while it is ending, and uses the CPU forever.
	if (socket.writableEnded) socket.destroy();
	else socket.resetAndDestroy();
}
