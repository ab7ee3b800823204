// A `fetch` with a connection of its own for each request, so that the requests of one client land in any thread of the
// server. Notes which one answered.

import { EventEmitter, once } from 'node:events';
import { request } from 'node:http';
import { Readable } from 'node:stream';

export class SpreadFetch {
	/** @type {{ method: string, thread: string }[]} in the order the answers began, without refusals */
	#answers = [];
	#changes = new EventEmitter();

	/** @type {typeof fetch} */
	fetch = async (url, init = {}) => {
		const response = await fetchAnew(url, init);
		if (response.ok) {
			this.#answers.push({ method: init.method ?? 'GET', thread: threadOf(response) });
			this.#changes.emit('change');
		}
		return response;
	};

	/**
	 * Which thread answered a request of this method, the last one if there were several; waits for the first.
	 *
	 * @param {string} method
	 * @param {string[]} [living] where some have ended, the others: an answer of theirs is meant
	 * @returns {Promise<string>} its number
	 */
	async threadOf(method, living) {
		for (;;) {
			const answer = this.#answers.findLast((one) => one.method === method && living?.includes(one.thread) !== false);
			if (answer !== undefined) return answer.thread;
			await once(this.#changes, 'change');
		}
	}
}

/**
 * As `fetch`, for what MCP needs of it, but on a new connection. (What becomes of the header `connection: close` is up to
 * each runtime's `fetch`.)
 *
 * @param {string | URL} url
 * @param {RequestInit} init
 */
export async function fetchAnew(url, { method = 'GET', headers, body, signal } = {}) {
	const own = { agent: false, signal: signal ?? undefined };
	const sent = request(url, { ...own, method, headers: Object.fromEntries(new Headers(headers)) });
	sent.end(body);
	const [response] = await once(sent, 'response');
	// To be cut off from now on is the reader's affair: the body ends with the same error.
	sent.on('error', () => {});
	return new Response(Readable.toWeb(response), { status: response.statusCode, headers: response.headers });
}

/** @param {Response} response */
export function threadOf(response) {
	return response.headers.get('x-worker') ?? 'unknown';
}
