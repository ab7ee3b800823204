// One of the threads of worker-pool.mjs: an MCP server of its own, which knows the sessions of all of them.

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

// This is all that makes one registry of them: the same name in every thread.
const scope = 'mcp';
const mcp = createMcpServer({
	sessionManager: {
		streams: new InMemoryStreamSessionManager({ scope }),
		info: new InMemoryInfoSessionManager({ scope }),
	},
	subscriptionManager: new InMemorySubscriptionManager({ scope }),
	state: new CounterState(memory),
});
const listener = await listen(mcp, port, { reusePort, headers: { 'x-worker': String(number) } });

// When the listener is closed, there is nothing left to wait for, and the thread ends by itself.
parentPort?.once('message', () => listener.close());
parentPort?.postMessage(listener.port);
