// A node: an MCP server in a process of its own, as it would run on each of several machines. All nodes that have the same
// Redis know the sessions of all.
//
//   REDIS_URL=redis://127.0.0.1:6379 PORT=3001 node examples/redis/node.mjs

// The transport imports it. But Deno loads a package that is linked, as this one is here, only if a program names it.
import '@tmcp/session-manager';
import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp/session-manager/redis';
import { listen } from '../support/http-listener.mjs';
import { createMcpServer } from '../support/mcp-server.mjs';
import { RedisCounterState } from './support/counter-state.mjs';

const { REDIS_URL = 'redis://127.0.0.1:6379', PREFIX = 'mcp', NODE_TTL_MS = '10000' } = process.env;
const { PORT = '3001', NAME = PORT } = process.env;

// This is all that makes one registry of them: the same server and prefix in every node.
const options = {
	prefix: PREFIX,
	// The nearer these are, the sooner the clients of a node that was killed can open their streams elsewhere.
	nodeTtlMs: Number(NODE_TTL_MS),
	heartbeatMs: Number(NODE_TTL_MS) / 4,
	onError: (/** @type {Error} */ error) => console.error(`Node ${NAME}: ${error.message}`),
};
const streams = new RedisStreamSessionManager(REDIS_URL, options);
const info = new RedisInfoSessionManager(REDIS_URL, options);
const subscriptions = new RedisSubscriptionManager(REDIS_URL, options);
const state = new RedisCounterState(REDIS_URL, PREFIX);

// From then on, whatever happens on other nodes is heard of here: before that, no client is let in.
await Promise.all([streams.ready(), state.connect()]);
const mcp = createMcpServer({ sessionManager: { streams, info }, subscriptionManager: subscriptions, state });
const listener = await listen(mcp, Number(PORT), { headers: { 'x-worker': NAME } });
console.log(`Node ${NAME} listens on ${listener.url}`);

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);

async function stop() {
	if (stopping) return;
	stopping = true;
	// Nobody is let in any more; answers under way are finished, and streams are ended.
	await listener.close();
	// What others are to hear of is sent, and the node takes its leave: its clients can open their streams elsewhere at once.
	await Promise.all([streams.close(), info.close(), subscriptions.close(), state.close()]);
	console.log(`Node ${NAME} has stopped`);
}
