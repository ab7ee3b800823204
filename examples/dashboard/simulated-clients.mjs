// Simulated clients, so that the dashboard has something to show. They read fast, slowly or not at all. They end their
// session, disconnect, or open a second stream with the same id. Their streams are real ReadableStreams in this process.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';

const TICK_MS = 100;
/** Period in which the number of clients rises and falls. */
const CLIENTS_PERIOD_MS = 40_000;
/** Period in which the number of messages rises and falls. */
const MESSAGES_PERIOD_MS = 13_000;
/** Percentage of clients that read slowly. */
const SLOW_PERCENT = 8;
/** Percentage of clients that read nothing. */
const STUCK_PERCENT = 2;
/** Time that a slow client takes for each message. */
const SLOW_READ_MS = 1_500;

export class SimulatedClients {
	/** @type {Map<string, Client>} by id */
	#clients = new Map();
	/** @type {NodeJS.Timeout | undefined} */
	#timer;
	#limit;
	#managers;

	/**
	 * @param {string} scope
	 * @param {number} limit maximum number of clients at a time
	 */
	constructor(scope, limit) {
		this.#limit = limit;
		const onClose = (/** @type {string} */ id) => this.#clients.delete(id);
		// Real servers have higher limits. With these, each reason for a closed session occurs within a minute.
		const shared = { scope, onClose, maxQueuedBytes: 16_384 };
		this.#managers = [
			new InMemoryStreamSessionManager({ ...shared, keepAliveMs: 2_000, maxAgeMs: 60_000 }),
			new InMemoryStreamSessionManager({ ...shared, onSlowClient: 'drop' }),
		];
	}

	start() {
		if (this.#limit > 0) this.#timer = setInterval(() => this.#tick(), TICK_MS);
	}

	stop() {
		clearInterval(this.#timer);
	}

	#tick() {
		const now = performance.now();
		const wanted = this.#limit * (0.75 + 0.25 * wave(now, CLIENTS_PERIOD_MS));
		const missing = wanted - this.#clients.size;
		// A tenth of the missing clients connect in each tick, at most four.
		for (let expected = Math.min(missing / 10, 4); Math.random() < expected; expected--) this.#connect(randomUUID());
		// Some clients always leave, and more while there are too many.
		const leaving = this.#clients.size / 400 + Math.max(0, -missing / 10);
		for (let expected = leaving; Math.random() < expected; expected--) this.#leave(any([...this.#clients.values()]));

		const ids = [...this.#clients.keys()];
		const activity = 0.35 + 0.3 * (1 + wave(now, MESSAGES_PERIOD_MS));
		for (let messages = 1 + Math.floor(Math.random() * 3); messages > 0; messages--) {
			const share = activity * 0.4 * Math.random();
			// A manager also sends to the sessions of the other managers in its scope.
			const [manager] = this.#managers;
			const recipients = ids.filter(() => Math.random() < share);
			manager.send(recipients, `data: ${'x'.repeat(150 + Math.floor(Math.random() * 900))}\n\n`);
		}
	}

	/** @param {string} id */
	#connect(id) {
		// Registers the stream first: if it replaces another stream of this id, `onClose` removes the older client.
		const client = new Client(id, any(this.#managers), readMsOf(Math.random() * 100));
		this.#clients.set(id, client);
	}

	/** @param {Client} client */
	#leave(client) {
		const choice = Math.random();
		if (choice < 0.55) client.endSession();
		// The server notices it when it next sends to this client.
		else if (choice < 0.85) client.disconnect();
		// The new stream replaces the older one.
		else this.#connect(client.id);
	}
}

class Client {
	#manager;
	#reader;

	/**
	 * @param {string} id
	 * @param {InMemoryStreamSessionManager} manager
	 * @param {number} readMs time that the client takes for each message; Infinity if it reads nothing
	 */
	constructor(id, manager, readMs) {
		this.id = id;
		this.#manager = manager;
		/** @type {ReadableStream<Uint8Array>} */
		const stream = new ReadableStream({ start: (controller) => manager.create(id, controller) });
		this.#reader = stream.getReader();
		if (readMs !== Infinity) this.#read(readMs);
	}

	/** @param {number} readMs */
	async #read(readMs) {
		try {
			while (!(await this.#reader.read()).done) {
				if (readMs > 0) await sleep(readMs, undefined, { ref: false });
			}
		} catch {
			// The server has ended the stream with an error.
		}
	}

	endSession() {
		this.#manager.delete(this.id);
		this.disconnect();
	}

	disconnect() {
		this.#reader.cancel().catch(() => {});
	}
}

/** @param {number} percentile */
function readMsOf(percentile) {
	if (percentile < STUCK_PERCENT) return Infinity;
	return percentile < STUCK_PERCENT + SLOW_PERCENT ? SLOW_READ_MS : 0;
}

/**
 * @param {number} now
 * @param {number} periodMs
 * @returns {number} between -1 and 1
 */
function wave(now, periodMs) {
	return Math.sin((now / periodMs) * 2 * Math.PI);
}

/**
 * @template Item
 * @param {readonly Item[]} items
 */
function any(items) {
	return items[Math.floor(Math.random() * items.length)];
}
