// Sends to a worker that keeps no process alive, and waits for the flush as its last deed.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

const manager = new InMemoryStreamSessionManager({ scope: 'flush' });

if (isMainThread) {
	const fed = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(new URL(import.meta.url), { workerData: fed });
	await new Promise((resolve) => worker.once('message', resolve));
	worker.unref();
	for (let n = 0; n < 100; n++) manager.send(['a'], 'x');
	await manager.flush();
	console.log(`flushed: ${fed[0]} of 100`);
} else {
	manager.create('a', { enqueue: () => Atomics.add(workerData, 0, 1), close() {} });
	// Lives as long as the process, and its manager with it.
	setInterval(() => manager.size, 60_000);
	parentPort?.postMessage('open');
}
