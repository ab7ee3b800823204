// Terminates worker threads while their streams are written to, and prints how many file descriptors are open before and
// after.

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { RawClient } from '../support/raw-client.js';
import { until, within } from '../support/until.js';
import { pathOf } from '../support/web-app.js';

const CLIENTS = 40;
const WORKERS = 5;

const fds = () => readdirSync('/proc/self/fd').length;

/** Runs a worker until all its streams are direct and messages are on their way. Returns the number of streams it has cut. */
async function terminateWorker() {
	const worker = new Worker(new URL('./serve.js', import.meta.url));
	const [{ port }] = await once(worker, 'message');
	const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(port)));
	const responses = clients.map((client, index) => client.request(pathOf(`session ${index}`)));
	let direct = 0;
	worker.on('message', (state) => {
		direct = state.direct;
	});
	worker.postMessage('send');
	await until(() => direct === CLIENTS, `${CLIENTS} streams are direct`);
	await worker.terminate();
	const ends = await Promise.all(responses.map((response) => within(response.ended, () => 'the stream ends')));
	await Promise.all(clients.map((client) => client.closed));
	return ends.filter((end) => end === 'cut').length;
}

// The first worker opens what the process keeps.
await terminateWorker();
const before = fds();
let cut = 0;
for (let worker = 0; worker < WORKERS; worker++) cut += await terminateWorker();
await until(() => fds() <= before, `${before} file descriptors are open, and not ${fds()}`);
console.log(JSON.stringify({ cut, wanted: CLIENTS * WORKERS }));
