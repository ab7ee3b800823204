// A server with open streams that shuts down gracefully on SIGTERM or Ctrl+C:
//
//   node scripts/setup.mjs examples && node examples/shutdown.mjs      (in the root folder; PORT, default 3000;
//                                                                       DRAIN_MS, default 5000)
//
// It accepts no more connections, so that clients reconnect to another server. It lets requests finish and clients read what
// was sent to them, for up to DRAIN_MS. Then it closes the connections that are left. It prints what to type in another
// terminal, as server.mjs does. Its tool `announce` sends a message to all clients.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { InMemoryStreamSessionManager, InMemorySubscriptionManager } from '@tmcp/session-manager';
import { shutdown } from '@tmcp/session-manager/node';
import { toNodeHandler } from 'srvx/node';
import { tool } from 'tmcp/utils';
import { z } from 'zod';
import { HOST, urlOf } from './support/address.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { numberFromEnv, serve } from './support/serve.mjs';

const DRAIN_MS = numberFromEnv('DRAIN_MS', 5_000, { minimum: 0 });

await serve('shutdown.mjs', async (port) => {
	const streams = new InMemoryStreamSessionManager();
	const subscriptions = new InMemorySubscriptionManager();
	const { server, transport } = createMcpServer({ sessionManager: { streams }, subscriptionManager: subscriptions });
	addAnnounce(server, streams);

	const listener = createServer(
		toNodeHandler(async (request) => (await transport.respond(request)) ?? new Response(null, { status: 404 })),
	);
	listener.listen(port, HOST);
	await once(listener, 'listening');

	async function close() {
		const begin = performance.now();
		const { unfinished, errors } = await shutdown(listener, { managers: [streams, subscriptions], drainMs: DRAIN_MS });
		for (const error of errors) console.error(error);
		console.log(`Unfinished responses: ${unfinished}. It took ${Math.round(performance.now() - begin)} ms.`);
	}

	const { port: actual } = /** @type {import('node:net').AddressInfo} */ (listener.address());
	return { about: 'An MCP server', url: urlOf(actual), close };
});

/**
 * Adds the tool `announce`.
 *
 * @param {import('tmcp').McpServer<any>} server
 * @param {InMemoryStreamSessionManager} streams
 */
function addAnnounce(server, streams) {
	const schema = z.object({ text: z.string() });
	server.tool({ name: 'announce', description: 'Sends a message to all clients', schema }, ({ text }) => {
		const params = { level: 'notice', data: text };
		const message = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params });
		streams.send(undefined, `event: message\ndata: ${message}\n\n`);
		return tool.text('Announced');
	});
}
