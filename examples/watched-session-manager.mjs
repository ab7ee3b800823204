// Our session manager, and word of what happens to it: the demo waits for that, where it would have to sleep.

import { EventEmitter, once } from 'node:events';
import { InMemorySessionManager } from '@tmcp-native/session-manager';

export class WatchedSessionManager extends InMemorySessionManager {
	/** Calls of `send` so far. */
	sent = 0;
	#changes = new EventEmitter();

	/** Resolves as soon as the condition holds. */
	async until(/** @type {() => boolean} */ condition) {
		while (!condition()) await once(this.#changes, 'change');
	}

	/** @type {InMemorySessionManager['create']} */
	create(id, controller) {
		super.create(id, controller);
		this.#changes.emit('change');
	}

	/** @type {InMemorySessionManager['delete']} */
	delete(id) {
		super.delete(id);
		this.#changes.emit('change');
	}

	/** @type {InMemorySessionManager['send']} */
	send(sessions, data) {
		super.send(sessions, data);
		this.sent++;
		this.#changes.emit('change');
	}
}
