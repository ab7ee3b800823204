// A web page that shows the numbers of a stream manager as they change. It runs until it is stopped:
//
//   node scripts/setup.mjs examples && node examples/dashboard/server.mjs      (in the root folder; PORT, default 3000;
//                                                                              CLIENTS, default 120)
//
// Up to CLIENTS simulated clients connect and leave, so that there is something to see. With CLIENTS=0 there are none. MCP
// clients can connect to /mcp, and are counted too. The page receives the numbers as server-sent events.

import { InMemoryStreamSessionManager, InMemorySubscriptionManager } from '@tmcp/session-manager';
import { PATH } from '../support/address.mjs';
import { listen } from '../support/http-listener.mjs';
import { createMcpServer } from '../support/mcp-server.mjs';
import { closeOnSignal, numberFromEnv, startOrExit } from '../support/serve.mjs';
import { Numbers } from './numbers.mjs';
import { respondWithFile } from './page-files.mjs';
import { SimulatedClients } from './simulated-clients.mjs';

const CLIENTS = numberFromEnv('CLIENTS', 120, { minimum: 0 });
/** Short, because some simulated clients read nothing. */
const DRAIN_MS = 500;

// All managers of a scope count together: this one, for clients over HTTP, and those of the simulated clients.
const scope = 'dashboard';
const streams = new InMemoryStreamSessionManager({ scope, keepAliveMs: 15_000, maxQueuedBytes: 1_048_576 });
const numbers = new Numbers(streams);
const simulatedClients = new SimulatedClients(scope, CLIENTS);
const subscriptions = new InMemorySubscriptionManager();
const { transport } = createMcpServer({ sessionManager: { streams }, subscriptionManager: subscriptions });

const listener = await startOrExit('dashboard/server.mjs', (port) =>
	listen(transport, port, {
		respond,
		drainMs: DRAIN_MS,
		// `streams` closes all streams of its scope in this thread, those of the simulated clients among them.
		managers: [streams, subscriptions, numbers.pages],
	}),
);
console.log(`The dashboard is on ${new URL('/', listener.url)} (Ctrl+C stops it).`);
numbers.start();
simulatedClients.start();

closeOnSignal({
	close() {
		simulatedClients.stop();
		numbers.stop();
		return listener.close();
	},
});

/**
 * @param {Request} request
 * @returns {Promise<Response | null>}
 */
async function respond(request) {
	const { pathname } = new URL(request.url);
	if (pathname === PATH) return transport.respond(request);
	if (pathname === '/numbers') return numbers.respond();
	return respondWithFile(pathname, { clients: CLIENTS, mcpUrl: listener.url });
}
