// The streams of this thread's sessions in one hub, by key. A key is never reused, so that a message for a deleted session
// finds no stream.

import { sessionClosed, sessionCreated, sessionRefused } from '../diagnostics.js';
import { SessionClosedError, SessionLimitError } from '../errors.js';
import { callSafely } from '../util/call-safely.js';
import { Coalescing } from './coalescing.js';
import { SlicedDelivery } from './sliced-delivery.js';

/** @import { SessionCloseReason } from '../../index.js' */
/** @import { Policy } from './policy/policy.js' */
/** @import { Session } from './session.js' */
/** @import { MonitoredSession } from './policy/monitored-session.js' */

/** @typedef {Uint8Array<ArrayBuffer>} Chunk */

export class LocalStreams {
	/** The key of the session created last. */
	newest = 0;
	/** @type {Map<number, Session>} in the order of their keys, which is the order of creation */
	#sessions = new Map();
	/** Messages that were enqueued in streams, and their bytes. */
	#messages = 0;
	#bytes = 0;
	#dropped = 0;
	/** Number of sessions refused because of `maxSessions`. */
	#refused = 0;
	/** @type {Record<SessionCloseReason, number>} */
	#closed = { deleted: 0, replaced: 0, gone: 0, slow: 0, dead: 0, overflow: 0, expired: 0, shutdown: 0 };
	/** Set when a manager has the option `sliceMs`. @type {SlicedDelivery | undefined} */
	#sliced;
	/** @type {Coalescing | undefined} */
	#coalescing;
	#forgetInRust;

	/** @param {(id: string, key: number) => void} forget removes a session from the registry in Rust */
	constructor(forget) {
		this.#forgetInRust = forget;
	}

	/** Number of sessions of this thread. */
	get count() {
		return this.#sessions.size;
	}

