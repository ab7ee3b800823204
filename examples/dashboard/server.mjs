// A page that draws the numbers of a stream manager while they change, left running:
//
//   node scripts/setup.mjs examples && node examples/dashboard/server.mjs      (from the root; PORT=3000 unless told otherwise)
//
// The page gets its numbers by server-sent events, from the manager that it shows: it is one of its sessions. So that there
// is something to see, simulated clients come and go, about CLIENTS=120 at a time; 0 for none. MCP clients are welcome at
// /mcp, and are counted with them.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { toNodeHandler } from 'srvx/node';
import { HOST, PATH, urlOf } from '../support/address.mjs';
import { createMcpServer } from '../support/mcp-server.mjs';
import { Numbers } from './numbers.mjs';
import { respondWithFile } from './page-files.mjs';
import { SimulatedClients } from './simulated-clients.mjs';

const { PORT = '3000', CLIENTS = '120' } = process.env;

/** What all managers here share, so that the numbers of one are those of all. */
const SCOPE = 'dashboard';
/** How long clients have to read what is queued for them when the server stops. */
const DRAIN_MS = 500;
/** And then, for what node:http has for them. */
const GRACE_MS = 500;

// For whoever comes over HTTP. The simulated has managers with limits of their own.
const streams = new InMemoryStreamSessionManager({ scope: SCOPE, keepAliveMs: 15_000, maxQueuedBytes: 1_048_576 });
const numbers = new Numbers(streams);
const simulated = new SimulatedClients(SCOPE, Number(CLIENTS));
const { transport } = createMcpServer({ sessionManager: { streams } });
const answerMcp = toNodeHandler(async (request) => {
	return (await transport.respond(request)) ?? new Response('Not found\n', { status: 404 });
});

const listener = createServer((request, response) => {
	// A connection that is idle when the listener is closed is closed, too; one that gets idle later needs to be told.
	response.once('close', () => {
		if (!listener.listening) listener.closeIdleConnections();
	});
	const [pathname] = (request.url ?? '/').split('?');
	if (pathname === PATH) answerMcp(request, response);
	else if (pathname === '/numbers') numbers.respond(response);
	else {
		respondWithFile(pathname, response, { clients: Number(CLIENTS), mcpUrl }).catch((error) => {
			console.error(error);
			if (!response.headersSent) response.writeHead(500);
			response.end();
		});
	}
});
listener.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
	if (error.code !== 'EADDRINUSE') throw error;
	console.error(`Port ${PORT} is taken. Another one: PORT=3001 node examples/dashboard/server.mjs`);
	process.exit(1);
});
listener.listen(Number(PORT), HOST);
await once(listener, 'listening');

const { port } = /** @type {import('node:net').AddressInfo} */ (listener.address());
const mcpUrl = urlOf(port);
console.log(`The sessions are to be seen on http://${HOST}:${port}/ (Ctrl+C stops it).`);
numbers.start();
simulated.start();

for (const signal of ['SIGINT', 'SIGTERM']) {
	// Once: who asks a second time gets Node's own way, which does not wait.
	process.once(signal, async () => {
		const closed = once(listener, 'close');
		simulated.stop();
		listener.close();
		// All streams of the scope, the pages' and the simulated's, too.
		await Promise.all([streams.close({ drainMs: DRAIN_MS }), numbers.close({ drainMs: DRAIN_MS })]);
		await transport.close();
		// Who has not read what node:http has for it, or does not end its request.
		const last = setTimeout(() => listener.closeAllConnections(), GRACE_MS);
		await closed;
		clearTimeout(last);
		console.log('Stopped.');
	});
}
