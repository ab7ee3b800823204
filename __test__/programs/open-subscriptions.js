// Leaves its registrations open, one of them never acknowledged, and ends when no other work is left.

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

const manager = new InMemorySubscriptionManager();
let delivered = 0;
const callbacks = {
	acknowledge() {},
	send() {
		delivered++;
	},
	close() {},
};
const filters = { toolsListChanged: true };
for (let id = 0; id < 1_000; id++) manager.create({ id, origin: 'origin', filters }, callbacks);
manager.create({ id: 'never', origin: 'origin', filters }, { ...callbacks, acknowledge: () => new Promise(() => {}) });
manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
process.on('exit', () => console.log(`${delivered} registrations open`));
