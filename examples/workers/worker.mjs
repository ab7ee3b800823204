// A thread of worker-pool.mjs. It has its own MCP server, which knows the sessions of all threads.

import { parentPort, workerData } from 'node:worker_threads';
import {
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
} from '@tmcp/session-manager';
import { CounterState } from '../support/counter-state.mjs';
import { listen } from '../support/http-listener.mjs';
import { createMcpServer } from '../support/mcp-server.mjs';

const { number, port, reusePort, memory } = /** @type {import('./worker-pool.mjs').WorkerData} */ (workerData);

// The threads share their sessions because the scope has the same name in each of them.
const scope = 'mcp';
const streams = new InMemoryStreamSessionManager({ scope });
const info = new InMemoryInfoSessionManager({ scope });
const subscriptions = new InMemorySubscriptionManager({ scope });
const { transport } = createMcpServer({
	sessionManager: { streams, info },
	subscriptionManager: subscriptions,
	state: new CounterState(memory),
});
const listener = await listen(transport, port, {
	managers: [streams, info, subscriptions],
	reusePort,
	headers: { 'x-worker': String(number) },
});

// After the listener is closed, nothing keeps the thread alive, and it ends.
parentPort?.once('message', () => listener.close());
parentPort?.postMessage(listener.port);
