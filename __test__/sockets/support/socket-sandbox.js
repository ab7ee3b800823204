// A host, a manager and clients, on which random operations are performed. What each client receives is compared with what
// the operations have sent to it.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { ExpectedStream } from './expected-stream.js';
import { RawClient } from './raw-client.js';
import { until, within } from './until.js';
import { PLAIN, pathOf, sessionOf, WebApp } from './web-app.js';

/** @import { Host, HostOptions } from '../hosts/listening.js' */
/** @import { RawResponse } from './raw-response.js' */

/**
 * @typedef {object} Stream
 * @property {string} name
 * @property {string} id
 * @property {'1.0' | '1.1'} version
 * @property {RawClient} client
 * @property {RawResponse} response
 * @property {ExpectedStream} expected
 * @property {boolean} isPaused
 * @property {boolean} hasLeft
 */

/** Numbers of messages in which streams become direct. */
const FEW_MESSAGES = 4;
const MANY_MESSAGES = 50;

/** A host that serves one sandbox after the other. */
export class SandboxHost {
	/** Set while a sandbox is in use. @type {WebApp | undefined} */
	app;
	/** Responses by session. @type {Map<string, import('node:http').ServerResponse>} */
	responses = new Map();
	/** @type {Host} */
	// @ts-expect-error set by `start`
	host;

	/**
	 * @param {(options: HostOptions) => Promise<Host>} start
	 * @param {boolean} attach
	 */
	async start(start, attach) {
		this.host = await start({
			fetch: (request) => this.app?.fetch(request) ?? new Response('no sandbox\n', { status: 503 }),
			attach,
			prepare: (server) => {
				server.prependListener('request', ({ url = '' }, response) => {
					const id = sessionOf(url);
					if (id !== undefined) this.responses.set(id, response);
				});
			},
		});
		return this;
	}
}

export class SocketSandbox {
	#host;
	#manager;
	#app;
	/** Streams that are open, by session. @type {Map<string, Stream>} */
	#open = new Map();
	/** @type {Stream[]} */
	#ended = [];
	#streams = 0;
	#comments = 0;
	/** The end of each stream, as its client sees it. @type {string[]} */
	#log = [];

	/**
	 * @param {SandboxHost} host
	 * @param {object} [options] of the manager
	 */
	constructor(host, options) {
		this.#host = host;
		this.#manager = new InMemoryStreamSessionManager(options);
		this.#app = new WebApp(this.#manager);
		host.app = this.#app;
	}

	/**
	 * @param {any} operation
	 * @returns {Promise<unknown> | undefined}
	 */
	perform({ do: what, ...rest }) {
		if (what === 'nothing') return undefined;
		if (what === 'turn') return turn();
		if (what === 'create') return this.#create(rest);
		if (what === 'send') return this.#send(rest);
		const stream = this.#open.get(rest.id);
		if (stream === undefined) return undefined;
		switch (what) {
			case 'enqueue':
				return this.#enqueue(stream, rest.text);
			case 'comment':
				return this.#comment(stream);
			case 'delete':
				this.#manager.delete(stream.id);
				return this.#hasEnded(stream);
			case 'close':
				this.#app.controllers.get(stream.id)?.close();
				return this.#hasEnded(stream);
			case 'pause':
				stream.client.pause();
				stream.isPaused = true;
				return undefined;
			case 'resume':
				return this.#resume(stream);
			case 'settle':
				return stream.isPaused ? undefined : this.#settled(stream);
			default:
				stream.hasLeft = true;
				stream.client[/** @type {'leave' | 'reset'} */ (what)]();
				return this.#hasEnded(stream);
		}
	}

	/** @param {{ id: string, version: '1.0' | '1.1', pieceBytes: number, becomesDirect: boolean }} operation */
	async #create({ id, version, pieceBytes, becomesDirect }) {
		const client = await RawClient.connect(this.#host.host.port, { pieceBytes });
		const created = this.#app.created(id);
		const name = `stream ${++this.#streams} of ${id}`;
		const response = client.request(pathOf(id), { version });
		await within(created, () => `${name} is created`);
		const before = this.#open.get(id);
		if (before !== undefined) this.#hasEnded(before);
		const expected = new ExpectedStream();
		const stream = { name, id, version, client, response, expected, isPaused: false, hasLeft: false };
		this.#open.set(id, stream);
		if (becomesDirect) await this.#becomesDirect(stream);
	}

