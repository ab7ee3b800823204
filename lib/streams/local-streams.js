// The streams of this thread's sessions, in one hub, by key. A key is never used twice, so that a message for a session that is
// gone finds nothing.

import { sessionClosed, sessionCreated } from '../diagnostics.js';
import { SessionClosedError } from '../errors.js';
import { callSafely } from '../util/call-safely.js';
import { Coalescing } from './policy/coalescing.js';
import { SlicedDelivery } from './policy/sliced-delivery.js';

/** @import { SessionCloseReason } from '../../index.js' */
/** @import { Policy } from './policy/policy.js' */
/** @import { Session } from './session.js' */
/** @import { MonitoredSession } from './policy/monitored-session.js' */

/** @typedef {Uint8Array<ArrayBuffer>} Chunk */

export class LocalStreams {
	/** The key of the session created last. */
	newest = 0;
	/** @type {Map<number, Session>} in the order of their keys, which is the order they were created in */
	#sessions = new Map();
	/** Messages that were given to streams, and their bytes. */
	#messages = 0;
	#bytes = 0;
	#dropped = 0;
	/** @type {Record<SessionCloseReason, number>} */
	#closed = { deleted: 0, replaced: 0, gone: 0, slow: 0, dead: 0, overflow: 0, expired: 0, shutdown: 0 };
	/** Where it was told to feed many sessions in slices. @type {SlicedDelivery | undefined} */
	#sliced;
	/** @type {Coalescing | undefined} */
	#coalescing;
	#forgetInRust;

	/** @param {(id: string, key: number) => void} forget has Rust forget a session */
	constructor(forget) {
		this.#forgetInRust = forget;
	}

	/** How many sessions this thread has. */
	get count() {
		return this.#sessions.size;
	}

