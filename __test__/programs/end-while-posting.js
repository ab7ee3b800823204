// Ends the main thread at a random moment while it and its workers send to each other without pause: with process.exit(7), or by
// an uncaught error.

import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

const manager = new InMemoryStreamSessionManager({ scope: 'ends' });
const controller = { enqueue() {}, close() {} };

if (isMainThread) {
	const workers = Array.from({ length: 3 }, () => new Worker(new URL(import.meta.url)));
	await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
	const last = Math.floor(Math.random() * 2_000);
	await post(last);
	if (process.argv[2] === 'exit') process.exit(7);
	// Outside of any promise.
	setImmediate(() => {
		throw new Error('nobody catches this');
	});
	await post(Infinity);
} else {
	parentPort?.postMessage('here');
	await post(Infinity);
}

/** @param {number} count */
async function post(count) {
	for (let n = 0; n < count; n++) {
		if (n % 10 === 0) manager.create(`session ${n % 100}`, controller);
		manager.send(n % 2 === 0 ? undefined : [`session ${n % 90}`, `session ${n % 70}`], 'text');
		if (n % 100 === 99) await turn();
	}
}
