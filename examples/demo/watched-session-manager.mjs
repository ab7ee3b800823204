// The manager of the open streams, and word of what happens to it: the demo waits for that, where it would have to sleep.
// What is imported as `@tmcp/session-manager` is ours, by the `overrides` in package.json.

import { EventEmitter, once } from 'node:events';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';

export class WatchedSessionManager extends InMemoryStreamSessionManager {
	/** Calls of `send` so far. */
	sent = 0;
	#changes = new EventEmitter();

	/** Resolves as soon as the condition holds. */
	async until(/** @type {() => boolean} */ condition) {
		while (!condition()) await once(this.#changes, 'change');
	}

	/** @type {InMemoryStreamSessionManager['create']} */
	create(id, controller) {
		super.create(id, controller);
		this.#changes.emit('change');
	}

	/** @type {InMemoryStreamSessionManager['delete']} */
	delete(id) {
		super.delete(id);
		this.#changes.emit('change');
	}

	/** @type {InMemoryStreamSessionManager['send']} */
	send(sessions, data) {
		super.send(sessions, data);
		this.sent++;
		this.#changes.emit('change');
	}
}
