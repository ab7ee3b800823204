// A thread whose `onClose` calls `delete`. It reports the nanoseconds from the first end of a session to the
// last one.

import { parentPort, workerData } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { startClock } from './clock.mjs';

const { scope, size } = workerData;
let closed = 0;
let nsSince = startClock();
const manager = new InMemoryStreamSessionManager({
	scope,
	onClose(id) {
		if (closed++ === 0) nsSince = startClock();
		manager.delete(id);
		if (closed === size) parentPort?.postMessage(nsSince());
	},
});
for (let id = 0; id < size; id++) manager.create(`${id}`, { enqueue() {}, close() {} });
parentPort?.on('message', () => {});
parentPort?.postMessage('ready');
