// Makes and drops managers with sessions in them, and prints how much memory the process has after each tenth of them.
// Run with --expose-gc and the number of managers.

import { setImmediate as turn } from 'node:timers/promises';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

const managers = Number(process.argv[2]);
const controller = { enqueue() {}, close() {} };

for (let tenth = 0; tenth < 10; tenth++) {
	for (let hundred = 0; hundred < managers / 1000; hundred++) {
		for (let n = 0; n < 100; n++) {
			const manager = new InMemoryStreamSessionManager();
			for (let session = 0; session < 5; session++) manager.create(`session ${session}`, controller);
			manager.send(['session 1', 'session 3'], 'text');
			manager.delete('session 1');
		}
		// Native functions are freed after a collection, in a turn of the event loop.
		await turn();
	}
	for (let n = 0; n < 5; n++) {
		globalThis.gc?.();
		await turn();
	}
	const { rss, heapUsed, external } = process.memoryUsage();
	console.log(JSON.stringify({ rss, heap: heapUsed + external }));
}
