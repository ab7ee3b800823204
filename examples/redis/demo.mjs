// A server of two processes that share their sessions through Redis, behind a load balancer. A change on one node is sent to
// the clients of both nodes. Then one node is stopped and one is killed, and the clients continue. The result is checked as in
// ../demo.mjs.
//
//   node scripts/setup.mjs examples && node examples/redis/demo.mjs      (in the root folder; REDIS_URL, default
//                                                                        redis://127.0.0.1:6379)
//
// Nothing in this file sleeps. Messages from two nodes have no order between them, so each change waits until all recipients
// have the message of the one before.

import { randomUUID } from 'node:crypto';
import { DemoClient } from '../demo/client.mjs';
import { problems } from '../demo/expectations.mjs';
import { DemoListener } from '../demo/listener.mjs';
import { messageName } from '../demo/recipient.mjs';
import { printReport } from '../demo/report.mjs';
import { SpreadFetch } from '../demo/spread-fetch.mjs';
import { counterUri } from '../support/counter-state.mjs';
import { startNodes } from './support/node-processes.mjs';
import { requireRedis } from './support/require-redis.mjs';

const { REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;

const DEADLINE_MS = 60_000;
/** Shorter than the default: the sessions of a killed node are free after this time. */
const NODE_TTL_MS = 2_000;
/** By default, the SDK stops reconnecting after two attempts, 2.5 s after its stream ended. */
const reconnectionOptions = {
	initialReconnectionDelay: 100,
	maxReconnectionDelay: 500,
	reconnectionDelayGrowFactor: 1.5,
	maxRetries: 1_000,
};

/** @type {Record<string, string[]>} the counters that each client subscribes to */
const subscriptions = { ada: ['visits'], ben: ['visits', 'orders'], cleo: ['orders'], dan: [], fay: ['visits'] };
/** The client that uses subscriptions/listen. */
const LISTENER = 'fay';

const VISITS_CHANGED = messageName('notifications/resources/updated', counterUri('visits'));
const TOOLS_CHANGED = messageName('notifications/tools/list_changed');
const LOGGED = messageName('notifications/message', 'info');

/** @type {import('../demo/report.mjs').Step[]} */
const steps = [];
/** @type {DemoClient[]} */
const clients = [];
/** @type {Map<string, SpreadFetch>} by the name of the client */
const requests = new Map();
/** @type {Map<string, string>} the node that has the stream, by the name of the client */
const streamNodes = new Map();
/** @type {string[]} */
const found = [];
let waitingFor = 'the nodes to listen';

await requireRedis(REDIS_URL);

// Fails if the demo hangs. Does not keep the process alive.
setTimeout(() => {
	found.unshift(`not done after ${DEADLINE_MS / 1000} s: still waiting for ${waitingFor}`);
	report();
	process.exit(1);
}, DEADLINE_MS).unref();

const settings = { redisUrl: REDIS_URL, prefix: `demo-${randomUUID()}`, nodeTtlMs: NODE_TTL_MS };
const server = await startNodes(2, 0, settings);
console.log(`\n${server.about} listens on ${server.url}.`);

waitingFor = 'the clients to connect';
for (const name of Object.keys(subscriptions).filter((name) => name !== LISTENER)) {
	const client = new DemoClient(name, server.url, { fetch: fetchOf(name), reconnectionOptions });
	await client.connect();
	// The SDK opens the stream later.
	streamNodes.set(name, await nodeOf(name, 'GET'));
	clients.push(client);
}
const fay = new DemoListener(LISTENER, server.url, { fetch: fetchOf(LISTENER) });
const allClients = [...clients, fay];
const allNames = allClients.map(({ name }) => name);
waitingFor = 'their subscriptions';
for (const client of clients) {
	for (const counter of subscriptions[client.name]) await client.subscribe(counterUri(counter));
}
await fay.connect();
let listening = await listen();
console.log(`The streams of ${allClients.length} clients are on ${new Set(streamNodes.values()).size} nodes.`);

const [ada, ben] = clients;
let visits = 0;
await ben.setLogLevel('error');
await tryAll('two nodes');
waitingFor = 'the reports that ada and ben request';
for (const client of [ada, ben]) {
	// Ben set his log level on one node. The others must know it, too.
	const to = client === ada ? ['ada'] : [];
	await inEachNode(async () => (await change(client, 'logs', ['report'], { message: LOGGED, to })).node);
}

const [first, second] = server.nodes;
await server.add();
waitingFor = 'the clients of the stopped node to open their streams on other nodes';
await endNode(first, 'SIGTERM', 'is stopped');
await tryAll('a new node in place of the stopped one');

waitingFor = 'the clients of the killed node to open their streams on other nodes';
await endNode(second, 'SIGKILL', 'is killed');
await tryAll('the new node alone');

waitingFor = 'the clients to end their sessions';
await Promise.all(clients.map((client) => client.leave()));
waitingFor = 'the nodes to stop, which ends the stream of fay';
await server.close();
await listening.closed;
await fay.leave();
waitingFor = 'the process to end';

process.exitCode = report() > 0 ? 1 : 0;

/**
 * Lets each node count and add a tool, and waits for the messages.
 *
 * @param {string} when
 */
async function tryAll(when) {
	waitingFor = `the messages of the counts on each node, with ${when}`;
	await inEachNode(async (client) => {
		const { node, answer } = await change(client, 'counts visits', ['count', { counter: 'visits' }], {
			message: VISITS_CHANGED,
			to: allNames.filter((name) => subscriptions[name].includes('visits')),
		});
		// Checks the application's data in Redis. It does not belong to the managers.
		if (answer !== `visits: ${++visits}`) found.push(`node ${node} answered "${answer}", not "visits: ${visits}"`);
		return node;
	});
	waitingFor = `the messages of the tools that each node adds, with ${when}`;
	await inEachNode(async (client) => {
		const call = /** @type {const} */ (['add_reset', { counter: 'visits' }]);
		return (await change(client, 'adds a tool', call, { message: TOOLS_CHANGED, to: allNames })).node;
	});
	for (const client of clients) {
		const tools = await client.tools();
		if (!tools.includes('reset_visits')) found.push(`${client.name} has only ${tools.join(', ')}`);
	}
}

/**
 * Ends a node, and waits until its clients have opened their streams on other nodes. Prints their errors, which are expected.
 *
 * @param {import('./support/node-processes.mjs').Node} node
 * @param {'SIGTERM' | 'SIGKILL'} signal
 * @param {string} event for the table
 */
async function endNode(node, signal, event) {
	const at = performance.now();
	steps.push({ label: `node ${node.name} ${event}`, message: '', to: [], at });
	const disconnected = allClients.filter(({ name }) => streamNodes.get(name) === node.name);
	const remaining = server.nodes.filter((other) => other !== node).map(({ name }) => name);
	const reconnected = disconnected.map(async (client) => {
		if (client === fay) {
			await listening.closed;
			listening = await listen();
		} else {
			streamNodes.set(client.name, await nodeOf(client.name, 'GET', remaining));
		}
	});
	await Promise.all([server.end(node, signal), ...reconnected]);
	const errors = disconnected.flatMap((client) => client.errors.splice(0));
	console.log(
		`Node ${node.name} ${event}: after ${Math.round(performance.now() - at)} ms its ${disconnected.length} clients have their streams ` +
			`on other nodes, after ${errors.length} errors.`,
	);
}

async function listen() {
	const stream = await fay.listen(subscriptions[LISTENER].map(counterUri));
	streamNodes.set(LISTENER, await nodeOf(LISTENER, 'POST'));
	return stream;
}

/** @param {string} name */
function fetchOf(name) {
	const spread = new SpreadFetch();
	requests.set(name, spread);
	return spread.fetch;
}

/**
 * @param {string} name
 * @param {'GET' | 'POST'} method of the client's last request
 * @param {string[]} [nodes] ignores responses of other nodes
 */
function nodeOf(name, method, nodes) {
	return /** @type {SpreadFetch} */ (requests.get(name)).threadOf(method, nodes);
}

/**
 * Repeats an action with one client after the other, until each node has done it.
 *
 * @param {(client: DemoClient) => Promise<string>} act resolves to the node that did it
 */
async function inEachNode(act) {
	/** @type {Set<string>} */
	const nodes = new Set();
	for (let calls = 0; nodes.size < server.nodes.length; calls++) nodes.add(await act(clients[calls % clients.length]));
	return [...nodes];
}

/**
 * Lets a client call a tool, and resolves when all recipients have the message of the change.
 *
 * @param {DemoClient} client
 * @param {string} action of the node, for the table
 * @param {readonly [tool: string, args?: Record<string, unknown>]} call
 * @param {import('../demo/expectations.mjs').Step} expected
 */
async function change(client, action, call, expected) {
	const at = performance.now();
	const answer = await client.call(...call);
	const node = await nodeOf(client.name, 'POST');
	steps.push({ label: `node ${node} ${action} for ${client.name}`, ...expected, at });
	const recipients = allClients.filter(({ name }) => expected.to.includes(name));
	const timesFor = (/** @type {string} */ name) =>
		steps.filter(({ message, to }) => message === expected.message && to.includes(name)).length;
	await Promise.all(recipients.map((client) => client.untilReceived(expected.message, timesFor(client.name))));
	return { node, answer };
}

/** Prints the table. Returns the number of problems. */
function report() {
	const introductions = Object.fromEntries(
		allClients.map(({ name }) => [name, `${subscriptions[name].join(', ') || 'nothing'}, on ${streamNodes.get(name)}`]),
	);
	const received = allClients.map(({ name, arrivals }) => [name, arrivals.map(({ message }) => message)]);
	const errors = allClients.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error.message}`));
	const all = [...found, ...problems(steps, Object.fromEntries(received)), ...errors];
	printReport(introductions, steps, allClients, all, {
		introduced: 'subscribed to, last node',
		since: 'the call',
	});
	return all.length;
}
