// Creates and drops managers with sessions. Run it with --expose-gc and the number of managers.

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { measureMemory } from '../support/memory.js';

const controller = { enqueue() {}, close() {} };

await measureMemory(() => {
	const manager = new InMemoryStreamSessionManager();
	for (let session = 0; session < 5; session++) manager.create(`session ${session}`, controller);
	manager.send(['session 1', 'session 3'], 'text');
	manager.delete('session 1');
	return [manager];
});
