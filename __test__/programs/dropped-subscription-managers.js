// Creates and drops subscription managers with registrations. Run it with --expose-gc and the number of managers.

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { printMemory } from '../support/memory.js';

// Large enough that 10,000 leaked copies in native memory would show.
const long = 'x'.repeat(30_000);
const callbacks = { acknowledge() {}, send() {}, close() {} };

await printMemory(() => {
	const manager = new InMemorySubscriptionManager();
	for (let id = 0; id < 5; id++) {
		const filters = { toolsListChanged: true, resourceSubscriptions: id === 0 ? [long] : [`file:///${id}`] };
		manager.create({ id, origin: 'origin', filters }, callbacks);
	}
	manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
	manager.close(1, 'origin', 'closed');
});
