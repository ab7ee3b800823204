// A proxy in front of Redis that is a slow line: each byte arrives after a delay, and a direction carries a number of bytes per
// second.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** @import { AddressInfo, Server, Socket } from 'node:net' */

/** Number of bytes of one connection that are on the line, above which the proxy reads no more of it. */
const MOST_ON_THE_LINE = 2 ** 18;

export class SlowProxy {
	#redisPort;
	#delayMs;
	#bytesPerMs;
	/** @type {Server} */
	#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
	/** @type {Set<Socket>} */
	#sockets = new Set();

	/**
	 * @param {number} port of the Redis server
	 * @param {{ delayMs?: number, bytesPerSecond?: number }} line of each direction; all connections share the bytes per second
	 */
	constructor(port, { delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }) {
		this.#redisPort = port;
		this.#delayMs = delayMs;
		this.#bytesPerMs = bytesPerSecond / 1_000;
	}

	/** The port on which it listens. */
	get port() {
		return /** @type {AddressInfo} */ (this.#server.address()).port;
	}

	/** Resolves with the URL of the proxy. */
	async start() {
		await once(this.#server.listen(0, '127.0.0.1'), 'listening');
		return `redis://127.0.0.1:${this.port}`;
	}

	end() {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
	}

	/** For each direction, the time at which the line is free again. */
	#freeAt = { commands: 0, answers: 0 };

	/** @param {Socket} client */
	#accept(client) {
		const redis = connect({ port: this.#redisPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
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
			if (onTheLine < MOST_ON_THE_LINE) from.resume();
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

		this.#sockets.add(from);
		from.on('error', () => {});
		from.on('data', put);
		from.on('end', () => put(undefined));
		from.on('close', () => {
			clearTimeout(timer);
			this.#sockets.delete(from);
			to.destroy();
		});
	}
}
