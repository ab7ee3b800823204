// A server with open streams that stops in good order when it is told to (SIGTERM, or Ctrl+C):
//
//   node scripts/setup.mjs examples && node examples/shutdown.mjs      (from the root; PORT=3000 and DRAIN_MS=5000 unless
//                                                                       told otherwise)
//
// It takes nobody in any more, so that clients come back to another server; lets each stream's client read what it was sent,
// for up to DRAIN_MS; and cuts what is left. What to type in another terminal it prints, as server.mjs does; besides, there
// is a tool `announce` that tells something to everybody.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { toNodeHandler } from 'srvx/node';
import { tool } from 'tmcp/utils';
import { z } from 'zod';
import { HOST, urlOf } from './support/address.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { serve } from './support/serve.mjs';

const { DRAIN_MS = '5000' } = process.env;
/** For what clients have been sent, but not read, in the buffers of node:http, where no manager sees it. */
const GRACE_MS = 500;

const drainMs = Number(DRAIN_MS);
if (!/^\d+$/.test(DRAIN_MS)) {
	console.error(`DRAIN_MS is a number of milliseconds, and not ${JSON.stringify(DRAIN_MS)}.`);
	process.exit(1);
}

await serve('shutdown.mjs', async (port) => {
	const streams = new InMemoryStreamSessionManager();
	const { server, transport } = createMcpServer({ sessionManager: { streams } });
	const schema = z.object({ text: z.string() });
	server.tool({ name: 'announce', description: 'Tells everybody', schema }, ({ text }) => {
		const params = { level: 'notice', data: text };
		const message = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params });
		streams.send(undefined, `event: message\ndata: ${message}\n\n`);
		return tool.text('Announced');
	});

	let isStopping = false;
	/** @type {Set<import('node:http').ServerResponse>} the streams that are open */
	const open = new Set();

	const listener = createServer(
		toNodeHandler(async (request) => {
			// By a connection that was there already.
			if (isStopping) return new Response('Stopping\n', { status: 503, headers: { connection: 'close' } });
			return (await transport.respond(request)) ?? new Response('Not found\n', { status: 404 });
		}),
	);
	listener.on('request', ({ method }, response) => {
		if (method === 'GET') open.add(response);
		response.once('close', () => {
			open.delete(response);
			// Node closes a connection that is idle when the listener is closed. This one gets idle later.
			if (isStopping) listener.closeIdleConnections();
		});
	});
	listener.listen(port, HOST);
	await once(listener, 'listening');

	async function close() {
		const begin = performance.now();
		isStopping = true;
		const responses = [...open];
		// First, so that who comes back comes to another server.
		listener.close();
		const closed = once(listener, 'close');
		const last = setTimeout(() => listener.closeAllConnections(), drainMs + GRACE_MS);
		// The streams of sessions; and those of clients for MCP 2026-07-28, which have none. Requests under way go on.
		await Promise.all([streams.close({ drainMs }), transport.close()]);
		await closed;
		clearTimeout(last);
		const tookMs = Math.round(performance.now() - begin);
		const ended = responses.filter((response) => response.writableFinished).length;
		console.log(
			`Streams ended with all they were sent: ${ended}, cut: ${responses.length - ended}. It took ${tookMs} ms.`,
		);
	}

	const { port: actual } = /** @type {import('node:net').AddressInfo} */ (listener.address());
	return { about: 'An MCP server', url: urlOf(actual), close };
});
