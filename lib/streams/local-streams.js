// The streams of this thread's sessions in one hub, by key. A key is never reused, so that a message for a deleted session
// finds no stream.

import { sessionClosed, sessionCreated, sessionRefused } from '../diagnostics.js';
import { SessionClosedError, SessionLimitError } from '../errors.js';
import { callSafely } from '../util/call-safely.js';
import { CatchingUp } from './catching-up.js';
import { Coalescing } from './coalescing.js';
import { SlicedDelivery } from './sliced-delivery.js';

/** @import { SessionCloseReason } from '../../index.js' */
/** @import { NativeStreams } from '../native/binding.js' */
/** @import { SessionSocket } from './direct.js' */
/** @import { Policy } from './policy/policy.js' */
/** @import { Session } from './session.js' */
/** @import { MonitoredSession } from './policy/monitored-session.js' */
/** @import { Streams } from './streams.js' */

/** @typedef {Uint8Array<ArrayBuffer>} Chunk */

export class LocalStreams {
	/** The key of the session created last. */
	newest = 0;
	/** True while there are direct sessions. */
	hasDirect = false;
	/** The ordinary sessions. @type {Map<number, Session>} in the order of their keys, which is the order of creation */
	#sessions = new Map();
	/** The direct sessions: Rust delivers to them. @type {Map<number, Session>} */
	#direct = new Map();
	/** The direct sessions that still get messages from the mailbox. */
	#catchingUp = new CatchingUp();
	/** Number of deliveries to several sessions that are in progress. */
	#loops = 0;
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
	/** Removes a session from the registry in Rust. */
	#forgetInRust;
	#directStats;

	/** @param {Pick<NativeStreams, 'forget' | 'directStats'>} native */
	constructor({ forget, directStats }) {
		this.#forgetInRust = forget;
		this.#directStats = directStats;
	}

	/** Number of sessions of this thread. */
	get count() {
		return this.#sessions.size + this.#direct.size;
	}

	/** Number of sessions of this thread that are not direct. */
	get ordinaryCount() {
		return this.#sessions.size;
	}

