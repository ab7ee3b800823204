// A worker thread that serves the streams of a scope. Commands: `stats`, and a SharedArrayBuffer on which the thread blocks until
// the test wakes it.

import { parentPort } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { attachNativeDelivery } from '../hosts/listening.js';
import * as nodeLoop from '../hosts/node-loop.js';
import { WebApp } from '../support/web-app.js';

const manager = new InMemoryStreamSessionManager({ scope: 'sockets' });
const app = new WebApp(manager);
const { port } = await nodeLoop.start({ fetch: app.fetch, attach: attachNativeDelivery !== undefined });

parentPort?.on('message', (command) => {
	if (command === 'stats') {
		parentPort?.postMessage(manager.stats());
	} else if (command === 'send') {
		for (let message = 0; message < 100; message++) manager.send(undefined, `data: worker ${message}\n\n`);
	} else {
		const flag = new Int32Array(command);
		Atomics.store(flag, 0, 1);
		Atomics.notify(flag, 0);
		Atomics.wait(flag, 0, 1);
	}
});
parentPort?.postMessage(port);
