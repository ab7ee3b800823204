// A proxy in front of Redis that breaks its connections: each is closed after a random number of bytes. Some are closed in the
// middle of a command, some after Redis has run commands whose replies are then lost.

import { randomNumbers } from '../threads/random-numbers.js';
import { RedisProxy, reset } from './redis-proxy.js';

/** @import { Socket } from 'node:net' */

/** Maximum number of bytes before a connection is closed, counted in a random direction. */
const LONGEST = 2 ** 17;

export class BreakingProxy extends RedisProxy {
	#random;
	#cuts;
	#left = 0;
	/** Number of closed connections, by the direction that was cut. */
	cut = { commands: 0, answers: 0 };

	/**
	 * @param {number} redisPort port of the Redis server
	 * @param {{ seed: number, cuts: number }} options `cuts` is the number of connections that it closes
	 */
	constructor(redisPort, { seed, cuts }) {
		super(redisPort);
		this.#random = randomNumbers(seed);
		this.#cuts = cuts;
	}

	/** Starts to close connections. @param {number} [cuts] number of connections that it closes */
	begin(cuts = this.#cuts) {
		this.#left = cuts;
	}

	/**
	 * @override
	 * @param {Socket} client
	 * @param {Socket} redis
	 */
	carry(client, redis) {
		const what = this.#random(2) ? 'commands' : 'answers';
		// Every order of magnitude is equally likely.
		let left = 1 + this.#random(2 ** this.#random(1 + Math.log2(LONGEST)));
		const how = this.#random(3);
		let cut = false;
		for (const [from, to, carries] of /** @type {const} */ ([
			[client, redis, 'commands'],
			[redis, client, 'answers'],
		])) {
			from.on('end', () => to.end());
			from.on('close', () => {
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
		}
	}
}
