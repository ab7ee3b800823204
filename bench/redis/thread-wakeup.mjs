// The least that handing something to another thread takes: `send` wakes one that sleeps, which has nothing to do. Both the
// sender, in place of a manager, and the thread.

import { isMainThread, Worker, workerData } from 'node:worker_threads';

if (!isMainThread) {
	const bell = new Int32Array(workerData);
	for (;;) Atomics.wait(bell, 0, Atomics.load(bell, 0));
}

export function wakingManager() {
	const bell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
	new Worker(new URL(import.meta.url), { workerData: bell.buffer }).unref();
	return {
		create() {},
		delete() {},
		has: async () => false,
		send() {
			Atomics.add(bell, 0, 1);
			Atomics.notify(bell, 0);
		},
	};
}
