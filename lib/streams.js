// The streams of the sessions of this thread, in one hub.
//
// Who the sessions are stands in Rust (`src/hub.rs`). Here is only what Rust cannot hold cheaply: the stream controllers,
// by key. A key is never used twice, so that a message for a session that is gone finds nothing.

import { Coalescing } from './coalescing.js';
import { sessionClosed, sessionCreated } from './diagnostics.js';
import { encode } from './encoder.js';
import { invalidArgument, invalidValue, SessionClosedError, SessionLimitError } from './errors.js';
import { Rounds } from './rounds.js';

/** @import { SessionCloseReason, SessionController } from '../index.js' */
/** @import { NativeStreams } from './native.js' */
/** @import { Policy } from './policy.js' */
/** @import { Session } from './session.js' */
/** @import { TendedSession } from './tended-session.js' */

/** Lists of up to this length are routed through one array that all managers of the thread use. */
const LONGEST_SHARED_LIST = 16_384;

/** What other threads tell without a call. */
const SIGN = /** @type {const} */ ({
	/** Whether they have sessions. */
	OTHERS_HAVE_SESSIONS: 0,
	/** Whether they have deleted or replaced sessions of this thread that are not closed yet. */
	EVICTED: 1,
});

/** Of a hub with one thread. */
const NO_OTHERS = Int32Array.of(0, 0);

/** @type {Float64Array | undefined} the array, while no `send` is using it */
let sharedKeys = new Float64Array(64);

export class Streams {
	/** What this thread has done. */
	#done = { messages: 0, bytes: 0, dropped: 0 };
	/** @type {Record<SessionCloseReason, number>} */
	#closed = { deleted: 0, replaced: 0, gone: 0, slow: 0, dead: 0, overflow: 0, expired: 0, shutdown: 0 };
	/** Where it was told to feed many sessions in slices. @type {Rounds | undefined} */
	#rounds;
	/** @type {Coalescing | undefined} */
	#coalescing;
	/** @type {Map<number, Session>} in the order of their keys, which is the order they were created in */
	#sessions = new Map();
	/** The key of the session created last. */
	#newest = 0;
	#native;
	#signs;
	#catchUp;

	/**
	 * @param {NativeStreams} native
	 * @param {Int32Array} signs written by other threads
	 * @param {() => void} catchUp deals with what these have left
	 */
	constructor(native, signs = NO_OTHERS, catchUp = () => {}) {
		this.#native = native;
		this.#signs = signs;
		this.#catchUp = catchUp;
	}

	/** How many sessions all threads have. */
	get size() {
		return this.#native.size();
	}

	/** The ids of all threads' sessions, oldest first. */
	ids() {
		return this.#native.ids();
	}