	/** Returns the counters of this thread. */
	stats() {
		let queuedBytes = 0;
		for (const session of this.#sessions.values()) queuedBytes += session.queuedBytes;
		return {
			sessions: this.count,
			messages: this.#messages,
			bytes: this.#bytes,
			dropped: this.#dropped,
			refused: this.#refused,
			closed: { ...this.#closed },
			queuedBytes,
		};
	}

	/**
	 * Delivers messages to many sessions in slices from now on.
	 *
	 * @param {number} sliceMs duration of a slice
	 */
	slice(sliceMs) {
		this.#sliced ??= new SlicedDelivery(sliceMs, (session, chunk) => this.#deliverOrClose(session, chunk));
	}

	/** Joins the messages of one turn, for managers with the option `coalesce`. */
	get coalescing() {
		this.#coalescing ??= new Coalescing();
		return this.#coalescing;
	}

	/** True while a delivery in slices is under way: some sessions have not got all messages yet. */
	get isDelivering() {
		return this.#sliced?.isUnderWay ?? false;
	}

	/** Returns all sessions, oldest first. */
	all() {
		return this.#sessions.values();
	}

	/**
	 * Returns the sessions of one manager.
	 *
	 * @param {Policy} policy of a manager with monitored sessions
	 * @returns {Generator<MonitoredSession>}
	 */
	*of(policy) {
		for (const session of this.#sessions.values()) {
			if (session.policy === policy) yield/** @type {any} */ (session);
		}
	}

	/** @param {number} key 0 for none; the session may no longer exist */
	get(key) {
		return this.#sessions.get(key);
	}

	/**
	 * Adds a session that is registered in Rust.
	 *
	 * @param {Session} session
	 * @param {number} key
	 */
	add(session, key) {
		this.newest = key;
		session.key = key;
		this.#sessions.set(key, session);
		if (sessionCreated.hasSubscribers || sessionClosed.hasSubscribers) publishCreated(session);
	}

	/**
	 * Counts and reports a session that would exceed `maxSessions`. Returns the error to throw.
	 *
	 * @param {string} id
	 * @param {Policy} policy
	 */
	refused(id, { maxSessions, onSessionLimit }) {
		const error = new SessionLimitError(maxSessions);
		this.#refused++;
		if (sessionRefused.hasSubscribers) sessionRefused.publish({ id, error });
		if (onSessionLimit !== undefined) callSafely(() => onSessionLimit(error, id));
		return error;
	}

	/**
	 * Delivers to all sessions.
	 *
	 * @param {Chunk} chunk
	 */
	deliverToAll(chunk) {
		if (this.#sliced?.isFor(this.count)) this.#sliced.toAll(this.#sessions, chunk, this.newest);
		// A Map's iterator follows changes: it skips a session deleted meanwhile and visits one created meanwhile.
		else for (const session of this.#sessions.values()) this.#deliver(session, chunk);
	}

	/**
	 * Delivers to all sessions except evicted ones. Other threads have deleted or replaced those, and their streams are open
	 * only for messages that were sent before.
	 *
	 * @param {Set<number>} evicted keys
	 * @param {Chunk} chunk
	 */
	deliverToAllExcept(evicted, chunk) {
		if (this.#sliced?.isFor(this.count)) {
			this.#sliced.toAll(this.#sessions, chunk, this.newest, evicted);
			return;
		}
		for (const session of this.#sessions.values()) {
			if (!evicted.has(session.key)) this.#deliver(session, chunk);
		}
	}

	/**
	 * Delivers to one session.
	 *
	 * @param {Session} session
	 * @param {Chunk} chunk
	 */
	deliverToOne(session, chunk) {
		if (this.#sliced?.isUnderWay) this.#sliced.toSome([session], chunk);
		else this.#deliver(session, chunk);
	}

	/**
	 * Delivers to some sessions.
	 *
	 * @param {Float64Array} keys of sessions that may no longer exist
	 * @param {number} count number of keys to read
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 * @param {number} [after] only sessions with a higher key
	 */
	deliverToSome(keys, count, chunk, after = 0) {
		/** @type {Session[] | undefined} */
		const waiting = this.#sliced?.isUnderWay ? [] : undefined;
		for (let index = 0; index < count; index++) {
			const session = keys[index] > after ? this.#sessions.get(keys[index]) : undefined;
			if (session === undefined) continue;
			if (waiting !== undefined) waiting.push(session);
			else this.#deliverOrClose(session, chunk);
		}
		if (waiting !== undefined) this.#sliced?.toSome(waiting, chunk);
	}

	/**
	 * Delivers to the sessions with a key of at most `last`.
	 *
	 * @param {number} last
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 */
	deliverUpTo(last, chunk) {
		if (this.#sliced?.isFor(this.count)) {
			this.#sliced.toAll(this.#sessions, chunk, last);
			return;
		}
		for (const session of this.#sessions.values()) {
			if (session.key > last) return;
			this.#deliverOrClose(session, chunk);
		}
	}

	/**
	 * Delivers a message of another thread to one session.
	 *
	 * @param {number} key of a session that may no longer exist
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 */
	deliverTo(key, chunk) {
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		if (this.#sliced?.isUnderWay) this.#sliced.toSome([session], chunk);
		else this.#deliverOrClose(session, chunk);
	}

	/**
	 * Enqueues a chunk, or closes the session when the chunk is lost, because a stream must not continue after a gap.
	 *
	 * @param {Session} session
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 */
	#deliverOrClose(session, chunk) {
		// A stream that got the chunk earlier may have detached its buffer.
		const isLost = chunk === undefined || (chunk.length === 0 && chunk.buffer.byteLength === 0);
		if (isLost) this.closeOverflowed(session);
		else this.#deliver(session, chunk);
	}

	/**
	 * Closes a session that has lost a message.
	 *
	 * @param {Session} session
	 */
	closeOverflowed(session) {
		this.#forget(session);
		session.close();
		this.#sessionClosed(session, 'overflow');
	}

	/**
	 * Enqueues a chunk in the stream of a session. Ends the session when the stream refuses the chunk.
	 *
	 * @param {Session} session
	 * @param {Chunk} chunk
	 */
	#deliver(session, chunk) {
		const { length } = chunk;
		this.#messages++;
		this.#bytes += length;
		try {
			session.enqueue(chunk);
		} catch (error) {
			this.uncount(1, length);
			// Not thrown, so that the other sessions still get the message.
			this.terminate(session, error);
		}
	}

	/**
	 * Corrects the counters for messages that were not enqueued after all.
	 *
	 * @param {number} messages
	 * @param {number} bytes
	 */
	uncount(messages, bytes) {
		this.#messages -= messages;
		this.#bytes -= bytes;
	}

	/**
	 * Counts a message that was dropped for a slow client.
	 *
	 * @param {number} bytes
	 */
	countDropped(bytes) {
		this.uncount(1, bytes);
		this.#dropped++;
	}

	/**
	 * Resolves when every message sent so far is in the queues of the streams.
	 *
	 * @returns {Promise<void>}
	 */
	delivered() {
		return new Promise((resolve) => {
			this.whenDelivered(resolve);
		});
	}

	/**
	 * Calls the callback when every message sent so far is in the queues of the streams.
	 *
	 * @param {() => void} callback
	 */
	whenDelivered(callback) {
		const flush = () => {
			this.#coalescing?.flush();
			callback();
		};
		if (this.#sliced?.isUnderWay) this.#sliced.whenDone(flush);
		else flush();
	}

	/**
	 * Ends a session whose stream takes no more chunks: the stream has ended, or the manager ends it with an error.
	 *
	 * @param {Session} session
	 * @param {unknown} error the error of `enqueue`; a `SessionClosedError` for a stream that the manager ends
	 */
	terminate(session, error) {
		if (session.isClosed) return;
		this.#forget(session);
		if (error instanceof SessionClosedError) session.abort(error);
		else session.hadEnded = true;
		this.#sessionClosed(session, error instanceof SessionClosedError ? error.reason : 'gone');
	}

	/**
	 * Removes a session here and from the registry in Rust.
	 *
	 * @param {Session} session
	 */
	#forget({ id, key }) {
		this.#sessions.delete(key);
		this.#forgetInRust(id, key);
	}

	/**
	 * Closes a session that Rust has already removed from its registry.
	 *
	 * @param {number} key of a session that may no longer exist here either
	 * @param {SessionCloseReason} reason
	 */
	close(key, reason) {
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		this.#sessions.delete(key);
		if (this.#sliced?.isUnderWay) this.#sliced.settle(session);
		this.#close(session, reason);
	}

	/**
	 * Removes a session from the registry in Rust and closes it.
	 *
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	forgetAndClose(session, reason) {
		// Removed first, so that the session no longer exists for a controller that calls the manager from its own `close`.
		this.#forgetInRust(session.id, session.key);
		this.close(session.key, reason);
	}

	/**
	 * Closes all sessions after an overflow of the mailbox: messages for them are lost.
	 *
	 * @param {number} last the key of the newest session to close; sessions that a controller creates meanwhile stay open
	 */
	closeAllOverflowed(last) {
		const overflowed = [...this.#sessions.values()].filter(({ key }) => key <= last);
		for (const { key } of overflowed) this.#sessions.delete(key);
		// Counted before the first callback runs, so that `stats()` in a callback includes all of them.
		this.#closed.overflow += overflowed.length;
		for (const session of overflowed) {
			session.flush();
			if (session.isClosed) {
				this.#closed.overflow--;
			} else {
				session.close();
				publishClosed(session, 'overflow');
			}
		}
	}

	/**
	 * Closes a session that is no longer in the map.
	 *
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	#close(session, reason) {
		session.flush();
		// The stream has refused one of the messages that `flush` has enqueued, and the session has ended.
		if (session.isClosed) return;
		session.close();
		this.#sessionClosed(session, reason);
	}

	/**
	 * Counts and reports a session that was closed.
	 *
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	#sessionClosed(session, reason) {
		const actual = session.hadEnded ? 'gone' : reason;
		this.#closed[actual]++;
		publishClosed(session, actual);
	}
}

/**
 * Reports a new session on its diagnostics channel.
 *
 * @param {Session} session
 */
function publishCreated(session) {
	session.openedAt = performance.now();
	const { id, key } = session;
	if (sessionCreated.hasSubscribers) sessionCreated.publish({ id, key });
}

/**
 * Reports the end of a session on its diagnostics channel and to `onClose`.
 *
 * @param {Session} session
 * @param {SessionCloseReason} reason
 */
function publishClosed(session, reason) {
	session.isClosed = true;
	if (sessionClosed.hasSubscribers) {
		const { id, key, openedAt } = session;
		const durationMs = openedAt === 0 ? undefined : performance.now() - openedAt;
		sessionClosed.publish({ id, key, reason, durationMs });
	}
	const { onClose } = session.policy;
	if (onClose !== undefined) callSafely(() => onClose(session.id, reason));
}
