// A proxy in front of Redis that is a slow line: each byte arrives after a delay, and a direction carries a number of bytes per
// second.

import { RedisProxy } from './redis-proxy.js';

/** @import { Socket } from 'node:net' */

/** Number of bytes of one connection that are on the line, above which the proxy reads no more of it. */
const MOST_ON_THE_LINE = 2 ** 18;

/**
 * A line. All its connections share the bytes per second of a direction.
 *
 * @typedef {{ delayMs?: number, bytesPerSecond?: number }} Line
 */

export class SlowProxy extends RedisProxy {
	#delayMs;
	#bytesPerMs;
	/** For each direction, the time at which the line is free again. */
	#freeAt = { commands: 0, answers: 0 };

	/**
	 * @param {number} redisPort port of the Redis server
	 * @param {Line} line
	 */
	constructor(redisPort, { delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }) {
		super(redisPort);
		this.#delayMs = delayMs;
		this.#bytesPerMs = bytesPerSecond / 1_000;
	}

	/**
	 * @override
	 * @param {Socket} client
	 * @param {Socket} redis
	 */
	carry(client, redis) {
		this.#carry(client, redis, 'commands');
		this.#carry(redis, client, 'answers');
	}

	/**
	 * @param {Socket} from
	 * @param {Socket} to
	 * @param {'commands' | 'answers'} direction
	 */
	#carry(from, to, direction) {
		/** Data and the time at which they arrive. `undefined` is the end. @type {{ data: Buffer | undefined, at: number }[]} */
		const line = [];
		let onTheLine = 0;
		/** @type {NodeJS.Timeout | undefined} */
		let timer;

		const arrive = () => {
			timer = undefined;
			while (line.length > 0 && line[0].at <= performance.now()) {
				const { data } = /** @type {typeof line[0]} */ (line.shift());
				if (data === undefined) to.end();
				else if (to.writable) to.write(data);
				onTheLine -= data?.length ?? 0;
			}
			if (line.length > 0) timer = setTimeout(arrive, line[0].at - performance.now());
			if (onTheLine < MOST_ON_THE_LINE && !this.isStalled) from.resume();
		};
		const put = (/** @type {Buffer | undefined} */ data) => {
			const length = data?.length ?? 0;
			const sent = Math.max(this.#freeAt[direction], performance.now()) + length / this.#bytesPerMs;
			this.#freeAt[direction] = sent;
			line.push({ data, at: sent + this.#delayMs });
			onTheLine += length;
			if (onTheLine >= MOST_ON_THE_LINE) from.pause();
			timer ??= setTimeout(arrive, sent + this.#delayMs - performance.now());
		};

		from.on('data', put);
		from.on('end', () => put(undefined));
		from.on('close', () => {
			clearTimeout(timer);
			to.destroy();
		});
	}
}
