// The streams of the sessions of several machines: those of this process are fed at once, the others through Redis.

import { Backplane, handled } from '../../backplane/backplane.js';
import { closeOptions, redisStreamOptions } from '../../options/options.js';
import { Policy } from '../../streams/policy/policy.js';
import { checkSession } from '../../streams/session.js';
import { closeAll } from '../../streams/shutdown.js';
import { StreamSessionManager } from '../abstract/streams.js';

/** @import { CloseOptions, SessionController } from '../../../index.js' */
/** @import { RedisStreamSessionManagerOptions, RedisStreamStats } from '../../../redis.js' */

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
		const className = new.target.name;
		const given = redisStreamOptions(url, options, className);
		this.#backplane = new Backplane(given, className);
		this.#streams = this.#backplane.membership.streams;
		this.#policy = new Policy(given, this.#streams.local);
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
		this.#backplane.checkAccepting();
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
		return handled(this.#backplane.membership.mailbox.flush());
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
		const { bytes } = this.#backplane.membership.mailbox;
		return { ...this.#streams.local.stats(), mailboxBytes: bytes, backplane: this.#backplane.stats() };
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
				this.#backplane.membership.catchUp();
				return closeAll(this.#streams.local, drainMs);
			});
		} catch (error) {
			return Promise.reject(error);
		}
	}

	async [Symbol.asyncDispose]() {
		await this.close();
	}
}
