// A server of the chaos run: a tmcp server with the Redis managers, served by node:http and srvx. It does what its clients ask,
// handles no error of the managers, and stops on SIGTERM. The test drives it by messages: see the methods of `commands`.
//
// The argument is JSON: `name`, `url` of Redis, and `prefix`.

import { setImmediate as turn } from 'node:timers/promises';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { listen } from '../../../examples/support/http-listener.mjs';
import { closeOnSignal } from '../../../examples/support/serve.mjs';
import { ours } from '../../e2e/support/installations.js';
import { makeNotesServer } from '../../e2e/support/notes-server.js';
import { respondingTo } from '../../support/redis-node/calls.js';
import { text } from '../../support/streams.js';
import { notification, subscription } from '../../support/subscriptions.js';
import { Numbers } from './numbers.js';
import { DRAIN_MS, NOTES, NUMBERED } from './shared.js';

/** Interval at which the server sends a numbered message of its own, in milliseconds. */
const TICK_MS = 50;

const { name, url, prefix } = JSON.parse(process.argv[2]);

/** @type {{ node: string, missed: number }[]} */
const gaps = [];
/** Number of calls of `onError`, by the message. @type {Record<string, number>} */
const errors = {};
/** Number of streams that the manager has ended, by the reason. @type {Record<string, number>} */
const closed = {};
const options = {
	prefix,
	onGap: (/** @type {{ node: string, missed: number }} */ gap) => void gaps.push(gap),
	onError: (/** @type {Error} */ { message }) => count(errors, message),
};
const streams = new RedisStreamSessionManager(url, {
	...options,
	keepAliveMs: 2_000,
	maxQueuedBytes: 1_048_576,
	onClose: (_, reason) => count(closed, reason),
});
const info = new RedisInfoSessionManager(url, options);
const subscriptions = new RedisSubscriptionManager(url, options);
await streams.ready();

// A stream and a registration that receive all messages of all servers.
const onStream = new Numbers({ isComplete: true });
const onRegistration = new Numbers({ isComplete: true });
await streams.create(`probe of ${name}`, /** @type {any} */ ({ enqueue: receive, close() {} }));
await subscriptions.create(subscription('probe', name), {
	acknowledge() {},
	send: ({ params }) => {
		const { from, number } = /** @type {any} */ (params);
		onRegistration.take(from, number);
	},
	close() {},
});
await Promise.all([streams.flush(), subscriptions.flush()]);

let sent = 0;
const server = makeNotesServer(ours, NOTES.length);
addTools();

const transport = new ours.HttpTransport(server, {
	path: '/mcp',
	allowedOrigins: [],
	sessionManager: { streams, info },
	subscriptionManager: subscriptions,
});
const listener = await listen(/** @type {any} */ (transport), 0, {
	drainMs: DRAIN_MS,
	managers: [streams, info, subscriptions],
	headers: { 'x-worker': name },
});

/** @type {NodeJS.Timeout | undefined} */
let ticking;
const commands = {
	/** Starts to send numbered messages. */
	tick() {
		ticking = setInterval(announce, TICK_MS);
	},
	stopTicking() {
		clearInterval(ticking);
	},
	/** Sends one more message, and returns its number. */
	announce() {
		announce();
		return sent;
	},
	/** @param {string} uri */
	touch(uri) {
		server.changed('resource', uri);
	},
	/** Returns what the server has sent, received and counted. */
	report() {
		return {
			sent,
			stream: onStream.report(),
			registration: onRegistration.report(),
			gaps,
			errors,
			closed,
			size: streams.size,
			backplane: streams.stats().backplane,
		};
	},
	/**
	 * Returns what this server knows of sessions and of the subscribers of each note.
	 *
	 * @param {string[]} ids
	 */
	async knows(ids) {
		const settled = (/** @type {Promise<any>} */ value) => value.catch(() => undefined);
		const sessions = ids.map(async (id) => ({
			exists: await streams.has(id),
			client: (await settled(info.getClientInfo(id)))?.name,
			level: await settled(info.getLogLevel(id)),
		}));
		const subscribers = NOTES.map((uri) => info.getSubscriptions(uri));
		return { sessions: await Promise.all(sessions), subscribers: await Promise.all(subscribers) };
	},
	/** Returns the memory in use after garbage collections, in bytes. */
	async memory() {
		// Native functions are freed in a turn of the event loop after a collection.
		for (let collections = 0; collections < 3; collections++) {
			globalThis.gc?.();
			await turn();
		}
		const { rss, heapUsed, external } = process.memoryUsage();
		return { rss, heap: heapUsed + external };
	},
};

const respond = respondingTo(
	(command, ...args) => /** @type {any} */ (commands)[command](...args),
	(message) => void process.send?.(message),
);
process.on('message', respond);
// Nothing may be left of the run when the test has ended.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
closeOnSignal({
	async close() {
		commands.stopTicking();
		await listener.close();
		process.off('message', respond);
		process.removeAllListeners('disconnect');
		process.disconnect();
	},
});
process.send?.({ port: listener.port });

/** Sends the next numbered message to all sessions and registrations of all servers, as code does that ignores the result. */
function announce() {
	const number = ++sent;
	const params = { level: 'info', logger: NUMBERED, data: { from: name, number, at: Date.now() } };
	streams.send(undefined, `event: message\ndata: ${JSON.stringify(notification('notifications/message', params))}\n\n`);
	subscriptions.send(notification('notifications/tools/list_changed', { from: name, number }));
}

function addTools() {
	const done = (/** @type {unknown} */ value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
	server.tool({ name: 'announce', description: 'Sends a numbered message to all' }, () => {
		announce();
		return done(sent);
	});
	for (const [index, uri] of NOTES.entries()) {
		server.tool({ name: `touch_${index}`, description: 'Changes a note' }, () => {
			server.changed('resource', uri);
			return done(uri);
		});
	}
}

/** @param {Uint8Array} chunk of the stream that receives all messages */
function receive(chunk) {
	// Several messages may be in one chunk. Comments keep the stream alive.
	for (const event of text(chunk).split('\n\n')) {
		const [, data] = event.split('\ndata: ');
		if (data === undefined) continue;
		const { params } = JSON.parse(data);
		if (params.logger === NUMBERED) onStream.take(params.data.from, params.data.number);
	}
}

/**
 * @param {Record<string, number>} counts
 * @param {string} what
 */
function count(counts, what) {
	counts[what] = (counts[what] ?? 0) + 1;
}
