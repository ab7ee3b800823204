// The streams of the sessions of several machines: those of this process are fed at once, the others through Redis.

import { Backplane, handled } from './backplane.js';
import { closeOptions, redisStreamOptions } from './options.js';
import { Policy } from './policy.js';
import { checkSession } from './session.js';
import { closeAll } from './shutdown.js';
import { StreamSessionManager } from './stream-session-manager.js';

/** @import { CloseOptions, SessionController } from '../index.js' */
/** @import { RedisStreamSessionManagerOptions, RedisStreamStats } from '../redis.js' */

export class RedisStreamSessionManager extends StreamSessionManager {
	#backplane;
	#streams;
	#policy;

	/**
	 * @param {string} url
	 * @param {RedisStreamSessionManagerOptions} [options]
	 */
	constructor(url, options) {
		super();
		const who = new.target.name;
		const given = redisStreamOptions(url, options, who);
		this.#backplane = new Backplane(given, who);
		this.#streams = this.#backplane.seat.streams;
		this.#policy = new Policy(given, this.#streams.own);
	}

	/** How many sessions this process has. */
	get size() {
		return this.#streams.size;
	}

	/** The ids of the sessions of this process, oldest first. */
	ids() {
		return this.#streams.ids();
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {SessionController} controller
	 * @returns {Promise<void>}
	 */
	create(id, controller) {
		this.#backplane.checkTakesMore();
		checkSession(id, controller);
		this.#streams.create(id, controller, this.#policy);
		return this.#backplane.accepted('create', [id]);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<void>}
	 */
	delete(id) {
		this.#backplane.check();
		this.#streams.delete(id);
		return this.#backplane.accepted('delete', [id]);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<boolean>}
	 */
	has(id) {
		this.#backplane.check();
		return handled(this.#has(id));
	}

	/** @param {string} id */
	async #has(id) {
		return this.#streams.has(id) || ((await this.#backplane.ask((native) => native.has(id))) ?? false);
	}

	/**
	 * @override
	 * @param {string[] | null | undefined} sessions
	 * @param {string} data
	 * @returns {Promise<void>}
	 */
	send(sessions, data) {
		this.#backplane.check();
		this.#streams.send(sessions, data);
		return this.#backplane.accepted('send', [sessions, data]);
	}

	/** Resolves when all that this thread has sent is in the queues of this process's streams, and in Redis. */
	flush() {
		this.#backplane.check();
		return handled(this.#backplane.seat.mailbox.flush());
	}

	/** Resolves when what others send reaches this process. */
	ready() {
		this.#backplane.check();
		return this.#backplane.ready();
	}

	/**
	 * What this thread has, and what this process does in Redis.
	 *
	 * @returns {RedisStreamStats}
	 */
	stats() {
		const { bytes } = this.#backplane.seat.mailbox;
		return { ...this.#streams.own.stats(), mailboxBytes: bytes, backplane: this.#backplane.stats() };
	}

	/**
	 * Closes this thread's streams and leaves.
	 *
	 * @param {CloseOptions} [options]
	 * @returns {Promise<void>}
	 */
	close(options) {
		try {
			const { drainMs } = closeOptions(options);
			return this.#backplane.close(() => {
				this.#backplane.seat.catchUp();
				return closeAll(this.#streams.own, drainMs);
			});
		} catch (error) {
			return Promise.reject(error);
		}
	}

	async [Symbol.asyncDispose]() {
		await this.close();
	}
}
