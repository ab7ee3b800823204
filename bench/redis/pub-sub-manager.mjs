// A stream manager in JavaScript with the package `redis` and its pub/sub, written well, but without delivery guarantees: what
// is published while a connection is down is lost. It has a channel for broadcasts and one per session, so that Redis passes a
// message only to the node that has the session. It delivers to sessions of its own process at once, encodes each message once,
// and asks Redis for subscribers in `has`, so that nothing remains of a node that has crashed.

import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';

const BROADCAST = 'mcp:broadcast';
const DELETED = 'mcp:deleted';
const SESSION = 'mcp:session:';

const encoder = new TextEncoder();

export class PubSubSessionManager {
	/** Prefix of each broadcast, so that a node ignores its own: it has delivered them already. */
	#node = randomUUID();
	/** @type {Map<string, ReadableStreamDefaultController>} */
	#sessions = new Map();
	#publisher;
	#subscriber;
	#ready;

	/** @param {string} url */
	constructor(url) {
		this.#publisher = createClient({ url });
		// A connection with subscriptions cannot publish.
		this.#subscriber = this.#publisher.duplicate();
		// The clients reconnect. Without a listener, an error would end the process.
		for (const client of [this.#publisher, this.#subscriber]) client.on('error', () => {});
		this.#ready = this.#connect();
	}

	async #connect() {
		await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
		await this.#subscriber.subscribe(BROADCAST, (message) => {
			if (!message.startsWith(this.#node)) this.#deliverToAll(message.slice(this.#node.length));
		});
		await this.#subscriber.subscribe(DELETED, (id) => this.#end(id));
	}

	/** Resolves when broadcasts of other nodes arrive here. */
	ready() {
		return this.#ready;
	}

	/**
	 * Resolves when messages of other nodes to the session arrive here.
	 *
	 * @param {string} id
	 * @param {ReadableStreamDefaultController} controller
	 */
	async create(id, controller) {
		this.#end(id);
		this.#sessions.set(id, controller);
		await this.#ready;
		await this.#subscriber.subscribe(SESSION + id, this.#onMessage);
	}

	/** @param {string} id */
	async delete(id) {
		await this.#ready;
		if (this.#sessions.has(id)) this.#end(id);
		else await this.#publisher.publish(DELETED, id);
	}

	/** @param {string} id */
	async has(id) {
		if (this.#sessions.has(id)) return true;
		await this.#ready;
		const channel = SESSION + id;
		return (await this.#publisher.pubSubNumSub([channel]))[channel] > 0;
	}

	/**
	 * @param {string[] | undefined} ids
	 * @param {string} data
	 */
	async send(ids, data) {
		if (ids === undefined) {
			this.#deliverToAll(data);
			await this.#publisher.publish(BROADCAST, this.#node + data);
			return;
		}
		const published = [];
		for (const id of new Set(ids)) {
			if (this.#sessions.has(id)) this.#deliver(id, encoder.encode(data));
			else published.push(this.#publisher.publish(SESSION + id, data));
		}
		await Promise.all(published);
	}

	async close() {
		for (const id of this.#sessions.keys()) this.#end(id);
		await this.#ready;
		await Promise.all([this.#publisher.close(), this.#subscriber.close()]);
	}

	/** @param {string} data */
	#deliverToAll(data) {
		if (this.#sessions.size === 0) return;
		const chunk = encoder.encode(data);
		for (const id of this.#sessions.keys()) this.#deliver(id, chunk);
	}

	/** @type {(data: string, channel: string) => void} */
	#onMessage = (data, channel) => this.#deliver(channel.slice(SESSION.length), encoder.encode(data));

	/**
	 * @param {string} id
	 * @param {Uint8Array} chunk
	 */
	#deliver(id, chunk) {
		try {
			this.#sessions.get(id)?.enqueue(chunk);
		} catch {
			// The stream is closed or errored.
			this.#end(id);
		}
	}

	/** @param {string} id */
	#end(id) {
		const controller = this.#sessions.get(id);
		if (controller === undefined) return;
		this.#sessions.delete(id);
		// Fails when the stream is closed or errored already.
		try {
			controller.close();
		} catch {}
		this.#subscriber.unsubscribe(SESSION + id).catch(() => {});
	}
}
