// The opponent: the stream manager that one would write in JavaScript with the package `redis` and its pub/sub, well done but
// without promises. A channel for broadcasts and one for each session, so that Redis passes a message only to the process
// that has the session; sessions of this process are fed at once; one encode a message; `has` asks who listens, so that
// nothing is left of a process that is gone. What is published while a connection is down is lost, as pub/sub is.

import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';

const EVERYONE = 'mcp:everyone';
const DELETED = 'mcp:deleted';
const SESSION = 'mcp:session:';

const encoder = new TextEncoder();

export class PubSubSessionManager {
	/** Stands before each broadcast: a process has fed its own sessions already. */
	#node = randomUUID();
	/** @type {Map<string, ReadableStreamDefaultController>} */
	#sessions = new Map();
	#publisher;
	#subscriber;
	#ready;

	/** @param {string} url */
	constructor(url) {
		this.#publisher = createClient({ url });
		// A connection that has subscribed may do little else.
		this.#subscriber = this.#publisher.duplicate();
		// It connects anew by itself; without a listener the process would end.
		for (const client of [this.#publisher, this.#subscriber]) client.on('error', () => {});
		this.#ready = this.#connect();
	}

	async #connect() {
		await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
		await this.#subscriber.subscribe(EVERYONE, (message) => {
			if (!message.startsWith(this.#node)) this.#feedAll(message.slice(this.#node.length));
		});
		await this.#subscriber.subscribe(DELETED, (id) => this.#end(id));
	}

	/** Resolves once what others send to everyone arrives here. */
	ready() {
		return this.#ready;
	}

	/**
	 * Resolves once what others send to the session arrives here.
	 *
	 * @param {string} id
	 * @param {ReadableStreamDefaultController} controller
	 */
	async create(id, controller) {
		this.#end(id);
		this.#sessions.set(id, controller);
		await this.#ready;
		await this.#subscriber.subscribe(SESSION + id, this.#take);
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
			this.#feedAll(data);
			await this.#publisher.publish(EVERYONE, this.#node + data);
			return;
		}
		const published = [];
		for (const id of new Set(ids)) {
			if (this.#sessions.has(id)) this.#feed(id, encoder.encode(data));
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
	#feedAll(data) {
		if (this.#sessions.size === 0) return;
		const chunk = encoder.encode(data);
		for (const id of this.#sessions.keys()) this.#feed(id, chunk);
	}

	/** @type {(data: string, channel: string) => void} */
	#take = (data, channel) => this.#feed(channel.slice(SESSION.length), encoder.encode(data));

	/**
	 * @param {string} id
	 * @param {Uint8Array} chunk
	 */
	#feed(id, chunk) {
		try {
			this.#sessions.get(id)?.enqueue(chunk);
		} catch {
			// Its reader is gone.
			this.#end(id);
		}
	}

	/** @param {string} id */
	#end(id) {
		const controller = this.#sessions.get(id);
		if (controller === undefined) return;
		this.#sessions.delete(id);
		// Closing it fails where it is closed or errored already.
		try {
			controller.close();
		} catch {}
		this.#subscriber.unsubscribe(SESSION + id).catch(() => {});
	}
}
