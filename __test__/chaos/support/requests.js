// A `fetch` that measures each request: until the end of the response, or for a stream (GET) until it begins.

/**
 * @typedef {object} TimedRequest
 * @property {string} what the HTTP method, and the MCP method of the body
 * @property {number} ms
 * @property {number} at when it began, as `performance.now()`
 * @property {string} server that has answered
 * @property {number} status 0 if the request failed
 */

export class Requests {
	/** @type {TimedRequest[]} */
	done = [];

	/**
	 * @param {string | URL} url
	 * @param {RequestInit} init
	 */
	async fetch(url, init) {
		const at = performance.now();
		const what = `${init.method} ${typeof init.body === 'string' ? JSON.parse(init.body).method : ''}`.trim();
		/** @type {Response | undefined} */
		let response;
		const ended = () => {
			const server = response?.headers.get('x-worker') ?? '?';
			this.done.push({ what, ms: performance.now() - at, at, server, status: response?.status ?? 0 });
		};
		try {
			response = await fetch(url, init);
		} catch (error) {
			// Otherwise, the client has left.
			if (!init.signal?.aborted || init.signal.reason.name === 'TimeoutError') ended();
			throw error;
		}
		// The SDK does not read the other bodies.
		const isAnswer = init.method === 'POST' && response.headers.get('content-type') === 'text/event-stream';
		if (response.body === null || !isAnswer) {
			ended();
			return response;
		}
		const measured = response.body.pipeThrough(new TransformStream({ flush: ended }));
		return new Response(measured, response);
	}

	/** Returns the duration that a share of all requests did not exceed. @param {number} share */
	within(share) {
		const sorted = this.done.map(({ ms }) => ms).sort((a, b) => a - b);
		return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
	}
}
