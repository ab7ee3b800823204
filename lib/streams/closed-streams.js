// The streams of a closed manager: it has no sessions, and calls do nothing. It replaces `Streams`, so that an open manager
// does not check in each call if it is closed.

/** @import { LocalStreams } from './local-streams.js' */

export class ClosedStreams {
	#streams;

	/** @param {{ local: LocalStreams, size: number, ids: () => string[] }} streams of the manager while it was open */
	constructor(streams) {
		this.#streams = streams;
		this.local = streams.local;
	}

	/** Number of sessions that other managers have. */
	get size() {
		return this.#streams.size;
	}

	/** Returns the ids of the sessions that other managers have. */
	ids() {
		return this.#streams.ids();
	}

	create() {}

	delete() {}

	has() {
		return false;
	}

	send() {}
}
