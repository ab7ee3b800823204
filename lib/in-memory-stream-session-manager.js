// The streams of the sessions of this process, fed by this thread.
//
// Who the sessions are stands in Rust (`src/hub.rs`). Here is only what Rust cannot hold cheaply: the stream controllers,
// by key. A key is never used twice, so that a message for a session that is gone finds nothing.

import { whenCollected } from './collected.js';
import { encode } from './encoder.js';
import { invalidArgument } from './errors.js';
import { openHub } from './native.js';
import { streamOptions } from './options.js';
import { checkSession, Session } from './session.js';
import { StreamSessionManager } from './stream-session-manager.js';

/** @import { SessionController, StreamSessionManagerOptions } from '../index.js' */

/** Lists of up to this length are routed through one array that all managers of the thread use. */
const LONGEST_SHARED_LIST = 16_384;

/** @type {Float64Array | undefined} the array, while no `send` is using it */
let sharedKeys = new Float64Array(64);

export class InMemoryStreamSessionManager extends StreamSessionManager {
	#hub = openHub();
	/** @type {Map<number, Session>} in the order of their keys, which is the order they were created in */
	#sessions = new Map();
	/** The key of the session created last. */
	#newest = 0;
	#pool;

	/** @param {StreamSessionManagerOptions} [options] */
	constructor(options) {
		super();
		this.#pool = streamOptions(options, new.target.name).pool;
		whenCollected(this, this.#hub.leave);
	}

	/** How many sessions there are. */
	get size() {
		return this.#hub.size();
	}

	/** The ids of all sessions, oldest first. */
	ids() {
		return this.#hub.ids();
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {SessionController} controller
	 * @returns {void}
	 */
	create(id, controller) {
		checkSession(id, controller);
		const session = new Session(id, controller, this.#pool);
		const created = this.#hub.create(id);
		const [key, replaced] = typeof created === 'number' ? [created, 0] : created;
		this.#newest = key;
		session.key = key;
		this.#sessions.set(key, session);
		if (replaced !== 0) this.#close(replaced);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {void}
	 */
	delete(id) {
		const key = this.#hub.remove(id);
		if (key !== 0) this.#close(key);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<boolean>}
	 */
	async has(id) {
		return this.#hub.has(id);
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
			this.#sendToAll(data);
		} else if (!Array.isArray(sessions)) {
			throw invalidArgument(
				'send: "sessions" must be an array of session ids, or undefined for every session',
				sessions,
			);
		} else if (sessions.length === 1) {
			this.#sendToOne(sessions, data);
		} else if (sessions.length > 1) {
			this.#sendToSome(sessions, data, 0);
		}
	}

	/** @param {string} data */
	#sendToAll(data) {
		if (this.#sessions.size === 0) return;
		const chunk = encode(data);
		// A Map's iterator goes along with changes: a session deleted meanwhile is not visited, one created meanwhile is.
		for (const session of this.#sessions.values()) this.#feed(session, chunk);
	}

	/**
	 * @param {readonly unknown[]} ids a list of one
	 * @param {string} data
	 */
	#sendToOne(ids, data) {
		const key = this.#hub.routeOne(ids[0], data);
		const before = this.#newest;
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		this.#feed(session, encode(data));
		// The controller created a session while it was fed. Perhaps it is one of ours.
		if (this.#newest !== before) this.#sendToSome(ids, data, before);
	}

	/**
	 * @param {readonly unknown[]} ids
	 * @param {string} data
	 * @param {number} after only sessions with a later key
	 */
	#sendToSome(ids, data, after) {
		const keys = takeKeys(ids.length);
		let chunk;
		try {
			// Again, as long as controllers that are fed create sessions that may be among ours.
			for (let newest = after; ; after = newest) {
				const count = this.#hub.route(ids, data, keys);
				newest = this.#newest;
				for (let index = 0; index < count; index++) {
					const key = keys[index];
					const session = key > after ? this.#sessions.get(key) : undefined;
					// Deleted by a controller that was fed before it.
					if (session === undefined) continue;
					chunk ??= encode(data);
					this.#feed(session, chunk);
				}
				if (this.#newest === newest) return;
			}
		} finally {
			giveBackKeys(keys);
		}
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
			this.#sessions.delete(session.key);
			this.#hub.forget(session.id, session.key);
		}
	}

	/** @param {number} key */
	#close(key) {
		const session = this.#sessions.get(key);
		this.#sessions.delete(key);
		session?.close();
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