	/** What this thread has, and has done. */
	stats() {
		let queuedBytes = 0;
		for (const session of this.#sessions.values()) queuedBytes += session.queuedBytes;
		return { sessions: this.#sessions.size, ...this.#done, closed: { ...this.#closed }, queuedBytes };
	}

	/**
	 * Feeds many sessions in slices from now on.
	 *
	 * @param {number} sliceMs how long each
	 * @param {string} who the class that was told so
	 */
	slice(sliceMs, who) {
		this.#rounds ??= new Rounds(sliceMs, (session, chunk) => this.#feedOrLose(session, chunk));
		if (this.#rounds.sliceMs !== sliceMs) {
			throw invalidValue(
				`${who}: option "sliceMs" is ${sliceMs}, but this thread's streams there are fed in slices of ` +
					`${this.#rounds.sliceMs} ms; give all managers the same, or only one`,
			);
		}
	}

	/** What joins the messages of a turn, for managers that were told to. */
	get coalescing() {
		this.#coalescing ??= new Coalescing();
		return this.#coalescing;
	}

	/** Whether sessions have still to get what was sent. */
	get isBehind() {
		return this.#rounds?.isUnderWay ?? false;
	}

	/**
	 * The sessions of a manager whose sessions are tended.
	 *
	 * @param {Policy} policy
	 * @returns {Generator<TendedSession>}
	 */
	*of(policy) {
		for (const session of this.#sessions.values()) {
			if (session.policy === policy) yield/** @type {TendedSession} */ (session);
		}
	}

	/** All of this thread, oldest first. */
	all() {
		return this.#sessions.values();
	}

	/** Whether this thread has none. */
	get isEmpty() {
		return this.#sessions.size === 0;
	}

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 * @param {Policy} policy
	 */
	create(id, controller, policy) {
		const session = policy.open(id, controller);
		const { maxSessions } = policy;
		const created = maxSessions === Infinity ? this.#native.create(id) : this.#native.create(id, maxSessions);
		if (created === 0) throw new SessionLimitError(maxSessions);
		const [key, replaced] = typeof created === 'number' ? [created, 0] : created;
		this.#newest = key;
		session.key = key;
		this.#sessions.set(key, session);
		if (sessionCreated.hasSubscribers || sessionClosed.hasSubscribers) this.#hasCreated(session);
		if (replaced !== 0) this.close(replaced, 'replaced');
	}

	/** @param {Session} session */
	#hasCreated(session) {
		session.openedAt = performance.now();
		const { id, key } = session;
		if (sessionCreated.hasSubscribers) sessionCreated.publish({ id, key });
	}

	/** @param {string} id */
	delete(id) {
		if (this.#signs[SIGN.EVICTED] !== 0 && this.#isCancelled(id)) return;
		const key = this.#native.remove(id);
		if (key !== 0) this.close(key, 'deleted');
	}

	/**
	 * Whether it is the `cancel` of an older stream that deletes: one that another thread has replaced, and whose end is
	 * still in the mailbox. That its client has left must not end the newer one.
	 *
	 * @param {string} id
	 */
	#isCancelled(id) {
		const older = this.#native.evicted().map((key) => this.#sessions.get(key));
		const streams = older.filter((session) => session?.id === id);
		if (streams.length === 0) return false;
		// Closes them, behind what was sent to them.
		this.#catchUp();
		return streams.some((session) => session?.hadEnded);
	}

	/** @param {string} id */
	has(id) {
		return this.#native.has(id);
	}

	/**
	 * @param {string[] | null | undefined} ids all sessions where it is nothing
	 * @param {string} data
	 */
	send(ids, data) {
		if (typeof data !== 'string') throw invalidArgument('send: "data" must be a string', data);
		if (ids == null) {
			this.#sendToAll(data);
		} else if (!Array.isArray(ids)) {
			throw invalidArgument('send: "sessions" must be an array of session ids, or undefined for every session', ids);
		} else if (ids.length === 1) {
			this.#sendToOne(ids, data);
		} else if (ids.length > 1) {
			this.#sendToSome(ids, data);
		}
	}

	/** @param {string} data */
	#sendToAll(data) {
		// Without a call where there are none: it would cost a quarter of a message to one session.
		if (this.#signs[SIGN.OTHERS_HAVE_SESSIONS] !== 0) this.#native.sendElsewhere(data);
		if (this.#sessions.size === 0) return;
		const chunk = encode(data);
		this.#count(this.#sessions.size, chunk);
		const evicted = this.#signs[SIGN.EVICTED] !== 0 ? new Set(this.#native.evicted()) : undefined;
		if (this.#rounds !== undefined) this.#rounds.toAll(this.#sessions, chunk, this.#newest, evicted);
		else if (evicted !== undefined) this.#feedAllBut(evicted, chunk);
		else this.#feedAll(chunk);
	}

	/**
	 * @param {number} messages how many sessions are fed
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#count(messages, chunk) {
		this.#done.messages += messages;
		this.#done.bytes += messages * chunk.length;
	}

	/** @param {Uint8Array<ArrayBuffer>} chunk */
	#feedAll(chunk) {
		// A Map's iterator goes along with changes: a session deleted meanwhile is not visited, one created meanwhile is.
		for (const session of this.#sessions.values()) this.#feed(session, chunk);
	}

	/**
	 * @param {Set<number>} evicted keys of sessions that are no more, and whose streams are open until what was sent to them
	 *   before is in them
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#feedAllBut(evicted, chunk) {
		for (const session of this.#sessions.values()) {
			if (!evicted.has(session.key)) this.#feed(session, chunk);
		}
	}

	/**
	 * @param {readonly unknown[]} ids a list of one
	 * @param {string} data
	 */
	#sendToOne(ids, data) {
		const key = this.#native.routeOne(ids[0], data);
		const before = this.#newest;
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		const chunk = encode(data);
		this.#count(1, chunk);
		this.#feedInOrder(session, chunk);
		// The controller created a session while it was fed. Perhaps it is one of ours.
		if (this.#newest !== before) this.#sendOn(ids, data, before);
	}

	/**
	 * @param {readonly unknown[]} ids
	 * @param {string} data
	 */
	#sendToSome(ids, data) {
		const keys = takeKeys(ids.length);
		let before = 0;
		try {
			const count = this.#native.route(ids, data, keys);
			before = this.#newest;
			if (count > 0) this.#feedEach(keys, count, encode(data), 0);
		} finally {
			giveBackKeys(keys);
		}
		if (this.#newest !== before) this.#sendOn(ids, data, before);
	}

	/**
	 * To sessions among those that controllers have created while they were fed, as long as they create more.
	 *
	 * @param {readonly unknown[]} ids
	 * @param {string} data
	 * @param {number} after only sessions with a later key
	 */
	#sendOn(ids, data, after) {
		const keys = takeKeys(ids.length);
		const chunk = encode(data);
		try {
			for (let newest = after; ; after = newest) {
				// Other threads have got the message.
				const count = this.#native.route(ids, undefined, keys);
				newest = this.#newest;
				this.#feedEach(keys, count, chunk, after);
				if (this.#newest === newest) return;
			}
		} finally {
			giveBackKeys(keys);
		}
	}

	/**
	 * @param {Float64Array} keys
	 * @param {number} count how many of them
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 * @param {number} after only sessions with a later key
	 */
	#feedEach(keys, count, chunk, after) {
		for (let index = 0; index < count; index++) {
			if (keys[index] > after) this.feed(keys[index], chunk);
		}
	}

	/**
	 * @param {number} key of a session that is perhaps gone
	 * @param {Uint8Array<ArrayBuffer> | undefined} chunk nothing where it was lost
	 */
	feed(key, chunk) {
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		if (chunk !== undefined) this.#count(1, chunk);
		this.#feedInOrder(session, chunk);
	}

	/**
	 * @param {Session} session
	 * @param {Uint8Array<ArrayBuffer> | undefined} chunk nothing where it was lost
	 */
	#feedInOrder(session, chunk) {
		if (this.#rounds?.isUnderWay) this.#rounds.toOne(session, chunk);
		else this.#feedOrLose(session, chunk);
	}

	/**
	 * @param {number} last feeds the sessions that were created until this one was
	 * @param {Uint8Array<ArrayBuffer> | undefined} chunk nothing where it was lost
	 */
	feedUntil(last, chunk) {
		if (chunk !== undefined) this.#count(this.#sessions.size, chunk);
		if (this.#rounds !== undefined) {
			this.#rounds.toAll(this.#sessions, chunk, last);
			return;
		}
		for (const session of this.#sessions.values()) {
			if (session.key > last) return;
			this.#feedOrLose(session, chunk);
		}
	}

	/**
	 * @param {Session} session
	 * @param {Uint8Array<ArrayBuffer> | undefined} chunk nothing where it was lost
	 */
	#feedOrLose(session, chunk) {
		// Taken away by a stream that was fed before.
		const isLost = chunk === undefined || (chunk.length === 0 && chunk.buffer.byteLength === 0);
		if (!isLost) return this.#feed(session, chunk);
		// No stream goes on with a gap in it.
		this.#forget(session);
		session.close();
		this.#hasClosed(session, 'gone');
	}

	/**
	 * @param {Session} session
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#feed(session, chunk) {
		try {
			session.feed(chunk);
		} catch (error) {
			// The others still get the message.
			this.lose(session, error);
		}
	}

	/**
	 * @param {Session} session one that takes nothing more: it was closed, errored or cancelled, or its manager gives it up
	 * @param {unknown} error what came of feeding it
	 */
	lose(session, error) {
		if (session.isOver) return;
		this.#forget(session);
		if (error instanceof SessionClosedError) session.cut(error);
		this.#hasClosed(session, error instanceof SessionClosedError ? error.reason : 'gone');
	}

	/** @param {Session} session */
	#forget({ id, key }) {
		this.#sessions.delete(key);
		this.#native.forget(id, key);
	}

