// A stream manager that reports its calls, so that the demo can wait for them and need not sleep. The `overrides` in
// package.json make `@tmcp/session-manager` this package.

import { EventEmitter, once } from 'node:events';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';

export class WatchedSessionManager extends InMemoryStreamSessionManager {
	/** Number of calls of `send`. */
	sent = 0;
	#changes = new EventEmitter();

	/** Resolves when the condition is true. */
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
