// A node: an MCP server in its own process, as it would run on each of several machines. All nodes with the same Redis and
// the same prefix share their sessions.
//
//   node scripts/setup.mjs examples && node examples/redis/node.mjs      (in the root folder; PORT, default 3000;
//                                                                        REDIS_URL, default redis://127.0.0.1:6379)

// The transport imports this package. Deno loads a package that is linked, as this one is here, only if a program imports it.
import '@tmcp/session-manager';
import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp/session-manager/redis';
import { listen } from '../support/http-listener.mjs';
import { createMcpServer } from '../support/mcp-server.mjs';
import { closeOnSignal, numberFromEnv, startOrExit } from '../support/serve.mjs';
import { RedisCounterState } from './support/counter-state.mjs';
import { requireRedis } from './support/require-redis.mjs';

const { REDIS_URL = 'redis://127.0.0.1:6379', PREFIX = 'mcp', PORT = '3000', NAME = PORT } = process.env;
const NODE_TTL_MS = numberFromEnv('NODE_TTL_MS', 10_000);

await requireRedis(REDIS_URL);

// The nodes share their sessions because all of them have the same Redis and the same prefix.
const options = {
	prefix: PREFIX,
	// After a node was killed, its clients can open their streams on other nodes within `nodeTtlMs`.
	nodeTtlMs: NODE_TTL_MS,
	heartbeatMs: NODE_TTL_MS / 4,
	onError: (/** @type {Error} */ error) => console.error(`Node ${NAME}: ${error.message}`),
};
const streams = new RedisStreamSessionManager(REDIS_URL, options);
const info = new RedisInfoSessionManager(REDIS_URL, options);
const subscriptions = new RedisSubscriptionManager(REDIS_URL, options);
const state = new RedisCounterState(REDIS_URL, PREFIX);

// From now on this node receives what happens on other nodes. Only then it accepts clients.
await Promise.all([streams.ready(), state.connect()]);
const { transport } = createMcpServer({
	sessionManager: { streams, info },
	subscriptionManager: subscriptions,
	state,
});
const listener = await startOrExit('redis/node.mjs', (port) =>
	listen(transport, port, {
		// They send what is queued for other nodes, and leave Redis: the clients can reconnect to other nodes at once.
		managers: [streams, info, subscriptions],
		headers: { 'x-worker': NAME },
	}),
);
console.log(`Node ${NAME} listens on ${listener.url}`);

closeOnSignal({
	async close() {
		await listener.close();
		await state.close();
	},
});
