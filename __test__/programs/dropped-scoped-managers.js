// Creates and drops managers with scopes and sessions. Run it with --expose-gc and the number of managers.

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { printMemory } from '../support/memory.js';

const controller = { enqueue() {}, close() {} };
let scopes = 0;

await printMemory(() => {
	// Two managers for each scope, so that they share it.
	const manager = new InMemoryStreamSessionManager({ scope: `scope ${scopes++ >> 1}` });
	for (let session = 0; session < 5; session++) manager.create(`session ${session}`, controller);
	manager.send(['session 1', 'session 3'], 'text');
	manager.delete('session 1');
});
