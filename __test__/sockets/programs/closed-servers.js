// Opens direct streams and ends them in every way, and fails when file descriptors stay open.

import { readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { attachNativeDelivery } from '../hosts/listening.js';
import * as nodeLoop from '../hosts/node-loop.js';
import { RawClient } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { pathOf, WebApp } from '../support/web-app.js';

const CLIENTS = 20;

/** @typedef {{ manager: InMemoryStreamSessionManager, host: import('../hosts/listening.js').Host, clients: RawClient[] }} Open */

/** @type {Record<string, (open: Open) => unknown>} */
const ways = {
	'server first': async ({ host, manager }) => {
		await host.stop();
		await manager.close();
	},
	'manager first': async ({ host, manager }) => {
		await manager.close();
		await host.stop();
	},
	'detached, then server': async ({ host, manager }) => {
		host.delivery?.detach();
		await host.stop();
		await manager.close();
	},
	'clients first': async ({ host, manager, clients }) => {
		for (const client of clients) client.reset();
		await until(() => manager.size === 0, 'all sessions are gone');
		await host.stop();
	},
	'sessions deleted, server dropped without an end': async ({ manager, host }) => {
		for (const id of manager.ids()) manager.delete(id);
		host.server.close();
		host.server.closeIdleConnections();
		await turn();
		host.server.closeAllConnections();
	},
};

/** @param {(open: Open) => unknown} end */
async function run(end) {
	const manager = new InMemoryStreamSessionManager();
	const app = new WebApp(manager);
	const host = await nodeLoop.start({ fetch: app.fetch, attach: attachNativeDelivery !== undefined });
	const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(host.port)));
	const responses = clients.map((client, index) => client.request(pathOf(String(index))));
	await until(() => manager.size === CLIENTS, 'all sessions exist');
	let sent = 0;
	const direct = () => host.delivery?.stats().direct ?? CLIENTS;
	while (direct() < CLIENTS || sent === 0) {
		manager.send(undefined, 'data: x\n\n');
		sent += 'data: x\n\n'.length;
		await Promise.all(responses.map((response) => response.reaches(sent)));
		await turn();
	}
	for (let message = 0; message < 50; message++) manager.send(undefined, `data: ${'y'.repeat(2_000)}\n\n`);
	await end({ manager, host, clients });
	for (const client of clients) client.leave();
	await Promise.all(clients.map((client) => client.closed));
	await until(() => direct() === 0 || host.delivery === undefined, 'no session is direct');
}

const fds = () => readdirSync('/proc/self/fd').length;
// The first run opens what the process keeps.
await run(ways['server first']);
const before = fds();
for (const [name, end] of Object.entries(ways)) {
	await run(end);
	await until(() => fds() <= before, `${name}: ${before} file descriptors are open, and not ${fds()}`);
}
console.log(JSON.stringify({ ways: Object.keys(ways).length }));