	/**
	 * Sends messages to the stream, which has time to become direct.
	 *
	 * @param {Stream} stream
	 */
	async #becomesDirect(stream) {
		const before = this.#direct;
		for (let messages = 1; messages <= FEW_MESSAGES && this.#direct === before; messages++) {
			this.#send({ ids: [stream.id], text: `: message ${messages}\n\n` });
			await this.#settled(stream);
			await turn();
		}
	}

	/** Asserts that all open streams become direct, if native delivery is attached. */
	async #allBecomeDirect() {
		const { delivery } = this.#host.host;
		if (delivery === undefined) return;
		for (const stream of this.#open.values()) this.#resume(stream);
		for (let messages = 1; messages <= MANY_MESSAGES; messages++) {
			this.#send({ ids: undefined, text: `: message ${messages}\n\n` });
			for (const stream of this.#open.values()) await this.#settled(stream);
			await turn();
			if (this.#direct === this.#manager.size) return;
		}
		const { fallback } = delivery.stats();
		assert.fail(`${this.#direct} of ${this.#open.size} are direct, fallback: ${JSON.stringify(fallback)}`);
	}

	get #direct() {
		return this.#manager.stats().direct;
	}

	/**
	 * @param {{ ids: string[] | undefined, text: string }} operation
	 * @returns {undefined}
	 */
	#send({ ids, text }) {
		const bytes = Buffer.from(text.toWellFormed());
		for (const [id, { expected }] of this.#open) if (ids?.includes(id) ?? true) expected.message(bytes);
		this.#manager.send(ids, text);
	}

	/**
	 * The application enqueues a chunk itself, as a transport does right after `create`.
	 *
	 * @param {Stream} stream
	 * @param {string} text
	 * @returns {undefined}
	 */
	#enqueue({ id, expected }, text) {
		const bytes = Buffer.from(text);
		expected.message(bytes);
		this.#app.controllers.get(id)?.enqueue(new Uint8Array(bytes));
	}

	/**
	 * The adapter writes on the response itself. Without a paused client its comment has a place: all messages are with the
	 * client.
	 *
	 * @param {Stream} stream
	 */
	async #comment(stream) {
		const { id, expected, isPaused } = stream;
		// The first chunk belongs to the adapter, which sends the head with it.
		if (expected.length === 0) return;
		if (!isPaused) await this.#settled(stream);
		else if (stream.response.length === 0) return;
		const bytes = Buffer.from(`: comment ${++this.#comments} of the adapter\n\n`);
		expected.comment(bytes, isPaused);
		this.#host.responses.get(id)?.write(bytes);
	}

	/** @param {Stream} stream @returns {undefined} */
	#resume(stream) {
		stream.client.resume();
		stream.isPaused = false;
	}

	/** @param {Stream} stream */
	#settled({ name, expected, response }) {
		const { length } = expected;
		return within(response.reaches(length), () => `${name} has ${length} bytes; it has ${response.length}`);
	}

	/** @param {Stream} stream @returns {undefined} */
	#hasEnded(stream) {
		this.#open.delete(stream.id);
		this.#ended.push(stream);
		// A client that reads nothing would not see the end.
		if (!stream.hasLeft) this.#resume(stream);
	}

	/** Ends all streams, verifies what the clients have received, and returns how each stream ended. */
	async finish() {
		// Hono does not cancel the stream of a client that leaves before the first message.
		for (const id of this.#manager.ids()) if (!this.#open.has(id)) this.#manager.delete(id);
		await this.#allBecomeDirect();
		for (const stream of [...this.#open.values()]) {
			this.#manager.delete(stream.id);
			this.#hasEnded(stream);
		}
		for (const stream of this.#ended) await this.#verify(stream);
		await until(() => this.#manager.size === 0, 'no session is left');
		await until(() => this.#direct === 0, 'no session is direct');
		await this.#manager.close();
		this.#host.responses.clear();
		return this.#log;
	}

	/** @param {Stream} stream */
	async #verify({ name, version, client, response, expected, hasLeft }) {
		if (hasLeft) {
			await client.closed;
			await response.ended.catch(() => {});
			expected.verify(response.body, name, false);
			return;
		}
		const end = await within(
			response.ended,
			() => `${name} ends; it has ${response.length} of ${expected.length} bytes`,
		);
		expected.verify(response.body, name, true);
		this.#log.push(`${name}: ${end}`);
		if (version === '1.0') {
			assert.equal(await client.closed, 'fin');
		} else {
			const next = client.request('/plain');
			assert.equal(await within(next.ended, () => `${name}: the next response`), 'complete');
			assert.equal(next.text, PLAIN);
		}
		client.leave();
	}
}
