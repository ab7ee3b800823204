// Creates and drops scopes, each with two managers and their sessions. Run it with --expose-gc and the number of scopes.

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { measureMemory } from '../support/memory.js';

const controller = { enqueue() {}, close() {} };
let scopes = 0;

await measureMemory(() => {
	const scope = `scope ${scopes++}`;
	return ['first', 'second'].map((name) => {
		const manager = new InMemoryStreamSessionManager({ scope });
		for (let session = 0; session < 5; session++) manager.create(`${name} ${session}`, controller);
		manager.send(['first 1', `${name} 3`], 'text');
		manager.delete('first 1');
		return manager;
	});
});
