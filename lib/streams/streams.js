// The sessions of one hub, as one thread sees them.
//
// The registry of sessions is in Rust (`src/hub/`). JavaScript holds what Rust cannot hold cheaply: the controllers of this
// thread's streams.

import { invalidArgument } from '../errors.js';
import { nativeDelivery } from './direct.js';
import { encode } from './encoder.js';
import { LocalStreams } from './local-streams.js';

/** @import { SessionController } from '../../index.js' */
/** @import { NativeStreams } from '../native/binding.js' */
/** @import { Policy } from './policy/policy.js' */
/** @import { Session } from './session.js' */

/** Maximum number of ids in a list whose keys are written to the shared array. A longer list gets an array of its own. */
const MAX_SHARED_LIST = 16_384;

/** Flags that other threads set and this thread reads without a native call (`Flags` in `src/hub/peer.rs`). */
const FLAG = /** @type {const} */ ({
	/** Set while other threads have sessions. */
	OTHERS_HAVE_SESSIONS: 0,
	/** Set while this thread has evicted sessions: others have deleted or replaced them, and their streams are still open. */
	EVICTED: 1,
});

/** The flags in a hub with one thread. */
const NO_OTHER_THREADS = Int32Array.of(0, 0);

/**
 * The array to which Rust writes the keys of a `send`. All managers of the thread share it. It is `undefined` while a
 * `send` uses it.
 *
 * @type {Float64Array | undefined}
 */
let sharedKeys = new Float64Array(64);

export class Streams {
	#native;
	#flags;
	#others;

	/**
	 * @param {NativeStreams} native
	 * @param {Int32Array} flags set by other threads
	 * @param {{ isCatchingUp: boolean, catchUp: () => boolean }} others
	 *   processes messages of other threads; `catchUp` returns true when some may be left
	 */
	constructor(native, flags = NO_OTHER_THREADS, others = { isCatchingUp: false, catchUp: () => false }) {
		this.#native = native;
		this.#flags = flags;
		this.#others = others;
		this.local = new LocalStreams(native);
	}

	/** Number of sessions of all threads. */
	get size() {
		return this.#native.size();
	}

	/** Returns the ids of the sessions of all threads, oldest first. */
	ids() {
		return this.#native.ids();
	}

	/**
	 * Registers a session of this thread. It replaces an older session with the same id.
	 *
	 * @param {string} id
	 * @param {SessionController} controller
	 * @param {Policy} policy
	 */
	create(id, controller, policy) {
		const session = policy.open(id, controller);
		const { maxSessions } = policy;
		const created = maxSessions === Infinity ? this.#native.create(id) : this.#native.create(id, maxSessions);
		if (created === 0) throw this.local.refused(id, policy);
		if (typeof created === 'number') {
			this.local.add(session, created);
			nativeDelivery.adopt?.(session, this);
		} else {
			const [key, replaced] = created;
			this.local.add(session, key);
			nativeDelivery.adopt?.(session, this);
			this.local.close(replaced, 'replaced');
		}
	}

	/**
	 * Makes Rust write the messages of a session from now on. The caller has checked `canBecomeDirect` of `local`, and calls
	 * `makeDirect` there when the result is positive: 1, or 2 when the session has to catch up with messages of other threads.
	 * Returns 0 when the session is removed; -1 when the file descriptor cannot be duplicated.
	 *
	 * @param {Session} session
	 * @param {object} sockets the handle of `NativeSockets`
	 * @param {number} fd of the client's socket
	 * @param {boolean} isChunked true when the body of the response is sent in chunks
	 */
	attachSocket({ id, key, policy }, sockets, fd, isChunked) {
		return this.#native.attachSocket?.(sockets, id, key, fd, policy.socketSettings(isChunked)) ?? 0;
	}

