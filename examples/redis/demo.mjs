// A server of two processes that share their sessions by Redis, behind a balancer that gives each request to the next of them:
// what a client does on one, the clients of both hear of. Then one node is stopped and one is killed, and the clients go on.
// Checked as the other demos are, and exits as they do.
//
//   REDIS_URL=redis://127.0.0.1:6379 node examples/redis/demo.mjs
//
// Nothing here sleeps. What two nodes send has no order between them, so the next change waits until everybody has heard of
// the last one.

import { randomUUID } from 'node:crypto';
import { counterUri } from '../support/counter-state.mjs';
import { DemoClient } from '../demo/client.mjs';
import { DemoListener } from '../demo/listener.mjs';
import { printReport } from '../demo/report.mjs';
import { problems } from '../demo/expectations.mjs';
import { messageName } from '../demo/recipient.mjs';
import { SpreadFetch } from '../demo/spread-fetch.mjs';
import { startNodes } from './support/node-processes.mjs';

const { REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;

const DEADLINE_MS = 60_000;
/** Shorter than the default, so as not to have to wait that long for the sessions of the node that is killed. */
const NODE_TTL_MS = 2_000;
/** By default the SDK gives up after two tries, 2.5 s after its stream was cut. */
const reconnectionOptions = {
	initialReconnectionDelay: 100,
	maxReconnectionDelay: 500,
	reconnectionDelayGrowFactor: 1.5,
	maxRetries: 1_000,
};

/** @type {Record<string, string[]>} by name, what each wants to hear of */
const subscriptions = { ada: ['visits'], ben: ['visits', 'orders'], cleo: ['orders'], dan: [], fay: ['visits'] };
const LISTENS = 'fay';

const VISITS_CHANGED = messageName('notifications/resources/updated', counterUri('visits'));
const TOOLS_CHANGED = messageName('notifications/tools/list_changed');
const LOGGED = messageName('notifications/message', 'info');

/** @type {import('../demo/report.mjs').Step[]} */
const steps = [];
/** @type {DemoClient[]} */
const clients = [];
/** @type {Map<string, SpreadFetch>} by the name of the client */
const requests = new Map();
/** @type {Map<string, string>} which node has the stream, by the name of the client */
const homes = new Map();
/** @type {string[]} */
const found = [];
let waitingFor = 'the nodes to listen';

// Holds the process no longer than there is something to wait for; but what hangs, be it at closing, is a failure.
setTimeout(() => {
	found.unshift(`not done after ${DEADLINE_MS / 1000} s: still waiting for ${waitingFor}`);
	report();
	process.exit(1);
}, DEADLINE_MS).unref();

const settings = { redisUrl: REDIS_URL, prefix: `demo-${randomUUID()}`, nodeTtlMs: NODE_TTL_MS };
const server = await startNodes(2, 0, settings);
console.log(`\n${server.about} listens on ${server.url}.`);

waitingFor = 'the clients to connect';
for (const name of Object.keys(subscriptions).filter((name) => name !== LISTENS)) {
	const client = new DemoClient(name, server.url, { fetch: fetchOf(name), reconnectionOptions });
	await client.connect();
	// The SDK opens the stream in its own time.
	homes.set(name, await nodeOf(name, 'GET'));
	clients.push(client);
}
const fay = new DemoListener(LISTENS, server.url, { fetch: fetchOf(LISTENS) });
const everybody = [...clients, fay];
const everyone = everybody.map(({ name }) => name);
waitingFor = 'their subscriptions';
for (const client of clients) {
	for (const counter of subscriptions[client.name]) await client.subscribe(counterUri(counter));
}
await fay.connect();
let listening = await listen();
console.log(`The streams of ${everybody.length} clients landed in ${new Set(homes.values()).size} of them.`);

const [ada, ben] = clients;
let visits = 0;
await ben.setLogLevel('error');
await tryAll('two nodes');
waitingFor = 'the reports that ada and ben ask for';
for (const client of [ada, ben]) {
	// Of ben it was told one node only that he wants errors only.
	const to = client === ada ? ['ada'] : [];
	await inEachNode(async () => (await change(client, 'logs', ['report'], { message: LOGGED, to })).node);
}

const [first, second] = server.nodes;
await server.add();
waitingFor = 'the clients of a node that is stopped to be at home elsewhere';
await without(first, 'SIGTERM', 'is stopped in order');
await tryAll('one of the two stopped, and a third');

waitingFor = 'the clients of a node that is killed to be at home elsewhere';
await without(second, 'SIGKILL', 'is killed');
await tryAll('the third alone');

waitingFor = 'the clients to say goodbye';
await Promise.all(clients.map((client) => client.leave()));
waitingFor = 'the nodes to stop, which ends the stream of who listens';
await server.close();
await listening.closed;
await fay.leave();
waitingFor = 'the process to end';

process.exitCode = report() > 0 ? 1 : 0;

/**
 * Each node counts and adds a tool, and everybody hears of it who is to.
 *
 * @param {string} when
 */
async function tryAll(when) {
	waitingFor = `everybody to hear of what each node counts, with ${when}`;
	await inEachNode(async (client) => {
		const { node, answer } = await change(client, 'counts visits', ['count', { counter: 'visits' }], {
			message: VISITS_CHANGED,
			to: everyone.filter((name) => subscriptions[name].includes('visits')),
		});
		// The counters are in Redis: that is the application's business, not the managers'.
		if (answer !== `visits: ${++visits}`) found.push(`node ${node} answered "${answer}", not "visits: ${visits}"`);
		return node;
	});
	waitingFor = `everybody to hear of the tools that each node adds, with ${when}`;
	await inEachNode(async (client) => {
		const call = /** @type {const} */ (['add_reset', { counter: 'visits' }]);
		return (await change(client, 'adds a tool', call, { message: TOOLS_CHANGED, to: everyone })).node;
	});
	for (const client of clients) {
		const tools = await client.tools();
		if (!tools.includes('reset_visits')) found.push(`${client.name} has only ${tools.join(', ')}`);
	}
}

/**
 * Ends a node, and waits until the streams of its clients are open elsewhere. That they were cut is told, and is no problem.
 *
 * @param {import('./support/node-processes.mjs').Node} node
 * @param {'SIGTERM' | 'SIGKILL'} signal
 * @param {string} does
 */
async function without(node, signal, does) {
	const at = performance.now();
	steps.push({ label: `node ${node.name} ${does}`, message: '', to: [], at });
	const homeless = everybody.filter(({ name }) => homes.get(name) === node.name);
	const living = server.nodes.filter((other) => other !== node).map(({ name }) => name);
	const housed = homeless.map(async (client) => {
		if (client === fay) {
			await listening.closed;
			listening = await listen();
		} else {
			homes.set(client.name, await nodeOf(client.name, 'GET', living));
		}
	});
	await Promise.all([server.end(node, signal), ...housed]);
	const errors = homeless.flatMap((client) => client.errors.splice(0));
	console.log(
		`Node ${node.name} ${does}: after ${Math.round(performance.now() - at)} ms its ${homeless.length} clients have their streams ` +
			`elsewhere, having met ${errors.length} errors.`,
	);
}

async function listen() {
	const stream = await fay.listen(subscriptions[LISTENS].map(counterUri));
	homes.set(LISTENS, await nodeOf(LISTENS, 'POST'));
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
 * @param {'GET' | 'POST'} method of the request, the last one if there were several
 * @param {string[]} [living] the nodes whose answer is meant
 */
function nodeOf(name, method, living) {
	return /** @type {SpreadFetch} */ (requests.get(name)).threadOf(method, living);
}

/**
 * Does something until each node has, by one client after the other.
 *
 * @param {(client: DemoClient) => Promise<string>} act resolves to the node that did it
 */
async function inEachNode(act) {
	/** @type {Set<string>} */
	const nodes = new Set();
	for (let turn = 0; nodes.size < server.nodes.length; turn++) nodes.add(await act(clients[turn % clients.length]));
	return [...nodes];
}

/**
 * Has a client call a tool, and waits until everybody has heard of it who is to.
 *
 * @param {DemoClient} client
 * @param {string} does what the node does then
 * @param {readonly [tool: string, args?: Record<string, unknown>]} call
 * @param {import('../demo/expectations.mjs').Step} due
 */
async function change(client, does, call, due) {
	const at = performance.now();
	const answer = await client.call(...call);
	const node = await nodeOf(client.name, 'POST');
	steps.push({ label: `node ${node} ${does} for ${client.name}`, ...due, at });
	const hearing = everybody.filter(({ name }) => due.to.includes(name));
	const dueTo = (/** @type {string} */ name) =>
		steps.filter(({ message, to }) => message === due.message && to.includes(name)).length;
	await Promise.all(hearing.map((client) => client.untilReceived(due.message, dueTo(client.name))));
	return { node, answer };
}

/** @returns how many problems there are */
function report() {
	const introductions = Object.fromEntries(
		everybody.map(({ name }) => [name, `${subscriptions[name].join(', ') || 'nothing'}, on ${homes.get(name)}`]),
	);
	const received = everybody.map(({ name, arrivals }) => [name, arrivals.map(({ message }) => message)]);
	const errors = everybody.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error.message}`));
	const all = [...found, ...problems(steps, Object.fromEntries(received)), ...errors];
	printReport(introductions, steps, everybody, all, {
		introduced: 'subscribed to, at last on node',
		since: 'the call',
	});
	return all.length;
}
