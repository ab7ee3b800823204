// The direct sockets of this thread, by the key of their session. Rust reports what happens on them.

import { withoutContext } from '../util/async-context.js';
import { callAndReport, errorCode } from './errors.js';

/** @import { NativeSockets } from '../native/binding.js' */
/** @import { DirectSocket } from './direct-socket.js' */

/** Kinds of events (`src/binding/sockets.rs`). */
const EVENT = /** @type {const} */ ({ PAUSED: 1, FAILED: 3, SLOW: 4, DEAD: 5, DROPPED: 6 });

/** Maximum number of events that are read in one call, and their table: kind, key and value of each. */
const EVENTS_PER_READ = 256;
const table = new Float64Array(3 * EVENTS_PER_READ);

/**
 * What becomes of a session because of its socket.
 *
 * @typedef {object} DirectSession
 * @property {DirectSocket} socket
 * @property {(reason: 'slow' | 'dead') => void} terminate
 * @property {(bytes: number) => void} dropped
 */

export class ThreadSockets {
	/** @type {NativeSockets} */
	native;
	/** @type {Map<number, DirectSession>} */
	#sessions = new Map();

	/**
	 * @param {(writers: number, wake: () => void) => NativeSockets} open
	 * @param {number} writers number of writer threads of the process
	 */
	constructor(open, writers) {
		// Native code calls the function in the context of this call.
		this.native = withoutContext(() => open(writers, () => this.#read()));
		process.once('exit', () => this.#leave());
	}

	/** Sends what the operating system takes, because the writers end with the process. From then on, Node.js writes. */
	#leave() {
		const writes = [...this.#sessions.values()].map(({ socket }) => socket.letGo());
		this.native.leave();
		for (const write of writes) write();
	}

	/** Number of direct sessions of this thread. */
	get count() {
		return this.#sessions.size;
	}

	/**
	 * @param {number} key
	 * @param {DirectSession} session
	 */
	add(key, session) {
		this.#sessions.set(key, session);
	}

	/** @param {number} key */
	remove(key) {
		this.#sessions.delete(key);
	}

	/** Reads the events that Rust has reported. It does not call again before all of them are read. */
	#read() {
		for (;;) {
			const count = this.native.events(table);
			if (count === 0) return;
			for (let at = 0; at < 3 * count; at += 3) {
				const [kind, key, value] = table.subarray(at, at + 3);
				callAndReport(() => this.#handle(kind, key, value));
			}
		}
	}

	/**
	 * @param {number} kind
	 * @param {number} key
	 * @param {number} value
	 */
	#handle(kind, key, value) {
		const session = this.#sessions.get(key);
		if (session === undefined) return;
		if (kind === EVENT.PAUSED) session.socket.paused();
		else if (kind === EVENT.FAILED) session.socket.failed(errorCode(value));
		else if (kind === EVENT.SLOW) session.terminate('slow');
		else if (kind === EVENT.DEAD) session.terminate('dead');
		else if (kind === EVENT.DROPPED) session.dropped(value);
	}
}
