// A client of the chaos run: sessions of the official SDK, one after the other. It acts at random, and checks what its streams
// receive.

import { EventEmitter, once } from 'node:events';

import { LEVELS } from '../../e2e/support/notes-server.js';
import { SessionClient } from '../../e2e/support/session-client.js';
import { Numbers } from './numbers.js';
import { NOTES, NUMBERED } from './shared.js';

/** @import { Requests } from './requests.js' */

/** By default, the SDK stops reconnecting after two attempts. */
const RECONNECTION = {
	initialReconnectionDelay: 100,
	maxReconnectionDelay: 500,
	reconnectionDelayGrowFactor: 1.5,
	maxRetries: 1_000,
};
/** A request that takes longer fails, in milliseconds, so that the run ends. The test measures all requests. */
const TIMEOUT_MS = 8_000;

/**
 * @typedef {object} ChaosClientOptions
 * @property {string} origin
 * @property {Requests} requests
 * @property {(limit: number) => number} random
 * @property {boolean} isSteady true if its stream stays open and it watches all notes
 * @property {(problem: string) => void} problem called when something is wrong
 */

export class ChaosClient {
	/** Counts of the streams that have ended. */
	#past = { received: 0, missing: 0, twice: 0 };
	/** @type {SessionClient | undefined} */
	#connection;
	#cut = new AbortController();
	#changes = new EventEmitter();
	#options;
	/** The numbers that the stream has received, while one is open. @type {Numbers | undefined} */
	numbers;
	/** Number of streams that were opened. */
	streams = 0;
	/** Longest time that a message took to a stream of the server that sent it, in milliseconds. */
	longestDeliveryMs = 0;
	/** The server of the stream. */
	#server = '';
	/** Notes that the session watches. @type {Set<string>} */
	watched = new Set();
	/** The log level that the session has set. @type {string | undefined} */
	level;
	/** Number of updates of each note that this session has received. @type {Map<string, number>} */
	updates = new Map();
	/**
	 * What the session has changed since everything agreed. Nothing is changed twice: two changes have no order when one of
	 * them reaches a disconnected server.
	 *
	 * @type {Set<string>}
	 */
	#changed = new Set();

	/**
	 * @param {string} name
	 * @param {ChaosClientOptions} options
	 */
	constructor(name, options) {
		this.name = name;
		this.random = options.random;
		this.isSteady = options.isSteady;
		this.#options = options;
	}

	get session() {
		return this.#session.session ?? '';
	}

	/** Counts of all its streams. */
	get counts() {
		const sum = { ...this.#past };
		for (const count of /** @type {const} */ (['received', 'missing', 'twice']))
			sum[count] += this.numbers?.[count] ?? 0;
		return sum;
	}

	/** Begins a session. */
	async connect() {
		const connection = new SessionClient(
			this.name,
			'http',
			this.#options.origin,
			{},
			{ fetch: (url, init) => this.#fetch(connection, url, init ?? {}), reconnectionOptions: RECONNECTION },
		);
		connection.sdk.fallbackNotificationHandler = async (notification) => this.#receive(notification);
		this.#connection = connection;
		this.watched.clear();
		this.updates.clear();
		this.level = undefined;
		await connection.connect();
		await this.#streamIsOpen();
		if (this.#options.isSteady) for (const uri of NOTES) await this.watch(uri);
	}

	/** @param {string} uri */
	async watch(uri) {
		await this.#session.sdk.subscribeResource({ uri });
		this.watched.add(uri);
	}

	/** Does something at random. */
	async act() {
		const { random, isSteady } = this.#options;
		const actions = isSteady ? 8 : 14;
		switch (random(actions)) {
			case 0:
			case 1:
				return this.#call('announce');
			case 2:
			case 3:
				return this.#call(`touch_${random(NOTES.length)}`);
			case 4:
				return this.#call('log');
			case 5:
				return this.#call('who_am_i');
			case 6:
				return this.#once('level', async () => {
					const level = /** @type {any} */ (LEVELS[random(LEVELS.length)]);
					await this.#session.sdk.setLoggingLevel(level);
					this.level = level;
				});
			case 7:
				return void (await this.#session.sdk.listTools());
			case 8:
			case 9: {
				const uri = NOTES[random(NOTES.length)];
				return this.#once(uri, async () => {
					if (!this.watched.has(uri)) return this.watch(uri);
					await this.#session.sdk.unsubscribeResource({ uri });
					this.watched.delete(uri);
				});
			}
			case 10:
			case 11:
				// As when the network breaks: the SDK opens the stream of the session again.
				this.#cut.abort();
				return;
			case 12:
				await this.#session.terminate();
				await this.#session.drop();
				return this.#connectAgain();
			default:
				await this.#session.drop();
				return this.#connectAgain();
		}
	}

