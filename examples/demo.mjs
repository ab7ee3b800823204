// The main job on real parts, checked: a tmcp server over HTTP with our session managers, five clients of the official MCP
// SDK with sessions, and one that listens (MCP 2026-07-28). Prints who received what and after how long. Exits with 1 if a
// message is missing, came twice or reached a client it was not for, or if the managers are not ours.
//
//   npm run demo
//
// Nothing here sleeps. Each round of changes ends with one that everybody is told of: a stream keeps its order, so that
// whoever has that message will not receive anything earlier any more.

import { counterUri } from './support/counter-state.mjs';
import { DemoClient } from './demo/client.mjs';
import { DemoListener } from './demo/listener.mjs';
import { printReport } from './demo/report.mjs';
import { problems } from './demo/expectations.mjs';
import { listen } from './support/http-listener.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { messageName } from './demo/recipient.mjs';
import { packageSeenBy } from './demo/seen-by.mjs';
import { WatchedSessionManager } from './demo/watched-session-manager.mjs';

const DEADLINE_MS = 20_000;
const OUR_NAME = '@tmcp-native/session-manager';

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
/** Who wants to have log messages, and of which level at least. */
const LOG_LEVELS = /** @type {const} */ ({ ada: 'debug', ben: 'error' });

const INTRODUCTIONS = Object.fromEntries(
	Object.entries(subscriptions).map(([name, counters]) => {
		return [name, `${name === LISTENS ? 'listens: ' : ''}${counters.join(', ') || 'nothing'}`];
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
const everybody = [];
/** Who is to be told of things. Not the manager's word for it, which is what is being checked. */
let present = everybody;
let waitingFor = 'the clients to connect';

// Holds the process no longer than there is something to wait for; but what hangs, be it at closing, is a failure.
setTimeout(() => {
	const late = `not done after ${DEADLINE_MS / 1000} s: still waiting for ${waitingFor}`;
	printReport(INTRODUCTIONS, steps, everybody, [late, ...findProblems()]);
	process.exit(1);
}, DEADLINE_MS).unref();

const seen = packageSeenBy(import.meta.resolve('@tmcp/transport-http'), '@tmcp/session-manager');
console.log(`What @tmcp/transport-http imports as @tmcp/session-manager is ${seen.name} ${seen.version}.`);

// Handed over only to be watched. Without it, the transport makes one of the same package, as it does of the two others.
const streams = new WatchedSessionManager();
const mcp = createMcpServer({ sessionManager: { streams } });
const { counters } = mcp;
const listener = await listen(mcp, 0);
console.log(`A tmcp server listens on ${listener.url}.`);

const names = Object.keys(subscriptions);
clients.push(...names.filter((name) => name !== LISTENS).map((name) => new DemoClient(name, listener.url)));
const fay = new DemoListener(LISTENS, listener.url);
everybody.push(...clients, fay);
await Promise.all(everybody.map((client) => client.connect()));
waitingFor = 'their streams to open';
await streams.until(() => clients.every(hasSession));
waitingFor = 'their subscriptions';
for (const client of clients) {
	for (const counter of subscriptions[client.name]) await client.subscribe(counterUri(counter));
}
const listening = await fay.listen(subscriptions.fay.map(counterUri));
console.log(
	`${clients.length} clients of the official MCP SDK have their streams open, and one of MCP 2026-07-28 listens.`,
);

waitingFor = `everybody to receive ${TOOLS_CHANGED}`;
await change('counts visits', () => counters.count('visits'), updateOf('visits'));
await change('counts orders', () => counters.count('orders'), updateOf('orders'));
await change('adds a tool', () => counters.addReset('visits'), toAll(TOOLS_CHANGED));
await Promise.all(everybody.map((client) => client.untilReceived(TOOLS_CHANGED)));

const [ada, ben, , , eve] = clients;
waitingFor = 'the reports that ada and ben ask for';
for (const client of [ada, ben]) {
	await client.setLogLevel(LOG_LEVELS[client.name]);
	const wanted = LOG_LEVELS[client.name] === 'debug';
	step(`logs: ${client.name} set level ${LOG_LEVELS[client.name]}`, {
		message: LOGGED,
		to: wanted ? [client.name] : [],
	});
	// What is logged comes with the answer, before it.
	await client.call('report');
}

waitingFor = "the end of ben's subscription";
await ben.unsubscribe(counterUri('visits'));
subscriptions.ben = ['orders'];
step('hears that ben unsubscribes from visits');

waitingFor = "the end of eve's session";
present = everybody.filter((client) => client !== eve);
await eve.drop();
await streams.until(() => !hasSession(eve));
step('notices that eve is gone');

waitingFor = `everybody else to receive ${RESOURCES_CHANGED}`;
// The transport keeps the subscription of a client that did not say goodbye: eve is still among those to tell.
await change('counts visits', () => counters.count('visits'), updateOf('visits'));
await change('adds a resource', () => counters.add('returns'), toAll(RESOURCES_CHANGED));
await Promise.all(present.map((client) => client.untilReceived(RESOURCES_CHANGED)));

waitingFor = 'the others to say goodbye';
await Promise.all(clients.filter((client) => client !== eve).map((client) => client.leave()));
const found = findProblems();
if (streams.size > 0) found.push(`${streams.size} sessions are left, though all clients said goodbye`);
waitingFor = 'the listener to close, which ends the stream of who listens';
await listener.close();
await listening.closed;
await fay.leave();
waitingFor = 'the process to end';

printReport(INTRODUCTIONS, steps, everybody, found);
process.exitCode = found.length > 0 ? 1 : 0;

/**
 * Notes that something happens now.
 *
 * @param {string} label
 * @param {import('./demo/expectations.mjs').Step} [due] what is to be received
 */
function step(label, due = { message: '', to: [] }) {
	steps.push({ label, ...due, at: performance.now() });
}

/**
 * Changes something on the server, and returns when the message is on its way: the transport looks up who subscribed to a
 * resource before it sends, and what is changed in the meantime would overtake it.
 *
 * @param {string} label
 * @param {() => void} act
 * @param {import('./demo/expectations.mjs').Step} due
 */
async function change(label, act, due) {
	const sent = streams.sent + 1;
	step(label, due);
	act();
	await streams.until(() => streams.sent >= sent);
}

/** @param {string} counter */
function updateOf(counter) {
	const message = messageName('notifications/resources/updated', counterUri(counter));
	return { message, to: namesOf(present).filter((name) => subscriptions[name].includes(counter)) };
}

/** @param {string} message */
function toAll(message) {
	return { message, to: namesOf(present) };
}

/** @param {readonly { name: string }[]} some */
function namesOf(some) {
	return some.map(({ name }) => name);
}

/** @param {DemoClient} client */
function hasSession(client) {
	return streams.ids().includes(client.sessionId);
}

function findProblems() {
	const received = everybody.map(({ name, arrivals }) => [name, arrivals.map(({ message }) => message)]);
	const errors = everybody.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error.message}`));
	const foreign = seen.name === OUR_NAME ? [] : [`the transport imports ${seen.name}, and not ours`];
	return [...foreign, ...problems(steps, Object.fromEntries(received)), ...errors];
}
