// Shows the package with a real server and real clients, and checks the result. The server is a tmcp server over HTTP with
// this package's session managers. Five clients of the official MCP SDK have sessions, and one uses subscriptions/listen (MCP
// 2026-07-28). Prints which client received which message, and after how long. Exits with 1 if a message is missing, arrives
// twice, or reaches a client that it is not for, or if the transport uses other session managers.
//
//   npm run demo
//
// Nothing in this file sleeps. Each series of changes ends with a message to all clients. A stream keeps the order of its
// messages, so a client that has this message cannot receive an earlier one.

import { DemoClient } from './demo/client.mjs';
import { problems } from './demo/expectations.mjs';
import { DemoListener } from './demo/listener.mjs';
import { messageName } from './demo/recipient.mjs';
import { printReport } from './demo/report.mjs';
import { packageSeenBy } from './demo/seen-by.mjs';
import { WatchedSessionManager } from './demo/watched-session-manager.mjs';
import { counterUri } from './support/counter-state.mjs';
import { listen } from './support/http-listener.mjs';
import { createMcpServer } from './support/mcp-server.mjs';

const DEADLINE_MS = 20_000;
const OUR_NAME = '@tmcp-native/session-manager';

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
/** The clients that set a log level. */
const LOG_LEVELS = /** @type {const} */ ({ ada: 'debug', ben: 'error' });

const INTRODUCTIONS = Object.fromEntries(
	Object.entries(subscriptions).map(([name, counters]) => {
		return [name, `${name === LISTENER ? 'listens: ' : ''}${counters.join(', ') || 'nothing'}`];
	}),
);

const TOOLS_CHANGED = messageName('notifications/tools/list_changed');
const RESOURCES_CHANGED = messageName('notifications/resources/list_changed');
const LOGGED = messageName('notifications/message', 'info');

/** @type {import('./demo/report.mjs').Step[]} */
const steps = [];
/** @type {DemoClient[]} */
const clients = [];
/** @type {(DemoClient | DemoListener)[]} */
const allClients = [];
/** The clients that are connected. Not asked from the manager: the manager is what is checked. */
let connected = allClients;
let waitingFor = 'the clients to connect';

// Fails if the demo hangs. Does not keep the process alive.
setTimeout(() => {
	const timeout = `not done after ${DEADLINE_MS / 1000} s: still waiting for ${waitingFor}`;
	printReport(INTRODUCTIONS, steps, allClients, [timeout, ...findProblems()]);
	process.exit(1);
}, DEADLINE_MS).unref();

const seen = packageSeenBy(import.meta.resolve('@tmcp/transport-http'), '@tmcp/session-manager');
console.log(`@tmcp/transport-http imports ${seen.name} ${seen.version} as @tmcp/session-manager.`);

// The transport would create one itself, as it does the other two managers. The demo waits for calls of this one.
const streams = new WatchedSessionManager();
const mcp = createMcpServer({ sessionManager: { streams } });
const { counters } = mcp;
const listener = await listen(mcp.transport, 0, { managers: [streams] });
console.log(`A tmcp server listens on ${listener.url}.`);

const names = Object.keys(subscriptions);
clients.push(...names.filter((name) => name !== LISTENER).map((name) => new DemoClient(name, listener.url)));
const fay = new DemoListener(LISTENER, listener.url);
allClients.push(...clients, fay);
await Promise.all(allClients.map((client) => client.connect()));
waitingFor = 'their streams to open';
await streams.until(() => clients.every(hasSession));
waitingFor = 'their subscriptions';
for (const client of clients) {
	for (const counter of subscriptions[client.name]) await client.subscribe(counterUri(counter));
}
const listening = await fay.listen(subscriptions.fay.map(counterUri));
console.log(
	`${clients.length} clients of the official MCP SDK have opened their streams, and one of MCP 2026-07-28 listens.`,
);