	/** Resolves when its stream is open. */
	async #streamIsOpen() {
		const signal = AbortSignal.timeout(TIMEOUT_MS);
		while (this.numbers === undefined) await once(this.#changes, 'change', { signal });
	}

	/** From now on, everything that the session has set may be set again. */
	agreed() {
		this.#changed.clear();
	}

	/** Leaves without notice. */
	async leave() {
		await this.#connection?.drop();
		this.#endStream();
	}

	get #session() {
		if (this.#connection === undefined) throw new Error(`client ${this.name} is not connected`);
		return this.#connection;
	}

	async #connectAgain() {
		this.#endStream();
		this.#changed.clear();
		await this.connect();
	}

	/**
	 * Changes something that the session has not changed since everything agreed.
	 *
	 * @param {string} what
	 * @param {() => Promise<void>} change
	 */
	async #once(what, change) {
		if (this.#changed.has(what)) return;
		this.#changed.add(what);
		await change();
	}

	/** @param {string} name of a tool */
	async #call(name) {
		const result = await this.#session.sdk.callTool({ name });
		if (result.isError) this.#options.problem(`the tool ${name} has failed: ${JSON.stringify(result.content)}`);
	}

	/**
	 * @param {SessionClient} connection
	 * @param {string | URL} url
	 * @param {RequestInit} init
	 */
	async #fetch(connection, url, init) {
		const { requests, problem } = this.#options;
		// After `close`, the SDK goes on with its attempts to reconnect. It stops when the server has no streams.
		if (init.signal?.aborted) return new Response(null, { status: 405 });
		if (init.method !== 'GET') {
			return requests.fetch(url, { ...init, signal: anyOf(init.signal, AbortSignal.timeout(TIMEOUT_MS)) });
		}
		const cut = new AbortController();
		const tooLate = setTimeout(() => cut.abort(new DOMException('no response', 'TimeoutError')), TIMEOUT_MS);
		const response = await requests.fetch(url, { ...init, signal: anyOf(init.signal, cut.signal) });
		clearTimeout(tooLate);
		// Until the servers agree, another one may believe that the former stream is open.
		if (![200, 409].includes(response.status)) problem(`GET of ${this.name} has status ${response.status}`);
		if (response.status === 200 && connection === this.#connection) {
			this.#endStream();
			this.#cut = cut;
			this.numbers = new Numbers({ isComplete: false });
			this.streams++;
			this.#server = String(response.headers.get('x-worker'));
			this.#changes.emit('change');
			const { numbers } = this;
			const ended = () => {
				if (this.numbers === numbers) this.#endStream();
			};
			cut.signal.addEventListener('abort', ended);
			return new Response(response.body?.pipeThrough(new TransformStream({ flush: ended })), response);
		}
		return response;
	}

	#endStream() {
		this.#past = this.counts;
		this.numbers = undefined;
	}

	/** @param {{ method: string, params?: any }} notification */
	#receive({ method, params }) {
		if (method === 'notifications/resources/updated') {
			this.updates.set(params.uri, (this.updates.get(params.uri) ?? 0) + 1);
		} else if (method === 'notifications/message' && params.logger === NUMBERED) {
			const { from, number, at } = params.data;
			this.numbers?.take(from, number);
			if (from === this.#server) this.longestDeliveryMs = Math.max(this.longestDeliveryMs, Date.now() - at);
		}
		this.#changes.emit('change');
	}
}

/** @param {(AbortSignal | null | undefined)[]} signals */
function anyOf(...signals) {
	return AbortSignal.any(signals.filter((signal) => signal instanceof AbortSignal));
}