	/**
	 * Deletes a session and closes its stream, also when another thread has it.
	 *
	 * @param {string} id
	 */
	delete(id) {
		if (this.#flags[FLAG.EVICTED] !== 0 && this.#isForOlderStream(id)) return;
		const key = this.#native.remove(id);
		if (key !== 0) this.local.close(key, 'deleted');
	}

	/**
	 * Returns true when a call of `delete` is for an older stream with this id. Another thread has replaced its session, and
	 * the message that closes the stream still waits in the mailbox. When the client cancels that stream, the transport calls
	 * `delete`, which must not delete the newer session.
	 *
	 * @param {string} id
	 */
	#isForOlderStream(id) {
		// Called by a callback while the streams of evicted sessions are being closed: there is nothing to do first.
		if (this.#others.isCatchingUp) return false;
		const keys = this.#native.evictedOf(id);
		if (keys.length === 0) return false;
		const older = keys.map((key) => this.local.get(key));
		const isOpen = () => this.#native.evictedOf(id).some((key) => keys.includes(key));
		// Delivers the messages that were sent to the older sessions, and then closes their streams.
		while (this.#others.catchUp() && isOpen());
		return older.some((session) => session?.hadEnded);
	}

	/**
	 * Closes a session that another thread has deleted or replaced.
	 *
	 * @param {number} key
	 * @param {'deleted' | 'replaced'} reason
	 */
	closeEvicted(key, reason) {
		this.local.close(key, reason);
		this.#native.markClosed(key);
	}

	/** @param {string} id */
	has(id) {
		return this.#native.has(id);
	}

	// The methods that `send` calls are public, because a call of a private method first checks that `this` has the method.
	// The check costs two percent of a message.

	/**
	 * Sends a message to sessions of any thread.
	 *
	 * @param {string[] | null | undefined} ids `null` or `undefined` for all sessions
	 * @param {string} data
	 */
	send(ids, data) {
		if (typeof data !== 'string') throw invalidArgument('send: "data" must be a string', data);
		if (ids == null) {
			this.sendToAll(data);
		} else if (!Array.isArray(ids)) {
			throw invalidArgument('send: "sessions" must be an array of session ids, or undefined for every session', ids);
		} else if (ids.length === 1) {
			this.sendToOne(ids, data);
		} else if (ids.length > 1) {
			this.sendToSome(ids, data);
		}
	}

	/**
	 * Sends to all sessions.
	 *
	 * @param {string} data
	 */
	sendToAll(data) {
		// The conditions save a native call, which would cost a quarter of a message to one session.
		if (this.#flags[FLAG.OTHERS_HAVE_SESSIONS] !== 0 || this.local.hasDirect) this.#native.sendElsewhere(data);
		if (this.local.ordinaryCount === 0) return;
		const chunk = encode(data);
		if (this.#flags[FLAG.EVICTED] === 0) this.local.deliverToAll(chunk);
		else this.local.deliverToAllExcept(new Set(this.#native.evicted()), chunk);
	}

	/**
	 * Sends to one session.
	 *
	 * @param {readonly unknown[]} ids a list of one id
	 * @param {string} data
	 */
	sendToOne(ids, data) {
		const { local } = this;
		const session = local.get(this.#native.routeOne(ids[0], data));
		if (session === undefined) return;
		const before = local.newest;
		local.deliverToOne(session, encode(data));
		// The controller has created a session during its `enqueue`. If that session has the same id, it gets the message too.
		if (local.newest !== before) this.#sendToNewer(ids, data, before);
	}

	/**
	 * Sends to a list of sessions.
	 *
	 * @param {readonly unknown[]} ids
	 * @param {string} data
	 */
	sendToSome(ids, data) {
		const keys = takeKeys(ids.length);
		let before = 0;
		try {
			const count = this.#native.route(ids, data, keys);
			before = this.local.newest;
			if (count > 0) this.local.deliverToSome(keys, count, encode(data));
		} finally {
			giveBackKeys(keys);
		}
		if (this.local.newest !== before) this.#sendToNewer(ids, data, before);
	}

	/**
	 * Sends to the listed sessions that controllers created during this `send`, until they create no more.
	 *
	 * @param {readonly unknown[]} ids
	 * @param {string} data
	 * @param {number} after only sessions with a higher key
	 */
	#sendToNewer(ids, data, after) {
		const keys = takeKeys(ids.length);
		const chunk = encode(data);
		try {
			for (let newest = after; ; after = newest) {
				// Without a text, because the other threads have the message already.
				const count = this.#native.route(ids, undefined, keys);
				newest = this.local.newest;
				this.local.deliverToSome(keys, count, chunk, after);
				if (this.local.newest === newest) return;
			}
		} finally {
			giveBackKeys(keys);
		}
	}
}

/**
 * Returns an array for the keys of a `send`.
 *
 * @param {number} length
 */
function takeKeys(length) {
	const keys = sharedKeys;
	// A `send` that a controller makes during its `enqueue` gets an array of its own.
	if (keys === undefined || length > MAX_SHARED_LIST) return new Float64Array(length);
	sharedKeys = undefined;
	return keys.length < length ? new Float64Array(length * 2) : keys;
}

/**
 * Makes an array available for the next `send`.
 *
 * @param {Float64Array} keys
 */
function giveBackKeys(keys) {
	if (keys.length <= MAX_SHARED_LIST * 2) sharedKeys ??= keys;
}
