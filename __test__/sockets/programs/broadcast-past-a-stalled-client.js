// Broadcasts 100 MB past a client that does not read, and prints by how much the memory of the process has grown.

import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { attachNativeDelivery } from '../hosts/listening.js';
import * as nodeLoop from '../hosts/node-loop.js';
import { RawClient } from '../support/raw-client.js';
import { pathOf, WebApp } from '../support/web-app.js';

const onSlowClient = process.argv[2] === 'drop' ? 'drop' : 'close';
const MESSAGE = `data: ${'x'.repeat(99_992)}\n\n`;
const MEGABYTE = 1_000_000;

/** @type {Record<string, string>} */
const reasons = {};
const manager = new InMemoryStreamSessionManager({
	maxQueuedBytes: MEGABYTE,
	onSlowClient,
	onClose: (id, reason) => {
		reasons[id] = reason;
	},
});
const app = new WebApp(manager);
const host = await nodeLoop.start({ fetch: app.fetch, attach: attachNativeDelivery !== undefined });

/** @param {string} id */
async function open(id) {
	const client = await RawClient.connect(host.port);
	const response = client.request(pathOf(id), { keep: false });
	await response.head;
	return { client, response };
}

const reads = await open('reads');
const stalls = await open('stalls');
let sent = 0;
async function broadcast() {
	manager.send(undefined, MESSAGE);
	sent += MESSAGE.length;
	await reads.response.reaches(sent);
}

// Both are direct then, and the memory that a broadcast needs is there.
for (let message = 0; message < 50; message++) await broadcast();
await stalls.response.reaches(sent);
const { direct } = manager.stats();
stalls.client.pause();
const before = process.memoryUsage().rss;
let most = 0;
for (let message = 0; message < 1_000; message++) {
	await broadcast();
	most = Math.max(most, process.memoryUsage().rss);
}
const { dropped, queuedBytes } = manager.stats();
console.log(JSON.stringify({ direct, grownMB: Math.round((most - before) / MEGABYTE), dropped, queuedBytes, reasons }));
process.exit(0);
