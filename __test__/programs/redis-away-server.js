// A tmcp server behind srvx, with Redis managers and their default options. REDIS_URL names the server. It prints its URL. Its tools
// report changes; `slow` does that when the program gets the line `go on`. With the line `close`, it closes its managers.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

// The examples have the other packages that a server needs.
const { resolve } = createRequire(new URL('../../examples/package.json', import.meta.url));
const importExamples = (/** @type {string} */ name) => import(pathToFileURL(resolve(name)).href);
const [{ McpServer }, { HttpTransport }, { toNodeHandler }] = await Promise.all(
	['tmcp', '@tmcp/transport-http', 'srvx/node'].map(importExamples),
);

const NOTE = 'note://1';
const { REDIS_URL = '' } = process.env;
const streams = new RedisStreamSessionManager(REDIS_URL);
const info = new RedisInfoSessionManager(REDIS_URL);
const subscriptions = new RedisSubscriptionManager(REDIS_URL);
await streams.ready();

const server = new McpServer(
	{ name: 'away', version: '1.0.0', description: 'Reports changes' },
	{
		adapter: undefined,
		capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } },
	},
);
const done = () => ({ content: [{ type: 'text', text: 'done' }] });
/** @type {() => void} */
let goOn = () => {};
const released = new Promise((resolve) => {
	goOn = () => resolve(undefined);
});
server.resource({ name: 'note', description: 'A note', uri: NOTE }, () => ({ contents: [] }));
server.tool({ name: 'change', description: 'Changes a note' }, () => {
	server.changed('resource', NOTE);
	return done();
});
server.tool({ name: 'change_list', description: 'Changes the list of prompts' }, () => {
	server.changed('resources');
	return done();
});
server.tool({ name: 'slow', description: 'Changes a note later' }, async () => {
	console.log('slow is called');
	await released;
	server.changed('resource', NOTE);
	server.changed('resources');
	// The listeners of these events run now.
	setTimeout(() => console.log('slow has ended'), 50);
	return done();
});

const transport = new HttpTransport(server, {
	path: '/mcp',
	sessionManager: { streams, info },
	subscriptionManager: subscriptions,
});
const listener = createServer(
	toNodeHandler(async (/** @type {Request} */ request) => {
		return (await transport.respond(request)) ?? new Response(null, { status: 404 });
	}),
);
await once(listener.listen(0, '127.0.0.1'), 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (listener.address());
console.log(`http://127.0.0.1:${port}/mcp`);

for await (const line of createInterface({ input: process.stdin })) {
	if (line === 'go on') goOn();
	if (line !== 'close') continue;
	await Promise.all([streams.close({ drainMs: 100 }), info.close(), subscriptions.close()]);
	console.log('closed');
}
