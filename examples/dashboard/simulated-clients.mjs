// Simulated clients, so that there is something to see: they come and go in waves, read fast, slowly or not at all, leave
// with and without a word, and come back under the id they had. Their streams are real ones, in this process.

import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';

const TICK_MS = 100;
/** How long it takes the crowd to grow and shrink once, and what is sent likewise. */
const WAVE_MS = 40_000;
const BURST_MS = 13_000;
/** Of a hundred clients, how many read slowly, and how many nothing. */
const SLOW_PERCENT = 8;
const STUCK_PERCENT = 2;
/** How long one that reads slowly takes for a message. */
const SLOW_READ_MS = 1_500;

export class Crowd {
	/** @type {Map<string, Client>} by id */
	#clients = new Map();
	/** @type {NodeJS.Timeout | undefined} */
	#timer;
	#size;
	#managers;

	/**
	 * @param {string} scope
	 * @param {number} size how many clients there are about
	 */
	constructor(scope, size) {
		this.#size = size;
		// By whoever it was that ended it.
		const onClose = (/** @type {string} */ id) => this.#clients.delete(id);
		// Of two kinds. Their limits are low: an hour of a server's life is to be seen in a minute.
		const shared = { scope, onClose, maxQueuedBytes: 16_384 };
		this.#managers = [
			new InMemoryStreamSessionManager({ ...shared, keepAliveMs: 2_000, maxAgeMs: 60_000 }),
			new InMemoryStreamSessionManager({ ...shared, onSlowClient: 'drop' }),
		];
	}

	start() {
		if (this.#size > 0) this.#timer = setInterval(() => this.#tick(), TICK_MS);
	}

	/** Nobody comes, leaves or is sent anything any more. */
	stop() {
		clearInterval(this.#timer);
	}

	#tick() {
		const now = performance.now();
		const wanted = this.#size * (0.75 + 0.25 * wave(now, WAVE_MS));
		const missing = wanted - this.#clients.size;
		// A tenth of who is missing, and no more at once than a door lets through.
		for (let count = Math.min(missing / 10, 4); Math.random() < count; count--) this.#enter(randomUUID());
		// Some always leave; more where there are too many.
		for (let count = this.#clients.size / 400 + Math.max(0, -missing / 10); Math.random() < count; count--) {
			this.#leave(any([...this.#clients.values()]));
		}

		const ids = [...this.#clients.keys()];
		const burst = 0.35 + 0.3 * (1 + wave(now, BURST_MS));
		for (let messages = 1 + Math.floor(Math.random() * 3); messages > 0; messages--) {
			const share = burst * 0.4 * Math.random();
			const [manager] = this.#managers;
			// One manager of the scope reaches the sessions of the other.
			manager.send(
				ids.filter(() => Math.random() < share),
				`data: ${'x'.repeat(150 + Math.floor(Math.random() * 900))}\n\n`,
			);
		}
	}

	/** @param {string} id */
	#enter(id) {
		// Noted when it is registered, behind the end of an older one under that id.
		const client = new Client(id, any(this.#managers), paceOf(Math.random() * 100));
		this.#clients.set(id, client);
	}

	/** @param {Client} client */
	#leave(client) {
		const way = Math.random();
		if (way < 0.55) client.sayGoodbye();
		// Is sent to until a message finds out.
		else if (way < 0.85) client.vanish();
		// Its newer stream takes the place of the older one.
		else this.#enter(client.id);
	}
}

class Client {
	#manager;
	#reader;

	/**
	 * @param {string} id
	 * @param {InMemoryStreamSessionManager} manager
	 * @param {number} readMs how long it takes for a message; Infinity if it never reads one
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
				if (readMs > 0) await wait(readMs, undefined, { ref: false });
			}
		} catch {
			// The server has cut it.
		}
	}

	sayGoodbye() {
		this.#manager.delete(this.id);
		// Reads nothing more.
		this.vanish();
	}

	vanish() {
		this.#reader.cancel().catch(() => {});
	}
}

/** @param {number} percentile */
function paceOf(percentile) {
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
