// The demo's second part: a server of several threads on one port, and clients whose requests and streams land in any of
// them. What a call changes in one thread, the clients of all hear of. Checked as the first part is, and exits as it does.
//
//   npm run demo
//
// Nothing here sleeps. What two threads send has no order between them, so the next change waits until everybody has heard
// of the last one. In the end each thread tells everybody something, behind which nothing earlier of its own can come.

import { counterUri } from './support/counter-state.mjs';
import { DemoClient } from './demo/client.mjs';
import { DemoListener } from './demo/listener.mjs';
import { printReport } from './demo/report.mjs';
import { problems } from './demo/expectations.mjs';
import { messageName } from './demo/recipient.mjs';
import { SpreadFetch } from './demo/spread-fetch.mjs';
import { startWorkers } from './workers/worker-pool.mjs';

const DEADLINE_MS = 20_000;
const THREADS = 3;
const MOST_STREAMS_A_THREAD = 2;

/** @type {Record<string, string[]>} by name, what each wants to hear of */
const subscriptions = {
	ada: ['visits'],
	ben: ['visits', 'orders'],
	cleo: ['orders'],
	dan: [],
	eve: ['visits'],
	fay: ['visits'],
};
const LISTENS = 'fay';

const VISITS_CHANGED = messageName('notifications/resources/updated', counterUri('visits'));
const TOOLS_CHANGED = messageName('notifications/tools/list_changed');
const LOGGED = messageName('notifications/message', 'info');

/** @type {import('./demo/report.mjs').Step[]} */
const steps = [];
/** @type {DemoClient[]} */
const clients = [];
/** @type {(DemoClient | DemoListener)[]} */
const everybody = [];
/** @type {Map<string, SpreadFetch>} by the name of the client */
const requests = new Map();
/** @type {Map<string, string>} which thread has the stream, by the name of the client */
const homes = new Map();
/** @type {string[]} */
const found = [];
let waitingFor = 'the threads to listen';

// Holds the process no longer than there is something to wait for; but what hangs, be it at closing, is a failure.
setTimeout(() => {
	found.unshift(`not done after ${DEADLINE_MS / 1000} s: still waiting for ${waitingFor}`);
	report();
	process.exit(1);
}, DEADLINE_MS).unref();

const server = await startWorkers(THREADS, 0);
console.log(`\n${server.about} listens on ${server.url}.`);

waitingFor = 'the clients to connect';
for (const name of Object.keys(subscriptions).filter((name) => name !== LISTENS)) {
	clients.push(await connect(name));
}
const fay = new DemoListener(LISTENS, server.url, fetchOf(LISTENS));
everybody.push(...clients, fay);
waitingFor = 'their subscriptions';
for (const client of clients) {
	for (const counter of subscriptions[client.name]) await client.subscribe(counterUri(counter));
}
await fay.connect();
const listening = await fay.listen(subscriptions.fay.map(counterUri));
homes.set(LISTENS, await threadOf(LISTENS, 'POST'));
console.log(`The streams of ${everybody.length} clients landed in ${new Set(homes.values()).size} of them.`);

const [ada, ben] = clients;
waitingFor = 'everybody to hear of what each thread counts';
let visits = 0;
await inEachThread(async (client) => {
	const { thread, answer } = await change(client, 'counts visits', ['count', { counter: 'visits' }], {
		message: VISITS_CHANGED,
		to: everybody.map(({ name }) => name).filter((name) => subscriptions[name].includes('visits')),
	});
	// The counters are shared memory: that is the application's business, not the managers'.
	if (answer !== `visits: ${++visits}`) found.push(`thread ${thread} answered "${answer}", not "visits: ${visits}"`);
	return thread;
});

waitingFor = 'the reports that ada and ben ask for';
await change(ada, 'logs', ['report'], { message: LOGGED, to: ['ada'] });
await ben.setLogLevel('error');
steps.push({ label: 'each logs: ben set level error', message: LOGGED, to: [], at: performance.now() });
await inEachThread(async () => {
	await ben.call('report');
	return threadOf('ben', 'POST');
});

waitingFor = 'everybody to hear of the tools that each thread adds';
const everyone = everybody.map(({ name }) => name);
await inEachThread(async (client) => {
	const call = /** @type {const} */ (['add_reset', { counter: 'visits' }]);
	return (await change(client, 'adds a tool', call, { message: TOOLS_CHANGED, to: everyone })).thread;
});

waitingFor = 'the clients to say goodbye';
await Promise.all(clients.map((client) => client.leave()));
waitingFor = 'the threads to end, which ends the stream of who listens';
await server.close();
await listening.closed;
await fay.leave();
waitingFor = 'the process to end';

process.exitCode = report() > 0 ? 1 : 0;

/**
 * Until its stream is in a thread that does not have its share yet: where a connection lands is not for us to say.
 *
 * @param {string} name
 */
async function connect(name) {
	for (;;) {
		const client = new DemoClient(name, server.url, fetchOf(name));
		await client.connect();
		// The SDK opens the stream in its own time.
		const home = await threadOf(name, 'GET');
		if ([...homes.values()].filter((thread) => thread === home).length < MOST_STREAMS_A_THREAD) {
			homes.set(name, home);
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
 * @param {'GET' | 'POST'} method of the request, the last one if there were several
 */
function threadOf(name, method) {
	return /** @type {SpreadFetch} */ (requests.get(name)).threadOf(method);
}

/**
 * Does something until each thread has, by one client after the other.
 *
 * @param {(client: DemoClient) => Promise<string>} act resolves to the thread that did it
 */
async function inEachThread(act) {
	const threads = new Set();
	for (let turn = 0; threads.size < THREADS; turn++) threads.add(await act(clients[turn % clients.length]));
}

/**
 * Has a client call a tool, and waits until everybody has heard of it who is to.
 *
 * @param {DemoClient} client
 * @param {string} does what the thread does then
 * @param {readonly [tool: string, args?: Record<string, unknown>]} call
 * @param {import('./demo/expectations.mjs').Step} due
 */
async function change(client, does, call, due) {
	const at = performance.now();
	const answer = await client.call(...call);
	const thread = await threadOf(client.name, 'POST');
	steps.push({ label: `thread ${thread} ${does} for ${client.name}`, ...due, at });
	const hearing = everybody.filter(({ name }) => due.to.includes(name));
	const dueTo = (/** @type {string} */ name) =>
		steps.filter(({ message, to }) => message === due.message && to.includes(name)).length;
	await Promise.all(hearing.map((client) => client.untilReceived(due.message, dueTo(client.name))));
	return { thread, answer };
}

/** @returns how many problems there are */
function report() {
	const introductions = Object.fromEntries(
		everybody.map(({ name }) => [name, `${subscriptions[name].join(', ') || 'nothing'}, in ${homes.get(name)}`]),
	);
	const received = everybody.map(({ name, arrivals }) => [name, arrivals.map(({ message }) => message)]);
	const errors = everybody.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error.message}`));
	const all = [...found, ...problems(steps, Object.fromEntries(received)), ...errors];
	printReport(introductions, steps, everybody, all, { introduced: 'subscribed to, in thread', since: 'the call' });
	return all.length;
}