	/**
	 * @param {number} key of a session that Rust has forgotten
	 * @param {SessionCloseReason} reason
	 */
	close(key, reason) {
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		this.#settle(session);
		this.#sessions.delete(key);
		this.#close(session, reason);
	}

	/**
	 * @param {number} key of a session that another thread has had forgotten
	 * @param {'deleted' | 'replaced'} reason
	 */
	closeEvicted(key, reason) {
		this.close(key, reason);
		this.#native.hasClosed(key);
	}

	/**
	 * Forgets and closes a session.
	 *
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	end(session, reason) {
		this.#settle(session);
		this.#forget(session);
		this.#close(session, reason);
	}

	/** Closes all, which Rust has forgotten: more was sent to this thread than it took, and is lost. */
	closeOverflown() {
		const sessions = this.#sessions;
		// A controller that is closed may create sessions, which live.
		this.#sessions = new Map();
		this.#closed.overflow += sessions.size;
		for (const session of sessions.values()) {
			session.close();
			this.#tell(session, 'overflow');
		}
	}

	/** @param {() => void} callback called when all that was sent is in the queues of the streams */
	whenFed(callback) {
		const flush = () => {
			this.#coalescing?.flush();
			callback();
		};
		if (this.#rounds?.isUnderWay) this.#rounds.then(flush);
		else flush();
	}

	/**
	 * Feeds a session what it has still to get.
	 *
	 * @param {Session} session
	 */
	#settle(session) {
		if (this.#rounds?.isUnderWay) this.#rounds.settle(session);
	}

	/**
	 * @param {Session} session one that is forgotten
	 * @param {SessionCloseReason} reason
	 */
	#close(session, reason) {
		// Lost by what it had still to get.
		if (session.isOver) return;
		session.flush();
		if (session.isOver) return;
		session.close();
		this.#hasClosed(session, session.hadEnded ? 'gone' : reason);
	}

