// The straightforward one: a single pub/sub channel for all messages, each JSON with the ids it is for. Every node parses each,
// and looks whether it has those sessions. Here it stands for what a node pays for messages that are for others.

import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';

const CHANNEL = 'mcp:plain';
const SESSIONS = 'mcp:plain:sessions';

const encoder = new TextEncoder();

export class PlainSessionManager {
	/** Stands in each message: a process has fed its own sessions already. */
	#node = randomUUID();
	/** @type {Map<string, ReadableStreamDefaultController>} */
	#sessions = new Map();
	#publisher;
	#subscriber;
	#ready;

	/** @param {string} url */
	constructor(url) {
		this.#publisher = createClient({ url });
		this.#subscriber = this.#publisher.duplicate();
		// It connects anew by itself; without a listener the process would end.
		for (const client of [this.#publisher, this.#subscriber]) client.on('error', () => {});
		this.#ready = this.#connect();
	}

	async #connect() {
		await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
		await this.#subscriber.subscribe(CHANNEL, (message) => {
			const { node, ids, data } = JSON.parse(message);
			if (node !== this.#node) this.#feed(ids, data);
		});
	}

	/** Resolves once what others send arrives here. */
	ready() {
		return this.#ready;
	}

	/**
	 * @param {string} id
	 * @param {ReadableStreamDefaultController} controller
	 */
	async create(id, controller) {
		this.#sessions.set(id, controller);
		await this.#ready;
		await this.#publisher.sAdd(SESSIONS, id);
	}

	/** @param {string} id one of this process: no other is deleted here */
	async delete(id) {
		this.#sessions.delete(id);
		await this.#publisher.sRem(SESSIONS, id);
	}

	/** @param {string} id */
	async has(id) {
		await this.#ready;
		return Boolean(await this.#publisher.sIsMember(SESSIONS, id));
	}

	/**
	 * @param {string[] | undefined} ids
	 * @param {string} data
	 */
	async send(ids, data) {
		this.#feed(ids, data);
		await this.#publisher.publish(CHANNEL, JSON.stringify({ node: this.#node, ids, data }));
	}

	/**
	 * @param {Iterable<string> | undefined} ids
	 * @param {string} data
	 */
	#feed(ids = this.#sessions.keys(), data) {
		for (const id of ids) this.#sessions.get(id)?.enqueue(encoder.encode(data));
	}
}
