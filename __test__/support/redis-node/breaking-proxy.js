// A way to a Redis that breaks again and again: each connection is cut after a number of bytes that dice say. Some cuts come
// in the midst of a command; some after commands have been done whose answers then never come.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { randomNumbers } from '../threads/random-numbers.js';

/** @import { AddressInfo, Server, Socket } from 'node:net' */

/** A connection lives for so many bytes at most, in the direction that the dice choose. */
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
	#cuts;
	/** How often a connection was cut, by what was cut off. */
	cut = { commands: 0, answers: 0 };

	/**
	 * @param {number} port of the Redis
	 * @param {{ seed: number, cuts: number }} options how often it cuts; then it is done
	 */
	constructor(port, { seed, cuts }) {
		this.#port = port;
		this.#random = randomNumbers(seed);
		this.#cuts = cuts;
	}

	/** Settles with its URL. */
	async start() {
		await once(this.#server.listen(0, '127.0.0.1'), 'listening');
		return `redis://127.0.0.1:${/** @type {AddressInfo} */ (this.#server.address()).port}`;
	}

	/** Begins to cut. */
	begin() {
		this.#left = this.#cuts;
	}

	end() {
		this.#hasEnded = true;
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
	}

	/** @param {Socket} client */
	#accept(client) {
		// It was waiting to be accepted.
		if (this.#hasEnded) return void client.destroy();
		const redis = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true });
		const what = this.#random(2) ? 'commands' : 'answers';
		// Short ones as often as long ones.
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
				// Mostly Redis does what has come to it whole, and the other end never hears of it.
				if (how === 2) reset(redis);
				else redis.end();
			});
		}
	}
}

/**
 * Cuts it off with a reset.
 *
 * @param {Socket} socket
 */
function reset(socket) {
	// Node 20 would not get rid of one that is just being ended, and busy with it for ever.
	if (socket.writableEnded) socket.destroy();
	else socket.resetAndDestroy();
}
