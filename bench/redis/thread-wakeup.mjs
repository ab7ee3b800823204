// The minimum cost of passing work to another thread: `send` wakes a sleeping thread that has nothing to do. This module is
// both the sender, in place of a manager, and the thread.

import { isMainThread, Worker, workerData } from 'node:worker_threads';

if (!isMainThread) {
	const counter = new Int32Array(workerData);
	for (;;) Atomics.wait(counter, 0, Atomics.load(counter, 0));
}

export function wakingManager() {
	const counter = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
	new Worker(new URL(import.meta.url), { workerData: counter.buffer }).unref();
	return {
		create() {},
		delete() {},
		has: async () => false,
		send() {
			Atomics.add(counter, 0, 1);
			Atomics.notify(counter, 0);
		},
	};
}
