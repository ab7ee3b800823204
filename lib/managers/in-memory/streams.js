// The stream manager in memory. Its sessions belong to one manager, or to all managers of a scope.

import { managerClosed } from '../../errors.js';
import { openStreams } from '../../native/binding.js';
import { onCollected } from '../../native/on-collected.js';
import { closeOptions, streamOptions } from '../../options/options.js';
import { ClosedStreams } from '../../streams/closed-streams.js';
import { Policy } from '../../streams/policy/policy.js';
import { checkSession } from '../../streams/session.js';
import { closeAll, within } from '../../streams/shutdown.js';
import { Streams } from '../../streams/streams.js';
import { membershipInScope } from '../../threads/membership.js';
import { StreamSessionManager } from '../abstract/streams.js';

/** @import { CloseOptions, SessionController, StreamSessionManagerOptions, StreamStats } from '../../../index.js' */

export class InMemoryStreamSessionManager extends StreamSessionManager {
	/** @type {Streams | ClosedStreams} */
	#streams;
	#membership;
	#policy;
	#isClosed = false;
	/** @type {Promise<void> | undefined} */
	#closing;

	/** @param {StreamSessionManagerOptions} [options] */
	constructor(options) {
		super();
		const className = new.target.name;
		const { scope, maxMailboxBytes, ...policy } = streamOptions(options, className);
		if (scope === undefined) {
			const native = openStreams();
			this.#streams = new Streams(native);
			if (policy.sliceMs !== undefined) this.#streams.local.slice(policy.sliceMs);
			onCollected(this, native.leave);
		} else {
			this.#membership = membershipInScope(scope, { maxMailboxBytes, sliceMs: policy.sliceMs }, className);
			this.#streams = this.#membership.streams;
		}
		this.#policy = new Policy(policy, this.#streams.local);
	}

	/** Number of sessions, including those of other threads of the scope. */
	get size() {
		return this.#streams.size;
	}

	/** Returns the ids of all sessions, oldest first. */
	ids() {
		return this.#streams.ids();
	}

	/**
	 * Registers the stream of a session.
	 *
	 * @override
	 * @param {string} id
	 * @param {SessionController} controller
	 * @returns {void}
	 */
	create(id, controller) {
		if (this.#isClosed) throw managerClosed(this.constructor.name);
		checkSession(id, controller);
		this.#streams.create(id, controller, this.#policy);
	}

	/**
	 * Removes a session and closes its stream.
	 *
	 * @override
	 * @param {string} id
	 * @returns {void}
	 */
	delete(id) {
		this.#streams.delete(id);
	}

	/**
	 * Returns true when the session exists.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<boolean>}
	 */
	async has(id) {
		return this.#streams.has(id);
	}

	/**
	 * Sends a message to the given sessions, or to all of them when `sessions` is undefined or null.
	 *
	 * @override
	 * @param {string[] | null | undefined} sessions
	 * @param {string} data
	 * @returns {void}
	 */
	send(sessions, data) {
		this.#streams.send(sessions, data);
	}

	/** Resolves when every message that this thread has sent is in the queues of its receivers' streams. */
	async flush() {
		await (this.#membership?.mailbox.flush() ?? this.#streams.local.delivered());
	}

	/**
	 * Returns the counters of this thread.
	 *
	 * @returns {StreamStats}
	 */
	stats() {
		return { ...this.#streams.local.stats(), mailboxBytes: this.#membership?.mailbox.bytes ?? 0 };
	}

	/**
	 * Refuses new sessions from now on and closes the streams of this thread. Afterwards `has` returns false, and `send` and
	 * `delete` do nothing.
	 *
	 * @param {CloseOptions} [options]
	 * @returns {Promise<void>}
	 */
	async close(options) {
		const { drainMs } = closeOptions(options);
		this.#isClosed = true;
		this.#closing ??= this.#close(drainMs);
		await this.#closing;
	}

	/** @param {number | undefined} drainMs */
	async #close(drainMs) {
		// Messages of other threads that have arrived must be delivered before the streams are closed.
		this.#membership?.catchUp();
		const startedAt = performance.now();
		await closeAll(this.#streams.local, drainMs);
		const remainingMs = drainMs === undefined ? undefined : Math.max(0, drainMs - (performance.now() - startedAt));
		await within(this.flush(), remainingMs);
		this.#streams = new ClosedStreams(this.#streams);
	}

	/** Calls `close()`. */
	async [Symbol.asyncDispose]() {
		await this.close();
	}
}
