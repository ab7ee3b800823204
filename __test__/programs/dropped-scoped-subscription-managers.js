// Creates and drops scopes, each with two subscription managers and their registrations. Run it with --expose-gc and the number
// of scopes.

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { measureMemory } from '../support/memory.js';

const callbacks = { acknowledge() {}, send() {}, close() {} };
const filters = { toolsListChanged: true, resourceSubscriptions: ['file:///a'] };
let scopes = 0;

await measureMemory(() => {
	const scope = `scope ${scopes++}`;
	return ['first', 'second'].map((origin) => {
		const manager = new InMemorySubscriptionManager({ scope });
		for (let id = 0; id < 5; id++) manager.create({ id, origin, filters }, callbacks);
		manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
		manager.close(1, origin, 'closed');
		return manager;
	});
});
