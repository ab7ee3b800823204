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
import { setTimeout as delay } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { toNodeHandler } from 'srvx/node';
import { tool } from 'tmcp/utils';
import { z } from 'zod';
import { HOST, urlOf } from './support/address.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { numberFromEnv, serve } from './support/serve.mjs';

const DRAIN_MS = numberFromEnv('DRAIN_MS', 5_000, { minimum: 0 });
/** Time for the client to read what is in the buffers of node:http, where no manager sees it. */
const GRACE_MS = 500;

await serve('shutdown.mjs', async (port) => {
	const streams = new InMemoryStreamSessionManager();
	const { server, transport } = createMcpServer({ sessionManager: { streams } });
	addAnnounce(server, streams);

	/** @type {Set<import('node:http').ServerResponse>} the responses that are not finished, streams among them */
	const responses = new Set();
	let isStopping = false;

	const listener = createServer(
		toNodeHandler(async (request) => {
			if (isStopping) return new Response(null, { status: 503, headers: { connection: 'close' } });
			return (await transport.respond(request)) ?? new Response(null, { status: 404 });
		}),
	);
	listener.on('request', (_request, response) => {
		responses.add(response);
		response.once('close', () => responses.delete(response));
	});
	listener.listen(port, HOST);
	await once(listener, 'listening');

	async function stop() {
		const allClosed = (/** @type {import('node:http').ServerResponse[]} */ list) =>
			Promise.allSettled(list.map((response) => once(response, 'close')));
		isStopping = true;
		// 1. Accept no more connections: clients that reconnect reach another server.
		listener.close();
		const deadline = setTimeout(() => listener.closeAllConnections(), DRAIN_MS + GRACE_MS);
		// 2. End the streams of subscriptions/listen. Wait for the requests under way; responses to GET are the streams.
		await transport.close();
		const requests = [...responses].filter(({ req }) => req.method !== 'GET');
		await Promise.race([allClosed(requests), delay(DRAIN_MS, undefined, { ref: false })]);
		// 3. Close each stream when its client has read what is queued, after DRAIN_MS the others.
		await streams.close({ drainMs: DRAIN_MS });
		// 4. Wait until node:http has written the rest. Close the connections that are left: they have no response under way.
		await allClosed([...responses]);
		listener.closeAllConnections();
		clearTimeout(deadline);
	}

	async function close() {
		const begin = performance.now();
		const streamsAtStop = [...responses].filter(({ req }) => req.method === 'GET');
		await stop();
		const tookMs = Math.round(performance.now() - begin);
		const ended = streamsAtStop.filter((response) => response.writableFinished).length;
		console.log(
			`Streams that ended with everything sent: ${ended}, aborted: ${streamsAtStop.length - ended}. It took ${tookMs} ms.`,
		);
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
