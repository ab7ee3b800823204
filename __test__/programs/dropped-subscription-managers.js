// Creates and drops subscription managers with registrations. Run it with --expose-gc and the number of managers.

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { measureMemory } from '../support/memory.js';

// A leak of one copy of it exceeds the limit.
const long = 'x'.repeat(2_000);
const callbacks = { acknowledge() {}, send() {}, close() {} };

await measureMemory(() => {
	const manager = new InMemorySubscriptionManager();
	for (let id = 0; id < 5; id++) {
		const filters = { toolsListChanged: true, resourceSubscriptions: id === 0 ? [long] : [`file:///${id}`] };
		manager.create({ id, origin: 'origin', filters }, callbacks);
	}
	manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
	manager.close(1, 'origin', 'closed');
	return [manager];
});