	/** Returns the counters of this thread. */
	stats() {
		let queuedBytes = 0;
		for (const session of this.#sessions.values()) queuedBytes += session.queuedBytes;
		for (const session of this.#direct.values()) {
			const bytes = session.queuedBytes;
			// Otherwise messages are on their way to the thread that writes them.
			if (bytes !== Infinity) queuedBytes += bytes;
		}
		const [messages, bytes, dropped] = this.#directStats?.() ?? [0, 0, 0];
		return {
			sessions: this.count,
			direct: this.#direct.size,
			messages: this.#messages + messages,
			bytes: this.#bytes + bytes,
			dropped: this.#dropped + dropped,
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

	/** Returns all sessions: the ordinary ones, oldest first, and then the direct ones. */
	*all() {
		yield* this.#sessions.values();
		yield* this.#direct.values();
	}

	/**
	 * Returns the sessions of one manager.
	 *
	 * @param {Policy} policy of a manager with monitored sessions
	 * @returns {Generator<MonitoredSession>}
	 */
	*of(policy) {
		for (const session of this.all()) {
			if (session.policy === policy) yield/** @type {any} */ (session);
		}
	}

	/** @param {number} key 0 for none; the session may no longer exist */
	get(key) {
		return this.#sessions.get(key) ?? this.#direct.get(key);
	}

	/**
	 * Returns true when a session has got all messages whose delivery has begun, so that Rust may deliver the next one. The
	 * caller has checked that the client has got everything that is in the stream.
	 *
	 * @param {Session} session
	 */
	canBecomeDirect(session) {
		if (this.#loops > 0 || this.isDelivering || session.hasWaitingChunks) return false;
		return this.#sessions.has(session.key);
	}

	/**
	 * Makes a session direct, right after `attachSocket` of `Streams` has returned 1 or 2 for it.
	 *
	 * @param {Session} session
	 * @param {SessionSocket} socket
	 * @param {Streams} [catchingUpWith] for 2: the streams with the mailbox in which messages wait
	 */
	makeDirect(session, socket, catchingUpWith) {
		this.#sessions.delete(session.key);
		this.#direct.set(session.key, session);
		this.hasDirect = true;
		session.socket = socket;
		if (catchingUpWith !== undefined) this.#catchingUp.add(session, catchingUpWith);
	}

	/**
	 * Called when a session that had to catch up has got all messages of the mailbox that were sent before it was direct.
	 *
	 * @param {number} key of a session that may no longer exist
	 */
	caughtUp(key) {
		this.#catchingUp.caughtUp(key);
	}

	/** True while sessions wait for messages in the mailbox. */
	get isCatchingUp() {
		return this.#catchingUp.size > 0;
	}

	/** Called when the mailbox is about to be closed: the messages in it are lost. */
	leave() {
		for (const session of this.#catchingUp.upTo(this.newest)) this.#catchingUp.missed(session);
	}

	/**
	 * Ends a direct session whose connection or response has ended. The stream is closed, so that its consumer does not wait for
	 * messages that no longer arrive.
	 *
	 * @param {number} key of a session that may no longer exist
	 */
	ended(key) {
		const closed = this.#catchingUp.get(key);
		if (closed !== undefined) this.#catchingUp.missed(closed);
		const session = this.#direct.get(key);
		if (session === undefined) return;
		this.#forget(session);
		session.close();
		session.hadEnded = true;
		this.#sessionClosed(session, 'gone');
	}

	/** @param {number} key of a session that may be an ordinary one */
	#removeDirect(key) {
		this.#direct.delete(key);
		this.hasDirect = this.#direct.size > 0;
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
	 * Delivers to all ordinary sessions.
	 *
	 * @param {Chunk} chunk
	 */
	deliverToAll(chunk) {
		if (this.#sliced?.isFor(this.ordinaryCount)) {
			this.#sliced.toAll(this.#sessions, chunk, this.newest);
			return;
		}
		this.#loops++;
		// A Map's iterator follows changes: it skips a session deleted meanwhile and visits one created meanwhile.
		for (const session of this.#sessions.values()) this.#deliver(session, chunk);
		this.#loops--;
	}

	/**
	 * Delivers to all ordinary sessions except evicted ones. Other threads have deleted or replaced those, and their streams are
	 * open only for messages that were sent before.
	 *
	 * @param {Set<number>} evicted keys
	 * @param {Chunk} chunk
	 */
	deliverToAllExcept(evicted, chunk) {
		if (this.#sliced?.isFor(this.ordinaryCount)) {
			this.#sliced.toAll(this.#sessions, chunk, this.newest, evicted);
			return;
		}
		this.#loops++;
		for (const session of this.#sessions.values()) {
			if (!evicted.has(session.key)) this.#deliver(session, chunk);
		}
		this.#loops--;
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
	 * Delivers to some sessions that are ordinary or catching up.
	 *
	 * @param {Float64Array} keys of sessions that may no longer exist
	 * @param {number} count number of keys to read
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 * @param {number} [after] only sessions with a higher key
	 */
	deliverToSome(keys, count, chunk, after = 0) {
		/** @type {Session[] | undefined} */
		const waiting = this.#sliced?.isUnderWay ? [] : undefined;
		this.#loops++;
		for (let index = 0; index < count; index++) {
			const session = keys[index] > after ? this.#sessions.get(keys[index]) : undefined;
			if (session === undefined) this.#deliverEarlier(this.#catchingUp.get(keys[index]), chunk);
			else if (waiting !== undefined) waiting.push(session);
			else this.#deliverOrClose(session, chunk);
		}
		this.#loops--;
		if (waiting !== undefined) this.#sliced?.toSome(waiting, chunk);
	}

	/**
	 * Delivers a message of another thread to the sessions with a key of at most `last` that are ordinary or catching up.
	 *
	 * @param {number} last
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 */
	deliverUpTo(last, chunk) {
		if (this.isCatchingUp) {
			for (const session of this.#catchingUp.upTo(last)) this.#deliverEarlier(session, chunk);
		}
		if (this.#sliced?.isFor(this.ordinaryCount)) {
			this.#sliced.toAll(this.#sessions, chunk, last);
			return;
		}
		this.#loops++;
		for (const session of this.#sessions.values()) {
			if (session.key > last) break;
			this.#deliverOrClose(session, chunk);
		}
		this.#loops--;
	}

	/**
	 * Delivers a message of another thread to one session that is ordinary or catching up.
	 *
	 * @param {number} key of a session that may no longer exist
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 */
	deliverTo(key, chunk) {
		const session = this.#sessions.get(key);
		if (session === undefined) this.#deliverEarlier(this.#catchingUp.get(key), chunk);
		else if (this.#sliced?.isUnderWay) this.#sliced.toSome([session], chunk);
		else this.#deliverOrClose(session, chunk);
	}

	/**
	 * Delivers a message of another thread to a session that is catching up, never in slices: no delivery in slices is under way
	 * when a session becomes direct.
	 *
	 * @param {Session | undefined} session it may be closed; its stream is closed after these messages
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 */
	#deliverEarlier(session, chunk) {
		if (session === undefined) return;
		if (isLost(chunk)) {
			if (session.isClosed) this.#catchingUp.missed(session);
			else this.closeOverflowed(session);
			return;
		}
		this.#messages++;
		this.#bytes += chunk.length;
		try {
			session.socket?.deliverEarlier(session.own(chunk));
		} catch (error) {
			this.uncount(1, chunk.length);
			if (session.isClosed) this.#catchingUp.missed(session);
			else this.terminate(session, error);
		}
	}

	/**
	 * Enqueues a chunk, or closes the session when the chunk is lost, because a stream must not continue after a gap.
	 *
	 * @param {Session} session
	 * @param {Chunk | undefined} chunk `undefined` when its buffer was detached
	 */
	#deliverOrClose(session, chunk) {
		if (isLost(chunk)) this.closeOverflowed(session);
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
	#forget(session) {
		const { id, key } = session;
		if (!this.#sessions.delete(key)) this.#removeDirect(key);
		this.#forgetInRust(id, key);
		this.#catchingUp.missed(session);
	}

	/**
	 * Closes a session that Rust has already removed from its registry.
	 *
	 * @param {number} key of a session that may no longer exist here either
	 * @param {SessionCloseReason} reason
	 */
	close(key, reason) {
		const session = this.#sessions.get(key) ?? this.#direct.get(key);
		if (session === undefined) return;
		if (!this.#sessions.delete(key)) this.#removeDirect(key);
		// A direct session gets none of the messages that are delivered in slices.
		if (this.#sliced?.isUnderWay && session.socket === undefined) this.#sliced.settle(session);
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
	 * Closes all sessions that are ordinary or catching up, after an overflow of the mailbox: messages for them are lost.
	 *
	 * @param {number} last the key of the newest session to close; sessions that a controller creates meanwhile stay open
	 */
	closeAllOverflowed(last) {
		const overflowed = [...this.#sessions.values()].filter(({ key }) => key <= last);
		for (const { key } of overflowed) this.#sessions.delete(key);
		for (const session of this.#catchingUp.upTo(last)) {
			if (!session.isClosed) overflowed.push(session);
			this.#forget(session);
		}
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
 * Returns true when a message is lost: it was larger than the mailbox, or a stream that got it earlier has detached its buffer.
 *
 * @param {Chunk | undefined} chunk
 * @returns {chunk is undefined}
 */
function isLost(chunk) {
	return chunk === undefined || (chunk.length === 0 && chunk.buffer.byteLength === 0);
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
