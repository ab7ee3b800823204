// Leaves its sessions open, and ends when no other work is left.

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

const manager = new InMemoryStreamSessionManager();
for (let n = 0; n < 1_000; n++) {
	new ReadableStream({ start: (controller) => manager.create(`session ${n}`, controller) });
}
manager.send(undefined, 'text');
process.on('exit', () => console.log(`${manager.size} sessions open`));
