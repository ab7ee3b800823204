// The streams of the sessions of several machines: those of this process are fed at once, the others through Redis.

import { Backplane, handled } from './backplane.js';
import { invalidArgument } from './errors.js';
import { redisStreamOptions } from './options.js';
import { checkSession } from './session.js';
import { StreamSessionManager } from './stream-session-manager.js';

/** @import { SessionController } from '../index.js' */
/** @import { RedisStreamSessionManagerOptions, RedisStreamStats } from '../redis.js' */

export class RedisStreamSessionManager extends StreamSessionManager {
	#backplane;
	#streams;
	#pool;

	/**
	 * @param {string} url
	 * @param {RedisStreamSessionManagerOptions} [options]
	 */
	constructor(url, options) {
		super();
		const { pool, ...given } = redisStreamOptions(url, options, new.target.name);
		this.#backplane = new Backplane(given, new.target.name);
		this.#streams = this.#backplane.seat.streams;
		this.#pool = pool;
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
		this.#backplane.check();
		checkSession(id, controller);
		this.#streams.create(id, controller, this.#pool);
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
		if (typeof data !== 'string') throw invalidArgument('send: "data" must be a string', data);
		if (sessions == null) {
			this.#streams.sendToAll(data);
		} else if (!Array.isArray(sessions)) {
			throw invalidArgument(
				'send: "sessions" must be an array of session ids, or undefined for every session',
				sessions,
			);
		} else if (sessions.length === 1) {
			this.#streams.sendToOne(sessions, data);
		} else if (sessions.length > 1) {
			this.#streams.sendToSome(sessions, data);
		}
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
		const { mailbox } = this.#backplane.seat;
		return {
			sessions: this.#streams.count,
			closed: { overflow: mailbox.overflowed },
			mailboxBytes: mailbox.bytes,
			backplane: this.#backplane.stats(),
		};
	}

	/**
	 * Closes this thread's streams and leaves.
	 *
	 * @returns {Promise<void>}
	 */
	close() {
		if (!this.#isClosed) this.#streams.deleteAll();
		this.#isClosed = true;
		return this.#backplane.close();
	}

	#isClosed = false;
}
