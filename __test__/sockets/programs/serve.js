// Serves streams that are direct. Started as a process or as a worker thread; the test opens the streams and sends commands:
// `send` sends messages to all until the end, `exit` ends the process while they are sent.

import { isMainThread, parentPort } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { attachNativeDelivery } from '../hosts/listening.js';
import * as nodeLoop from '../hosts/node-loop.js';
import { WebApp } from '../support/web-app.js';

const manager = new InMemoryStreamSessionManager();
const app = new WebApp(manager);
const { port } = await nodeLoop.start({ fetch: app.fetch, attach: attachNativeDelivery !== undefined });

/** @param {unknown} message */
const post = (message) => (isMainThread ? process.send?.(message) : parentPort?.postMessage(message));
const channel = /** @type {import('node:events').EventEmitter} */ (isMainThread ? process : parentPort);

let sent = 0;
let posted = 0;
function sendAll() {
	for (let message = 0; message < 5; message++)
		manager.send(undefined, `data: ${sent++} ${'x'.repeat(sent % 1_000)}\n\n`);
	const direct = attachNativeDelivery === undefined ? manager.size : manager.stats().direct;
	if (direct !== posted) post({ direct });
	posted = direct;
	// The clients, which share two cores with this thread, keep up.
	setTimeout(sendAll, 2);
}

channel.on('message', (command) => {
	if (command === 'send') sendAll();
	else if (command === 'exit') setImmediate(() => process.exit(0));
});
post({ port });
