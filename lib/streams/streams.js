// The streams of the sessions of one hub, as this thread sees them.
//
// Who the sessions are stands in Rust (`src/hub.rs`). Here is only what Rust cannot hold cheaply: the controllers of this
// thread's streams.

import { invalidArgument, SessionLimitError } from '../errors.js';
import { encode } from './encoder.js';
import { LocalStreams } from './local-streams.js';

/** @import { SessionController } from '../../index.js' */
/** @import { NativeStreams } from '../native/binding.js' */
/** @import { Policy } from './policy/policy.js' */

/** Lists of up to this length are routed through one array that all managers of the thread use. */
const LONGEST_SHARED_LIST = 16_384;

/** What other threads tell without a call. */
const FLAG = /** @type {const} */ ({
	/** Whether they have sessions. */
	OTHERS_HAVE_SESSIONS: 0,
	/** Whether they have deleted or replaced sessions of this thread that are not closed yet. */
	EVICTED: 1,
});

/** Of a hub with one thread. */
const NO_OTHER_THREADS = Int32Array.of(0, 0);

/** @type {Float64Array | undefined} the array, while no `send` is using it */
let sharedKeys = new Float64Array(64);

export class Streams {
	#native;
	#flags;
	#catchUp;

	/**
	 * @param {NativeStreams} native
	 * @param {Int32Array} flags written by other threads
	 * @param {() => void} catchUp deals with what these have left
	 */
	constructor(native, flags = NO_OTHER_THREADS, catchUp = () => {}) {
		this.#native = native;
		this.#flags = flags;
		this.#catchUp = catchUp;
		this.local = new LocalStreams(native.forget);
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
	 * @param {Policy} policy
	 */
	create(id, controller, policy) {
		const session = policy.open(id, controller);
		const { maxSessions } = policy;
		const created = maxSessions === Infinity ? this.#native.create(id) : this.#native.create(id, maxSessions);
		if (created === 0) throw new SessionLimitError(maxSessions);
		if (typeof created === 'number') {
			this.local.add(session, created);
		} else {
			const [key, replaced] = created;
			this.local.add(session, key);
			this.local.close(replaced, 'replaced');
		}
	}

	/** @param {string} id */
	delete(id) {
		if (this.#flags[FLAG.EVICTED] !== 0 && this.#isCancelled(id)) return;
		const key = this.#native.remove(id);
		if (key !== 0) this.local.close(key, 'deleted');
	}

	/**
	 * Whether it is the `cancel` of an older stream that deletes: one that another thread has replaced, and whose end is
	 * still in the mailbox. That its client has left must not end the newer one.
	 *
	 * @param {string} id
	 */
	#isCancelled(id) {
		const older = this.#native.evicted().map((key) => this.local.get(key));
		const streams = older.filter((session) => session?.id === id);
		if (streams.length === 0) return false;
		// Closes them, behind what was sent to them.
		this.#catchUp();
		return streams.some((session) => session?.hadEnded);
	}

	/**
	 * @param {number} key of a session that another thread has had forgotten
	 * @param {'deleted' | 'replaced'} reason
	 */
	closeEvicted(key, reason) {
		this.local.close(key, reason);
		this.#native.hasClosed(key);
	}

	/** @param {string} id */
	has(id) {
		return this.#native.has(id);
	}

	// What this calls is not private: a call of what is asks `this` each time whether it has it, for two percent of a message.

	/**
	 * @param {string[] | null | undefined} ids all sessions where it is nothing
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

	/** @param {string} data */
	sendToAll(data) {
		// Without a call where there are none: it would cost a quarter of a message to one session.
		if (this.#flags[FLAG.OTHERS_HAVE_SESSIONS] !== 0) this.#native.sendElsewhere(data);
		if (this.local.count === 0) return;
		const chunk = encode(data);
		if (this.#flags[FLAG.EVICTED] === 0) this.local.deliverToAll(chunk);
		else this.local.deliverToAllExcept(new Set(this.#native.evicted()), chunk);
	}

	/**
	 * @param {readonly unknown[]} ids a list of one
	 * @param {string} data
	 */
	sendToOne(ids, data) {
		const { local } = this;
		const session = local.get(this.#native.routeOne(ids[0], data));
		if (session === undefined) return;
		const before = local.newest;
		local.deliverToOne(session, encode(data));
		// The controller created a session while it was fed. Perhaps it is one of ours.
		if (local.newest !== before) this.#sendOn(ids, data, before);
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
			before = this.local.newest;
			if (count > 0) this.local.deliverToSome(keys, count, encode(data));
		} finally {
			giveBackKeys(keys);
		}
		if (this.local.newest !== before) this.#sendOn(ids, data, before);
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
				newest = this.local.newest;
				this.local.deliverToSome(keys, count, chunk, after);
				if (this.local.newest === newest) return;
			}
		} finally {
			giveBackKeys(keys);
		}
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
