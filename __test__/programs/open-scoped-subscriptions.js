// Leaves the registrations of a scope open, in the main thread and in a worker, with callbacks that never settle, and ends when
// no other work is left. As the worker of a test, it uses the scope of the test.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { outcome } from '../support/threads/outcome.js';

/** @type {{ scope: string, asked: Int32Array }} */
const { scope, asked } = workerData ?? {
	scope: 'of the main thread and its worker',
	asked: new Int32Array(new SharedArrayBuffer(4)),
};
const manager = new InMemorySubscriptionManager({ scope });
const origin = isMainThread ? 'main' : 'worker';
const filters = { toolsListChanged: isMainThread, promptsListChanged: !isMainThread };
const never = () => /** @type {Promise<void>} */ (new Promise(() => {}));
const callbacks = { acknowledge() {}, send: never, close: never };
for (let id = 0; id < 1_000; id++) await manager.create({ id, origin, filters }, callbacks);
manager.create({ id: 'never', origin, filters }, { ...callbacks, acknowledge: never });

if (isMainThread) {
	const seen = /** @type {{ code?: number, settled?: unknown[] }} */ ({});
	const worker = new Worker(new URL(import.meta.url), { workerData: { scope, asked } });
	worker.once('exit', (code) => {
		seen.code = code;
	});
	worker.once('message', async () => {
		const settled = [
			outcome(manager.send({ jsonrpc: '2.0', method: 'notifications/prompts/list_changed' })),
			outcome(manager.close(1, 'worker', 'closed')),
			outcome(manager.closeAll('worker')),
		];
		Atomics.store(asked, 0, 1);
		Atomics.notify(asked, 0);
		// The worker has no work left, and ends. The interval keeps this thread alive until the calls have settled.
		const hold = setInterval(() => {}, 60_000);
		seen.settled = await Promise.all(settled);
		clearInterval(hold);
		// This send never settles: its own callback hangs.
		manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
	});
	process.on('exit', () => console.log(JSON.stringify(seen)));
} else {
	manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
	parentPort?.postMessage('open');
	Atomics.wait(asked, 0, 0);
}
