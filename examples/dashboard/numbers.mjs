// What the page is told: the numbers of the manager, once a second, in a stream that the manager itself feeds.

import { randomUUID } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';

/** @import { InMemoryStreamSessionManager, StreamStats } from '@tmcp-native/session-manager' */

/** @typedef {StreamStats & { at: number, watchers: number }} Sample `at` as `Date.now()` says it */

const INTERVAL_MS = 1_000;
/** How far back a page sees that is opened now. */
const MOST_SAMPLES = 120;
/** After which a browser asks again when the stream has ended. */
const RETRY_MS = 1_000;

export class Numbers {
	/** The sessions of those who watch. @type {Set<string>} */
	#ids = new Set();
	/** @type {Sample[]} oldest first */
	#samples = [];
	/** @type {NodeJS.Timeout | undefined} */
	#timer;
	#streams;

	/** @param {InMemoryStreamSessionManager} streams */
	constructor(streams) {
		this.#streams = streams;
	}

	start() {
		this.#timer = setInterval(() => this.#tell(), INTERVAL_MS);
		this.#tell();
	}

	stop() {
		clearInterval(this.#timer);
	}

	/**
	 * Opens the stream of one who watches.
	 *
	 * @param {import('node:http').ServerResponse} response
	 */
	answer(response) {
		const id = `dashboard-${randomUUID()}`;
		/** @type {ReadableStream<Uint8Array>} */
		let stream;
		try {
			stream = new ReadableStream({ start: (controller) => this.#streams.create(id, controller) });
		} catch {
			// The manager is closed, and the server about to be.
			response.writeHead(503).end();
			return;
		}
		response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
		this.#ids.add(id);
		this.#streams.send([id], `retry: ${RETRY_MS}\n${event('history', this.#samples)}`);
		// Cancels the stream when the browser has left.
		pipeline(Readable.fromWeb(/** @type {any} */ (stream)), response, () => {
			this.#ids.delete(id);
			this.#streams.delete(id);
		});
	}

	#tell() {
		const sample = { at: Date.now(), watchers: this.#ids.size, ...this.#streams.stats() };
		this.#samples.push(sample);
		if (this.#samples.length > MOST_SAMPLES) this.#samples.shift();
		this.#streams.send([...this.#ids], event('numbers', sample));
	}
}

/**
 * @param {string} name
 * @param {unknown} data
 */
function event(name, data) {
	return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
