// Sends the numbers of a stream manager to the page, once a second.

import { randomUUID } from 'node:crypto';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';

/** @import { StreamStats } from '@tmcp/session-manager' */

/** @typedef {StreamStats & { at: number }} Sample `at` is the time in milliseconds since 1970 */

const INTERVAL_MS = 1_000;
/** Number of samples that a new page receives. */
const HISTORY_LENGTH = 120;
/** Delay before a browser reconnects when the stream has ended. */
const RETRY_MS = 1_000;

export class Numbers {
	/** The streams of the pages. They have a manager without a scope, so that pages are not counted as sessions. */
	pages = new InMemoryStreamSessionManager({ maxQueuedBytes: 1_048_576 });
	/** @type {Sample[]} oldest first */
	#samples = [];
	/** @type {NodeJS.Timeout | undefined} */
	#timer;
	#streams;

	/** @param {InMemoryStreamSessionManager} streams the manager to show */
	constructor(streams) {
		this.#streams = streams;
	}

	start() {
		this.#timer = setInterval(() => this.#send(), INTERVAL_MS);
		this.#send();
	}

	/** Opens the stream of a page, which begins with the history. */
	respond() {
		const id = randomUUID();
		const stream = new ReadableStream({ start: (controller) => this.pages.create(id, controller) });
		this.pages.send([id], `retry: ${RETRY_MS}\n${event('history', this.#samples)}`);
		return new Response(stream, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
	}

	stop() {
		clearInterval(this.#timer);
	}

	#send() {
		const sample = { at: Date.now(), ...this.#streams.stats() };
		this.#samples.push(sample);
		if (this.#samples.length > HISTORY_LENGTH) this.#samples.shift();
		this.pages.send(undefined, event('numbers', sample));
	}
}

/**
 * @param {string} name
 * @param {unknown} data
 */
function event(name, data) {
	return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
