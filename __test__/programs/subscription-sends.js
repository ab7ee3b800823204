// Sends notifications with the subscription manager of one implementation on Redis, and prints as JSON how each `send` ends and
// what the callbacks get. The last line of each case has its name. It ends by `process.exit()`, because upstream's manager
// cannot disconnect.
//
//   node subscription-sends.js ours redis://127.0.0.1:6379
//   node subscription-sends.js upstream redis://127.0.0.1:6379

import { once } from 'node:events';

import { RedisSubscriptionManager as Ours } from '@tmcp-native/session-manager/redis';

import { RedisSubscriptionManager as Upstream } from '../redis/upstream/managers.js';
import { stateOf, updated } from '../support/subscriptions.js';

const [implementation, url] = process.argv.slice(2);
/** Long enough for every test, so that a `send` of ours ends for no other reason than Redis. */
const COMMAND_TIMEOUT_MS = 600_000;

/** @type {any} */
const manager = implementation === 'ours' ? new Ours(url, { commandTimeoutMs: COMMAND_TIMEOUT_MS }) : new Upstream(url);

/** A registration for one URI, whose callbacks record their calls and then do what a case says. */
class Listener {
	/** @type {string[]} */
	calls = [];
	#changed = () => {};

	/**
	 * @param {string} uri
	 * @param {{ acknowledge?: () => unknown, send?: () => unknown }} [callbacks]
	 */
	constructor(uri, { acknowledge, send } = {}) {
		this.uri = uri;
		this.created = Promise.resolve(
			manager.create(
				{ id: uri, origin: 'cases', filters: { resourceSubscriptions: [uri.split('#')[0]] } },
				{
					acknowledge: () => this.#record('acknowledge', acknowledge),
					send: (/** @type {any} */ { params }) => this.#record(`send ${params.n}`, send),
					close() {},
				},
			),
		);
	}

	/**
	 * @param {string} call
	 * @param {(() => unknown) | undefined} callback
	 */
	#record(call, callback) {
		this.calls.push(call);
		this.#changed();
		return callback?.();
	}

	/**
	 * Resolves to the calls when there are this many.
	 *
	 * @param {number} count
	 */
	async called(count) {
		while (this.calls.length < count) {
			await new Promise((resolve) => {
				this.#changed = () => resolve(undefined);
			});
		}
		return this.calls;
	}
}

/**
 * @param {string} uri
 * @param {number} n
 */
function send(uri, n) {
	const notification = updated(uri);
	return manager.send({ ...notification, params: { uri, n } });
}

const never = () => new Promise(() => {});

/** Each resolves to what it has seen. @type {Record<string, (uri: string) => Promise<unknown>>} */
const CASES = {
	'awaited by acknowledge': async (uri) => {
		/** @type {unknown} */
		let result = 'pending';
		const listener = new Listener(uri, {
			acknowledge: async () => {
				result = await send(uri, 1);
			},
		});
		return { created: await listener.created, calls: await listener.called(2), result: result ?? 'undefined' };
	},
	'before an acknowledgement that never settles': async (uri) => {
		const listener = new Listener(uri, { acknowledge: never });
		await listener.called(1);
		await send(uri, 1);
		await send(uri, 2);
		return { calls: listener.calls };
	},
	'before a callback that never settles': async (uri) => {
		const [slow, quick] = [new Listener(uri, { send: never }), new Listener(`${uri}#quick`)];
		await Promise.all([slow.created, quick.created]);
		for (const n of [1, 2, 3]) await send(uri, n);
		return { slow: await slow.called(2), quick: await quick.called(4) };
	},
	'to callbacks that fail': async (uri) => {
		const throws = new Listener(uri, {
			send() {
				throw new Error('failure');
			},
		});
		const rejects = new Listener(`${uri}#rejects`, { send: () => Promise.reject(new Error('failure')) });
		const works = new Listener(`${uri}#works`);
		const all = [throws, rejects, works];
		await Promise.all(all.map(({ created }) => created));
		for (const n of [1, 2]) await send(uri, n);
		return Promise.all(all.map((listener) => listener.called(3)));
	},
	'in a burst': async (uri) => {
		const listener = new Listener(uri);
		await listener.created;
		const results = await Promise.all(Array.from({ length: 100 }, (_, n) => send(uri, n)));
		const calls = await listener.called(101);
		return {
			resolved: results.filter((result) => result === undefined).length,
			inOrder: calls.slice(1).every((call, n) => call === `send ${n}`),
		};
	},
	'without a registration': async (uri) => ({ result: (await send(uri, 1)) ?? 'undefined' }),
	// The test pauses Redis when it reads `pause`, and resumes it when it reads `sent`.
	'while Redis is paused': async (uri) => {
		console.log('pause');
		await once(process.stdin, 'data');
		const sent = send(uri, 1);
		const paused = await stateOf(sent);
		console.log('sent');
		return { paused, resumed: (await sent) ?? 'undefined' };
	},
};

for (const [name, run] of Object.entries(CASES)) {
	console.log(JSON.stringify([name, await run(`case:${name}`)]));
}
process.exit();
