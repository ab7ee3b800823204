// The streams of the sessions of this process: those of one manager, or of all managers of a scope.

import { whenCollected } from './collected.js';
import { invalidArgument } from './errors.js';
import { openStreams } from './native.js';
import { streamOptions } from './options.js';
import { seatIn } from './seat.js';
import { checkSession } from './session.js';
import { StreamSessionManager } from './stream-session-manager.js';
import { Streams } from './streams.js';

/** @import { SessionController, StreamSessionManagerOptions, StreamStats } from '../index.js' */

export class InMemoryStreamSessionManager extends StreamSessionManager {
	#streams;
	#seat;
	#pool;

	/** @param {StreamSessionManagerOptions} [options] */
	constructor(options) {
		super();
		const { pool, scope, maxMailboxBytes } = streamOptions(options, new.target.name);
		this.#pool = pool;
		if (scope === undefined) {
			const native = openStreams();
			this.#streams = new Streams(native);
			whenCollected(this, native.leave);
		} else {
			this.#seat = seatIn(scope, maxMailboxBytes, new.target.name);
			this.#streams = this.#seat.streams;
		}
	}

	/** How many sessions there are. */
	get size() {
		return this.#streams.size;
	}

	/** The ids of all sessions, oldest first. */
	ids() {
		return this.#streams.ids();
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {SessionController} controller
	 * @returns {void}
	 */
	create(id, controller) {
		checkSession(id, controller);
		this.#streams.create(id, controller, this.#pool);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {void}
	 */
	delete(id) {
		this.#streams.delete(id);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<boolean>}
	 */
	async has(id) {
		return this.#streams.has(id);
	}

	/**
	 * @override
	 * @param {string[] | null | undefined} sessions
	 * @param {string} data
	 * @returns {void}
	 */
	send(sessions, data) {
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
	}

	/** Resolves when all that this thread has sent is in the queues of the streams it is for. */
	async flush() {
		await this.#seat?.mailbox.flush();
	}

	/**
	 * What this thread has and does in it.
	 *
	 * @returns {StreamStats}
	 */
	stats() {
		return {
			sessions: this.#streams.count,
			closed: { overflow: this.#seat?.mailbox.overflowed ?? 0 },
			mailboxBytes: this.#seat?.mailbox.bytes ?? 0,
		};
	}
}
