// Creates and drops subscription managers with scopes and registrations. Run it with --expose-gc and the number of managers.

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { printMemory } from '../support/memory.js';

const callbacks = { acknowledge() {}, send() {}, close() {} };
const filters = { toolsListChanged: true, resourceSubscriptions: ['file:///a'] };
let managers = 0;

await printMemory(() => {
	// Two managers for each scope, so that they share it.
	const manager = new InMemorySubscriptionManager({ scope: `scope ${managers >> 1}` });
	const origin = `origin ${managers++ % 2}`;
	for (let id = 0; id < 5; id++) manager.create({ id, origin, filters }, callbacks);
	manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
	manager.close(1, origin, 'closed');
});
