// Sends to a worker that does not keep the process alive, and awaits flush() as its last call.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

const manager = new InMemoryStreamSessionManager({ scope: 'flush' });

if (isMainThread) {
	const received = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(new URL(import.meta.url), { workerData: received });
	await new Promise((resolve) => worker.once('message', resolve));
	worker.unref();
	for (let n = 0; n < 100; n++) manager.send(['a'], 'x');
	await manager.flush();
	console.log(`flushed: ${received[0]} of 100`);
} else {
	manager.create('a', { enqueue: () => Atomics.add(workerData, 0, 1), close() {} });
	// Keeps the worker and its manager until the process ends.
	setInterval(() => manager.size, 60_000);
	parentPort?.postMessage('open');
}
