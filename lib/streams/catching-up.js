// Direct sessions that are catching up: messages that other threads sent before still wait in the mailbox of this thread, or
// are being processed. These still go through the streams. Rust holds the later ones until the adapters have written them.

/** @import { Session } from './session.js' */
/** @import { Streams } from './streams.js' */

export class CatchingUp {
	/**
	 * A session that is closed meanwhile stays here. `streams` keeps the mailbox from being garbage collected.
	 *
	 * @type {Map<number, { session: Session, streams: Streams }>}
	 */
	#sessions = new Map();

	/** Number of sessions. */
	get size() {
		return this.#sessions.size;
	}

	/**
	 * @param {Session} session
	 * @param {Streams} streams
	 */
	add(session, streams) {
		this.#sessions.set(session.key, { session, streams });
	}

	/** @param {number} key */
	get(key) {
		return this.#sessions.get(key)?.session;
	}

	/**
	 * Returns the sessions with a key of at most `last`.
	 *
	 * @param {number} last
	 */
	upTo(last) {
		return [...this.#sessions.values()].map(({ session }) => session).filter(({ key }) => key <= last);
	}

	/**
	 * Records that a session has got the last one of these messages.
	 *
	 * @param {number} key of a session that may no longer exist
	 */
	caughtUp(key) {
		const session = this.get(key);
		this.#sessions.delete(key);
		session?.socket?.caughtUp();
	}

	/**
	 * Records that a session does not get the rest of these messages. It gets no later ones either, because a stream must not
	 * continue after a gap.
	 *
	 * @param {Session} session that is removed from the registry in Rust, and that may have caught up
	 */
	missed({ key, socket }) {
		if (this.#sessions.delete(key)) socket?.missed();
	}
}
