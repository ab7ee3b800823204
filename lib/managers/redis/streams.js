// The stream manager for several machines. It delivers to the streams of this process directly, and to other nodes through
// Redis.

import { Backplane } from '../../backplane/backplane.js';
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
		const checked = redisStreamOptions(url, options, className);
		this.#backplane = new Backplane(checked, className);
		this.#streams = this.#backplane.membership.streams;
		this.#policy = new Policy(checked, this.#streams.local);
	}

	/** Number of sessions of this process. */
	get size() {
		return this.#streams.size;
	}

	/** Returns the ids of the sessions of this process, oldest first. */
	ids() {
		return this.#streams.ids();
	}

	/**
	 * Registers the stream of a session. The stream of the same id on any node is closed.
	 *
	 * @override
	 * @param {string} id
	 * @param {SessionController} controller
	 * @returns {Promise<void>}
	 */
	create(id, controller) {
		if (this.#backplane.isClosing) return this.#backplane.closed();
		checkSession(id, controller);
		return this.#backplane.accepted('create', [id], () => this.#streams.create(id, controller, this.#policy));
	}

	/**
	 * Removes a session on any node and closes its stream.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<void>}
	 */
	delete(id) {
		return this.#backplane.accepted('delete', [id], () => this.#streams.delete(id));
	}

	/**
	 * Returns true when the session exists on any node. Asks Redis only when this process does not have it.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<boolean>}
	 */
	has(id) {
		if (!this.#backplane.isClosed && this.#streams.has(id)) return Promise.resolve(true);
		return this.#backplane.ask(
			(native) => native.has(id),
			() => this.#streams.has(id),
			false,
		);
	}

	/**
	 * Sends a message to the given sessions, or to all of them when `sessions` is undefined or null.
	 *
	 * @override
	 * @param {string[] | null | undefined} sessions
	 * @param {string} data
	 * @returns {Promise<void>}
	 */
	send(sessions, data) {
		return this.#backplane.accepted('send', [sessions, data], () => this.#streams.send(sessions, data));
	}

	/** Resolves when every message that this thread has sent is in the queues of this process's streams, and in Redis. */
	flush() {
		return this.#backplane.flush();
	}

	/** Resolves when this process receives what other nodes send. */
	ready() {
		return this.#backplane.ready();
	}

	/**
	 * Returns the counters of this thread, and those of this process in Redis.
	 *
	 * @returns {RedisStreamStats}
	 */
	stats() {
		const { bytes } = this.#backplane.membership.mailbox;
		return { ...this.#streams.local.stats(), mailboxBytes: bytes, backplane: this.#backplane.stats() };
	}

	/**
	 * Closes the streams of this thread. When this is the last open manager of the process, the process then leaves Redis.
	 * `create` rejects from now on. When the streams are closed, `has` is false, `send`, `delete` and `flush` do nothing, and
	 * `ready` rejects. With `onUnavailable: 'reject'`, all of them reject.
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

	/** Calls `close()`. */
	async [Symbol.asyncDispose]() {
		await this.close();
	}
}