waitingFor = `all clients to receive ${TOOLS_CHANGED}`;
await change('counts visits', () => counters.count('visits'), updateOf('visits'));
await change('counts orders', () => counters.count('orders'), updateOf('orders'));
await change('adds a tool', () => counters.addReset('visits'), toAll(TOOLS_CHANGED));
await Promise.all(allClients.map((client) => client.untilReceived(TOOLS_CHANGED)));

const [ada, ben, , , eve] = clients;
waitingFor = 'the reports that ada and ben ask for';
for (const client of [ada, ben]) {
	await client.setLogLevel(LOG_LEVELS[client.name]);
	const wanted = LOG_LEVELS[client.name] === 'debug';
	step(`logs: ${client.name} set level ${LOG_LEVELS[client.name]}`, {
		message: LOGGED,
		to: wanted ? [client.name] : [],
	});
	// The log message arrives before the result, in the same response.
	await client.call('report');
}

waitingFor = "the end of ben's subscription";
await ben.unsubscribe(counterUri('visits'));
subscriptions.ben = ['orders'];
step('ben unsubscribes from visits');

waitingFor = "the end of eve's session";
connected = allClients.filter((client) => client !== eve);
await eve.drop();
await streams.until(() => !hasSession(eve));
step('notices that eve has disconnected');

waitingFor = `the other clients to receive ${RESOURCES_CHANGED}`;
// The transport keeps the subscriptions of a client that did not end its session: eve still has one.
await change('counts visits', () => counters.count('visits'), updateOf('visits'));
await change('adds a resource', () => counters.add('returns'), toAll(RESOURCES_CHANGED));
await Promise.all(connected.map((client) => client.untilReceived(RESOURCES_CHANGED)));

waitingFor = 'the other clients to end their sessions';
await Promise.all(clients.filter((client) => client !== eve).map((client) => client.leave()));
const found = findProblems();
if (streams.size > 0) found.push(`${streams.size} sessions are left after all clients ended theirs`);
waitingFor = 'the server to close, which ends the stream of fay';
await listener.close();
await listening.closed;
await fay.leave();
waitingFor = 'the process to end';

printReport(INTRODUCTIONS, steps, allClients, found);
process.exitCode = found.length > 0 ? 1 : 0;

/**
 * Records a change that happens now.
 *
 * @param {string} label
 * @param {import('./demo/expectations.mjs').Step} [expected] the message and its recipients
 */
function step(label, expected = { message: '', to: [] }) {
	steps.push({ label, ...expected, at: performance.now() });
}

/**
 * Makes a change on the server, and resolves when the message is sent. The transport reads the subscriptions before it sends:
 * without waiting, the next change could overtake this one.
 *
 * @param {string} label
 * @param {() => void} act
 * @param {import('./demo/expectations.mjs').Step} expected
 */
async function change(label, act, expected) {
	const sent = streams.sent + 1;
	step(label, expected);
	act();
	await streams.until(() => streams.sent >= sent);
}

/** @param {string} counter */
function updateOf(counter) {
	const message = messageName('notifications/resources/updated', counterUri(counter));
	return { message, to: namesOf(connected).filter((name) => subscriptions[name].includes(counter)) };
}

/** @param {string} message */
function toAll(message) {
	return { message, to: namesOf(connected) };
}

/** @param {readonly { name: string }[]} clients */
function namesOf(clients) {
	return clients.map(({ name }) => name);
}

/** @param {DemoClient} client */
function hasSession(client) {
	return streams.ids().includes(client.sessionId);
}

function findProblems() {
	const received = allClients.map(({ name, arrivals }) => [name, arrivals.map(({ message }) => message)]);
	const errors = allClients.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error.message}`));
	const wrongPackage = seen.name === OUR_NAME ? [] : [`the transport imports ${seen.name}, not ${OUR_NAME}`];
	return [...wrongPackage, ...problems(steps, Object.fromEntries(received)), ...errors];
}
