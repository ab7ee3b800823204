// Leaves the sessions of a scope open, in the main thread and in a worker, and ends when no other work is left. As the worker of
// a test, it uses the scope of the test.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

const manager = new InMemoryStreamSessionManager({ scope: workerData ?? 'of the main thread and its worker' });
const where = isMainThread ? 'main' : 'worker';
for (let n = 0; n < 1_000; n++) {
	new ReadableStream({ start: (controller) => manager.create(`${where} ${n}`, controller) });
}
manager.send(undefined, 'text');

// Keeps the manager from being collected.
process.on('exit', () => manager.size);

if (isMainThread) {
	const worker = new Worker(new URL(import.meta.url), { workerData: 'of the main thread and its worker' });
	worker.once('exit', (code) => console.log(`the worker ended with ${code}`));
	worker.once('message', (all) => {
		manager.send(undefined, 'to the worker as well');
		console.log(`${all} sessions are open`);
		worker.postMessage('seen');
	});
	process.on('exit', () => console.log(`${manager.size} sessions are left`));
} else {
	// Keeps the worker alive until the main thread has seen its sessions.
	parentPort?.once('message', () => {});
	parentPort?.postMessage(manager.size);
}
