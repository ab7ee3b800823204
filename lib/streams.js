// The streams of the sessions of this thread, in one hub.
//
// Who the sessions are stands in Rust (`src/hub.rs`). Here is only what Rust cannot hold cheaply: the stream controllers,
// by key. A key is never used twice, so that a message for a session that is gone finds nothing.

import { encode } from './encoder.js';
import { Session } from './session.js';

/** @import { SessionController } from '../index.js' */
/** @import { NativeStreams } from './native.js' */

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

	/** How many sessions this thread has. */
	get count() {
		return this.#sessions.size;
	}

	/** How many sessions all threads have. */
	get size() {
		return this.#native.size();
	}

	/** The ids of all threads' sessions, oldest first. */
	ids() {
		return this.#native.ids();
	}

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 * @param {boolean} pool
	 */
	create(id, controller, pool) {
		const session = new Session(id, controller, pool);
		const created = this.#native.create(id);
		const [key, replaced] = typeof created === 'number' ? [created, 0] : created;
		this.#newest = key;
		session.key = key;
		this.#sessions.set(key, session);
		if (replaced !== 0) this.close(replaced);
	}

	/** @param {string} id */
	delete(id) {
		if (this.#signs[SIGN.EVICTED] !== 0 && this.#isCancelled(id)) return;
		const key = this.#native.remove(id);
		if (key !== 0) this.close(key);
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

	/** @param {string} data */
	sendToAll(data) {
		// Without a call where there are none: it would cost a quarter of a message to one session.
		if (this.#signs[SIGN.OTHERS_HAVE_SESSIONS] !== 0) this.#native.sendElsewhere(data);
		if (this.#sessions.size === 0) return;
		const chunk = encode(data);
		if (this.#signs[SIGN.EVICTED] !== 0) this.#feedAllBut(this.#native.evicted(), chunk);
		else this.#feedAll(chunk);
	}

	/** @param {Uint8Array<ArrayBuffer>} chunk */
	#feedAll(chunk) {
		// A Map's iterator goes along with changes: a session deleted meanwhile is not visited, one created meanwhile is.
		for (const session of this.#sessions.values()) this.#feed(session, chunk);
	}

	/**
	 * @param {number[]} evicted keys of sessions that are no more, and whose streams are open until what was sent to them
	 *   before is in them
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#feedAllBut(evicted, chunk) {
		const gone = new Set(evicted);
		for (const session of this.#sessions.values()) {
			if (!gone.has(session.key)) this.#feed(session, chunk);
		}
	}

	/**
	 * @param {readonly unknown[]} ids a list of one
	 * @param {string} data
	 */
	sendToOne(ids, data) {
		const key = this.#native.routeOne(ids[0], data);
		const before = this.#newest;
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		this.#feed(session, encode(data));
		// The controller created a session while it was fed. Perhaps it is one of ours.
		if (this.#newest !== before) this.#sendOn(ids, data, before);
	}

	/**
	 * @param {readonly unknown[]} ids
	 * @param {string} data
	 */
	sendToSome(ids, data) {
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
		if (session !== undefined) this.#feedOrLose(session, chunk);
	}

	/**
	 * @param {number} last feeds the sessions that were created until this one was
	 * @param {Uint8Array<ArrayBuffer> | undefined} chunk nothing where it was lost
	 */
	feedUntil(last, chunk) {
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
	}

	/**
	 * @param {Session} session
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#feed(session, chunk) {
		try {
			session.feed(chunk);
		} catch {
			// Closed, errored or cancelled: the session is gone, and the others still get the message.
			this.#forget(session);
		}
	}

	/** @param {Session} session */
	#forget({ id, key }) {
		this.#sessions.delete(key);
		this.#native.forget(id, key);
	}

	/** @param {number} key of a session that Rust has forgotten */
	close(key) {
		const session = this.#sessions.get(key);
		this.#sessions.delete(key);
		session?.close();
	}

	/** @param {number} key of a session that another thread has had forgotten */
	closeEvicted(key) {
		this.close(key);
		this.#native.hasClosed(key);
	}

	/** Forgets and closes all of this thread. */
	deleteAll() {
		for (const session of this.#sessions.values()) this.#native.forget(session.id, session.key);
		this.closeAll();
	}

	/** Closes all, which Rust has forgotten. */
	closeAll() {
		const sessions = this.#sessions;
		// A controller that is closed may create sessions, which live.
		this.#sessions = new Map();
		for (const session of sessions.values()) session.close();
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