	/**
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	#hasClosed(session, reason) {
		this.#closed[reason]++;
		this.#tell(session, reason);
	}

	/**
	 * @param {Session} session one that is gone
	 * @param {SessionCloseReason} reason
	 */
	#tell(session, reason) {
		session.isOver = true;
		if (sessionClosed.hasSubscribers) {
			const { id, key, openedAt } = session;
			const durationMs = openedAt === 0 ? undefined : performance.now() - openedAt;
			sessionClosed.publish({ id, key, reason, durationMs });
		}
		session.policy.hasClosed(session, reason);
	}

	/** @param {number} bytes of a message that was not fed to a session */
	hasDropped(bytes) {
		this.#done.dropped++;
		this.#done.messages--;
		this.#done.bytes -= bytes;
	}
}

/** @param {number} length */
function takeKeys(length) {
	const keys = sharedKeys;
	// A controller that is being fed may send, too: then it gets an array of its own.
	if (keys === undefined || length > LONGEST_SHARED_LIST) return new Float64Array(length);
	sharedKeys = undefined;
	return keys.length < length ? new Float64Array(length * 2) : keys;
}

/** @param {Float64Array} keys */
function giveBackKeys(keys) {
	if (keys.length <= LONGEST_SHARED_LIST * 2) sharedKeys ??= keys;
}
