// The main job on real parts, checked: a tmcp server over HTTP with our session manager, and five clients of the official
// MCP SDK. Prints who received what and after how long. Exits with 1 if a message is missing, came twice or reached a
// client it was not for.
//
//   npm run demo
//
// Nothing here sleeps. Each round of changes ends with one that everybody is told of: a stream keeps its order, so that
// whoever has that message will not receive anything earlier any more.

import { DemoClient, messageName } from './demo-client.mjs';
import { printReport } from './demo-report.mjs';
import { problems } from './expectations.mjs';
import { listen } from './http-listener.mjs';
import { counterUri, createMcpServer } from './mcp-server.mjs';
import { WatchedSessionManager } from './watched-session-manager.mjs';

const DEADLINE_MS = 20_000;

const SUBSCRIPTIONS = { ada: ['visits'], ben: ['visits', 'orders'], cleo: ['orders'], dan: [], eve: ['visits'] };

const TOOLS_CHANGED = messageName('notifications/tools/list_changed');
const RESOURCES_CHANGED = messageName('notifications/resources/list_changed');

/** @type {import('./demo-report.mjs').Step[]} */
const steps = [];
/** @type {DemoClient[]} */
const clients = [];
/** Who is to be told of things. Not the manager's word for it, which is what is being checked. */
let present = clients;
let waitingFor = 'the clients to connect';

// Holds the process no longer than there is something to wait for; but what hangs, be it at closing, is a failure.
setTimeout(() => {
	const late = `not done after ${DEADLINE_MS / 1000} s: still waiting for ${waitingFor}`;
	printReport(SUBSCRIPTIONS, steps, clients, [late, ...findProblems()]);
	process.exit(1);
}, DEADLINE_MS).unref();

const streams = new WatchedSessionManager();
const mcp = createMcpServer({ streams });
const { counters } = mcp;
const listener = await listen(mcp, 0);
console.log(`A tmcp server with our session manager listens on ${listener.url}.`);

clients.push(...Object.keys(SUBSCRIPTIONS).map((name) => new DemoClient(name, listener.url)));
await Promise.all(clients.map((client) => client.connect()));
waitingFor = 'their streams to open';
await streams.until(() => clients.every(hasSession));
waitingFor = 'their subscriptions';
for (const client of clients) {
	for (const counter of SUBSCRIPTIONS[client.name]) await client.subscribe(counterUri(counter));
}
console.log(`${clients.length} clients of the official MCP SDK are connected, each with its stream open.`);

waitingFor = `everybody to receive ${TOOLS_CHANGED}`;
await change('counts visits', () => counters.count('visits'), updateOf('visits'));
await change('counts orders', () => counters.count('orders'), updateOf('orders'));
await change('adds a tool', () => counters.addReset('visits'), toAll(TOOLS_CHANGED));
await Promise.all(clients.map((client) => client.untilReceived(TOOLS_CHANGED)));

const eve = clients.find(({ name }) => name === 'eve');
present = clients.filter((client) => client !== eve);
waitingFor = "the end of eve's session";
await eve.drop();
await streams.until(() => !hasSession(eve));
steps.push({ label: 'notices that eve is gone', message: '', to: [], at: performance.now() });

waitingFor = `everybody else to receive ${RESOURCES_CHANGED}`;
// Upstream's transport keeps the subscription of a client that did not say goodbye: eve is still among those to tell.
await change('counts visits', () => counters.count('visits'), updateOf('visits'));
await change('adds a resource', () => counters.add('returns'), toAll(RESOURCES_CHANGED));
await Promise.all(present.map((client) => client.untilReceived(RESOURCES_CHANGED)));

waitingFor = 'the others to say goodbye';
await Promise.all(present.map((client) => client.leave()));
const found = findProblems();
if (streams.size > 0) found.push(`${streams.size} sessions are left, though all clients said goodbye`);
waitingFor = 'the listener to close';
await listener.close();
waitingFor = 'the process to end';

printReport(SUBSCRIPTIONS, steps, clients, found);
process.exitCode = found.length > 0 ? 1 : 0;

/**
 * Changes something on the server, and returns when the message is on its way: the transport looks up who subscribed to a
 * resource before it sends, and what is changed in the meantime would overtake it.
 *
 * @param {string} label
 * @param {() => void} act
 * @param {import('./expectations.mjs').Step} step
 */
async function change(label, act, step) {
	const sent = streams.sent + 1;
	steps.push({ label, ...step, at: performance.now() });
	act();
	await streams.until(() => streams.sent >= sent);
}

/** @param {string} counter */
function updateOf(counter) {
	const message = messageName('notifications/resources/updated', counterUri(counter));
	return { message, to: namesOf(present).filter((name) => SUBSCRIPTIONS[name].includes(counter)) };
}

/** @param {string} message */
function toAll(message) {
	return { message, to: namesOf(present) };
}

/** @param {readonly DemoClient[]} some */
function namesOf(some) {
	return some.map(({ name }) => name);
}

/** @param {DemoClient} client */
function hasSession(client) {
	return streams.ids().includes(client.sessionId);
}

function findProblems() {
	const received = clients.map(({ name, arrivals }) => [name, arrivals.map(({ message }) => message)]);
	const errors = clients.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error.message}`));
	return [...problems(steps, Object.fromEntries(received)), ...errors];
}