	/** What this thread has, and has done. */
	stats() {
		let queuedBytes = 0;
		for (const session of this.#sessions.values()) queuedBytes += session.queuedBytes;
		return {
			sessions: this.count,
			messages: this.#messages,
			bytes: this.#bytes,
			dropped: this.#dropped,
			closed: { ...this.#closed },
			queuedBytes,
		};
	}

	/**
	 * Feeds many sessions in slices from now on.
	 *
	 * @param {number} sliceMs how long each
	 */
	slice(sliceMs) {
		this.#sliced ??= new SlicedDelivery(sliceMs, (session, chunk) => this.#deliverOrClose(session, chunk));
	}

	/** What joins the messages of a turn, for managers that were told to. */
	get coalescing() {
		this.#coalescing ??= new Coalescing();
		return this.#coalescing;
	}

	/** Whether sessions have still to get what was sent. */
	get isDelivering() {
		return this.#sliced?.isUnderWay ?? false;
	}

	/** All, oldest first. */
	all() {
		return this.#sessions.values();
	}

	/**
	 * Those of a manager that tends its sessions.
	 *
	 * @param {Policy} policy
	 * @returns {Generator<MonitoredSession>}
	 */
	*of(policy) {
		for (const session of this.#sessions.values()) {
			if (session.policy === policy) yield/** @type {any} */ (session);
		}
	}

	/** @param {number} key 0, and that of a session that is gone, is no session's */
	get(key) {
		return this.#sessions.get(key);
	}

	/**
	 * @param {Session} session one that is registered
	 * @param {number} key
	 */
	add(session, key) {
		this.newest = key;
		session.key = key;
		this.#sessions.set(key, session);
		if (sessionCreated.hasSubscribers || sessionClosed.hasSubscribers) publishCreated(session);
	}

	/** @param {Chunk} chunk */
	deliverToAll(chunk) {
		if (this.#sliced?.isFor(this.count)) this.#sliced.toAll(this.#sessions, chunk, this.newest);
		// A Map's iterator goes along with changes: a session deleted meanwhile is not visited, one created meanwhile is.
		else for (const session of this.#sessions.values()) this.#deliver(session, chunk);
	}

	/**
	 * @param {Set<number>} evicted keys of sessions that are no more, and whose streams are open until what was sent to them
	 *   before is in them
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
	 * @param {Session} session
	 * @param {Chunk} chunk
	 */
	deliverToOne(session, chunk) {
		if (this.#sliced?.isUnderWay) this.#sliced.toSome([session], chunk);
		else this.#deliver(session, chunk);
	}

	/**
	 * @param {Float64Array} keys of sessions that are perhaps gone
	 * @param {number} count how many of them
	 * @param {Chunk | undefined} chunk nothing where it was lost
	 * @param {number} [after] only sessions with a later key
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
	 * @param {number} last feeds the sessions that were created until this one was
	 * @param {Chunk | undefined} chunk nothing where it was lost
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
	 * As {@link feedOne}, by another thread.
	 *
	 * @param {number} key of a session that is perhaps gone
	 * @param {Chunk | undefined} chunk nothing where it was lost
	 */
	deliverTo(key, chunk) {
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		if (this.#sliced?.isUnderWay) this.#sliced.toSome([session], chunk);
		else this.#deliverOrClose(session, chunk);
	}

	/**
	 * @param {Session} session
	 * @param {Chunk | undefined} chunk nothing where it was lost
	 */
	#deliverOrClose(session, chunk) {
		// Taken away by a stream that was fed before.
		const isLost = chunk === undefined || (chunk.length === 0 && chunk.buffer.byteLength === 0);
		if (isLost) this.closeOverflowed(session);
		else this.#deliver(session, chunk);
	}

	/** @param {Session} session one that something was lost for: no stream goes on with a gap in it */
	closeOverflowed(session) {
		this.#forget(session);
		session.close();
		this.#sessionClosed(session, 'overflow');
	}

	/**
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
			// The others still get the message.
			this.terminate(session, error);
		}
	}

	/**
	 * What was counted as given to a stream, and was not.
	 *
	 * @param {number} messages
	 * @param {number} bytes
	 */
	uncount(messages, bytes) {
		this.#messages -= messages;
		this.#bytes -= bytes;
	}

	/** @param {number} bytes of a message that was dropped for a session */
	countDropped(bytes) {
		this.uncount(1, bytes);
		this.#dropped++;
	}

	/** @returns {Promise<void>} resolves when all that was sent is in the queues of the streams */
	delivered() {
		return new Promise((resolve) => {
			this.whenDelivered(resolve);
		});
	}

	/** @param {() => void} callback called when all that was sent is in the queues of the streams */
	whenDelivered(callback) {
		const flush = () => {
			this.#coalescing?.flush();
			callback();
		};
		if (this.#sliced?.isUnderWay) this.#sliced.whenDone(flush);
		else flush();
	}

	/**
	 * @param {Session} session one that takes nothing more: it was closed, errored or cancelled, or its manager gives it up
	 * @param {unknown} error what came of feeding it
	 */
	terminate(session, error) {
		if (session.isClosed) return;
		this.#forget(session);
		if (error instanceof SessionClosedError) session.abort(error);
		else session.hadEnded = true;
		this.#sessionClosed(session, error instanceof SessionClosedError ? error.reason : 'gone');
	}

	/** @param {Session} session */
	#forget({ id, key }) {
		this.#sessions.delete(key);
		this.#forgetInRust(id, key);
	}

	/**
	 * @param {number} key of a session that Rust has forgotten
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
	 * Forgets and closes a session.
	 *
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	forgetAndClose(session, reason) {
		// First, so that whoever is called while it is fed finds it gone.
		this.#forgetInRust(session.id, session.key);
		this.close(session.key, reason);
	}

	/**
	 * Closes those that Rust has forgotten: more was sent to this thread than it took, and is lost.
	 *
	 * @param {number} last the key of the last of them: a controller that is closed may create sessions, which live
	 */
	closeAllOverflowed(last) {
		const gone = [...this.#sessions.values()].filter(({ key }) => key <= last);
		for (const { key } of gone) this.#sessions.delete(key);
		// At once, for whoever is called by the first of them.
		this.#closed.overflow += gone.length;
		for (const session of gone) {
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
	 * @param {Session} session one that is forgotten
	 * @param {SessionCloseReason} reason
	 */
	#close(session, reason) {
		session.flush();
		// Lost by what it had still to get.
		if (session.isClosed) return;
		session.close();
		this.#sessionClosed(session, reason);
	}

	/**
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	#sessionClosed(session, reason) {
		const found = session.hadEnded ? 'gone' : reason;
		this.#closed[found]++;
		publishClosed(session, found);
	}
}

/** @param {Session} session */
function publishCreated(session) {
	session.openedAt = performance.now();
	const { id, key } = session;
	if (sessionCreated.hasSubscribers) sessionCreated.publish({ id, key });
}

/**
 * @param {Session} session one that is gone
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
