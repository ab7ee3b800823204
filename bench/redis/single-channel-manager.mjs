// The straightforward implementation: one pub/sub channel for all messages, each as JSON with the ids that it is for. Every
// node parses every message, and looks for its sessions among the ids. Shows what a node pays for messages to other nodes.

import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';

const CHANNEL = 'mcp:plain';
const SESSIONS = 'mcp:plain:sessions';

const encoder = new TextEncoder();

export class SingleChannelSessionManager {
	/** Part of each message, so that a node ignores its own: it has delivered them already. */
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
		// The clients reconnect. Without a listener, an error would end the process.
		for (const client of [this.#publisher, this.#subscriber]) client.on('error', () => {});
		this.#ready = this.#connect();
	}

	async #connect() {
		await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
		await this.#subscriber.subscribe(CHANNEL, (message) => {
			const { node, ids, data } = JSON.parse(message);
			if (node !== this.#node) this.#deliver(ids, data);
		});
	}

	/** Resolves when messages of other nodes arrive here. */
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

	/** @param {string} id of a session of this process; the benchmark deletes no other */
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
		this.#deliver(ids, data);
		await this.#publisher.publish(CHANNEL, JSON.stringify({ node: this.#node, ids, data }));
	}

	/**
	 * @param {Iterable<string> | undefined} ids
	 * @param {string} data
	 */
	#deliver(ids = this.#sessions.keys(), data) {
		for (const id of ids) this.#sessions.get(id)?.enqueue(encoder.encode(data));
	}
}
