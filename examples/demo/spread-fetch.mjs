// A `fetch` that opens a new connection for each request, so that the requests of one client reach any thread or node of the
// server. Records which one answered.

import { EventEmitter, once } from 'node:events';
import { request } from 'node:http';
import { Readable } from 'node:stream';

export class SpreadFetch {
	/** @type {{ method: string, thread: string }[]} responses in the order in which they began, without errors */
	#answers = [];
	#changes = new EventEmitter();

	/** @type {typeof fetch} */
	fetch = async (url, init = {}) => {
		const response = await fetchOnNewConnection(url, init);
		if (response.ok) {
			this.#answers.push({ method: init.method ?? 'GET', thread: threadOf(response) });
			this.#changes.emit('change');
		}
		return response;
	};

	/**
	 * Resolves to the thread that answered the last request of this method. Waits for the first response.
	 *
	 * @param {string} method
	 * @param {string[]} [threads] ignores responses of other threads
	 * @returns {Promise<string>} number of the thread, or name of the node
	 */
	async threadOf(method, threads) {
		for (;;) {
			const answer = this.#answers.findLast((one) => one.method === method && threads?.includes(one.thread) !== false);
			if (answer !== undefined) return answer.thread;
			await once(this.#changes, 'change');
		}
	}
}

/**
 * Does what MCP needs of `fetch`, on a new connection. (Runtimes differ in how their `fetch` handles `connection: close`.)
 *
 * @param {string | URL} url
 * @param {RequestInit} init
 */
export async function fetchOnNewConnection(url, { method = 'GET', headers, body, signal } = {}) {
	const own = { agent: false, signal: signal ?? undefined };
	const sent = request(url, { ...own, method, headers: Object.fromEntries(new Headers(headers)) });
	sent.end(body);
	const [response] = await once(sent, 'response');
	// From now on, the body ends with the same error.
	sent.on('error', () => {});
	return new Response(Readable.toWeb(response), { status: response.statusCode, headers: response.headers });
}

/** @param {Response} response */
export function threadOf(response) {
	return response.headers.get('x-worker') ?? 'unknown';
}
