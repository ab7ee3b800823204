// The second part of the demo: a server of several threads on one port. The requests and streams of a client reach any of the
// threads, and a change in one thread is sent to the clients of all threads. The result is checked as in demo.mjs.
//
//   npm run demo
//
// Nothing in this file sleeps. Messages from two threads have no order between them, so each change waits until all recipients
// have the message of the one before. At the end, each thread sends a message to all clients: a client that has it cannot
// receive an earlier message of that thread.

import { DemoClient } from './demo/client.mjs';
import { problems } from './demo/expectations.mjs';
import { DemoListener } from './demo/listener.mjs';
import { messageName } from './demo/recipient.mjs';
import { printReport } from './demo/report.mjs';
import { SpreadFetch } from './demo/spread-fetch.mjs';
import { counterUri } from './support/counter-state.mjs';
import { startWorkers } from './workers/worker-pool.mjs';

const DEADLINE_MS = 20_000;
const THREADS = 3;
const MAX_STREAMS_PER_THREAD = 2;

/** @type {Record<string, string[]>} the counters that each client subscribes to */
const subscriptions = {
	ada: ['visits'],
	ben: ['visits', 'orders'],
	cleo: ['orders'],
	dan: [],
	eve: ['visits'],
	fay: ['visits'],
};
/** The client that uses subscriptions/listen. */
const LISTENER = 'fay';

const VISITS_CHANGED = messageName('notifications/resources/updated', counterUri('visits'));
const TOOLS_CHANGED = messageName('notifications/tools/list_changed');
const LOGGED = messageName('notifications/message', 'info');

/** @type {import('./demo/report.mjs').Step[]} */
const steps = [];
/** @type {DemoClient[]} */
const clients = [];
/** @type {(DemoClient | DemoListener)[]} */
const allClients = [];
/** @type {Map<string, SpreadFetch>} by the name of the client */
const requests = new Map();
/** @type {Map<string, string>} the thread that has the stream, by the name of the client */
const streamThreads = new Map();
/** @type {string[]} */
const found = [];
let waitingFor = 'the threads to listen';

// Fails if the demo hangs. Does not keep the process alive.
setTimeout(() => {
	found.unshift(`not done after ${DEADLINE_MS / 1000} s: still waiting for ${waitingFor}`);
	report();
	process.exit(1);
}, DEADLINE_MS).unref();

const server = await startWorkers(THREADS, 0);
console.log(`\n${server.about} listens on ${server.url}.`);

waitingFor = 'the clients to connect';
for (const name of Object.keys(subscriptions).filter((name) => name !== LISTENER)) {
	clients.push(await connect(name));
}
const fay = new DemoListener(LISTENER, server.url, fetchOf(LISTENER));
allClients.push(...clients, fay);
waitingFor = 'their subscriptions';
for (const client of clients) {
	for (const counter of subscriptions[client.name]) await client.subscribe(counterUri(counter));
}
await fay.connect();
const listening = await fay.listen(subscriptions.fay.map(counterUri));
streamThreads.set(LISTENER, await threadOf(LISTENER, 'POST'));
console.log(`The streams of ${allClients.length} clients are in ${new Set(streamThreads.values()).size} threads.`);

const [ada, ben] = clients;
waitingFor = 'the messages of the counts in each thread';
let visits = 0;
await inEachThread(async (client) => {
	const { thread, answer } = await change(client, 'counts visits', ['count', { counter: 'visits' }], {
		message: VISITS_CHANGED,
		to: allClients.map(({ name }) => name).filter((name) => subscriptions[name].includes('visits')),
	});
	// Checks the application's shared memory. It does not belong to the managers.
	if (answer !== `visits: ${++visits}`) found.push(`thread ${thread} answered "${answer}", not "visits: ${visits}"`);
	return thread;
});

waitingFor = 'the reports that ada and ben request';
await change(ada, 'logs', ['report'], { message: LOGGED, to: ['ada'] });
await ben.setLogLevel('error');
steps.push({ label: 'each logs: ben set level error', message: LOGGED, to: [], at: performance.now() });
await inEachThread(async () => {
	await ben.call('report');
	return threadOf('ben', 'POST');
});

waitingFor = 'the messages of the tools that each thread adds';
const allNames = allClients.map(({ name }) => name);
await inEachThread(async (client) => {
	const call = /** @type {const} */ (['add_reset', { counter: 'visits' }]);
	return (await change(client, 'adds a tool', call, { message: TOOLS_CHANGED, to: allNames })).thread;
});

waitingFor = 'the clients to end their sessions';
await Promise.all(clients.map((client) => client.leave()));
waitingFor = 'the threads to end, which ends the stream of fay';
await server.close();
await listening.closed;
await fay.leave();
waitingFor = 'the process to end';

process.exitCode = report() > 0 ? 1 : 0;

/**
 * Connects a client. Repeats it until the stream is in a thread that has room: a client cannot choose its thread.
 *
 * @param {string} name
 */
async function connect(name) {
	for (;;) {
		const client = new DemoClient(name, server.url, fetchOf(name));
		await client.connect();
		// The SDK opens the stream later.
		const thread = await threadOf(name, 'GET');
		if ([...streamThreads.values()].filter((other) => other === thread).length < MAX_STREAMS_PER_THREAD) {
			streamThreads.set(name, thread);
			return client;
		}
		await client.leave();
	}
}

/** @param {string} name */
function fetchOf(name) {
	const spread = new SpreadFetch();
	requests.set(name, spread);
	return spread;
}

/**
 * @param {string} name
 * @param {'GET' | 'POST'} method of the client's last request
 */
function threadOf(name, method) {
	return /** @type {SpreadFetch} */ (requests.get(name)).threadOf(method);
}

/**
 * Repeats an action with one client after the other, until each thread has done it.
 *
 * @param {(client: DemoClient) => Promise<string>} act resolves to the thread that did it
 */
async function inEachThread(act) {
	const threads = new Set();
	for (let calls = 0; threads.size < THREADS; calls++) threads.add(await act(clients[calls % clients.length]));
}

/**
 * Lets a client call a tool, and resolves when all recipients have the message of the change.
 *
 * @param {DemoClient} client
 * @param {string} action of the thread, for the table
 * @param {readonly [tool: string, args?: Record<string, unknown>]} call
 * @param {import('./demo/expectations.mjs').Step} expected
 */
async function change(client, action, call, expected) {
	const at = performance.now();
	const answer = await client.call(...call);
	const thread = await threadOf(client.name, 'POST');
	steps.push({ label: `thread ${thread} ${action} for ${client.name}`, ...expected, at });
	const recipients = allClients.filter(({ name }) => expected.to.includes(name));
	const timesFor = (/** @type {string} */ name) =>
		steps.filter(({ message, to }) => message === expected.message && to.includes(name)).length;
	await Promise.all(recipients.map((client) => client.untilReceived(expected.message, timesFor(client.name))));
	return { thread, answer };
}

/** Prints the table. Returns the number of problems. */
function report() {
	const introductions = Object.fromEntries(
		allClients.map(({ name }) => [
			name,
			`${subscriptions[name].join(', ') || 'nothing'}, in ${streamThreads.get(name)}`,
		]),
	);
	const received = allClients.map(({ name, arrivals }) => [name, arrivals.map(({ message }) => message)]);
	const errors = allClients.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error.message}`));
	const all = [...found, ...problems(steps, Object.fromEntries(received)), ...errors];
	printReport(introductions, steps, allClients, all, { introduced: 'subscribed to, in thread', since: 'the call' });
	return all.length;
}
