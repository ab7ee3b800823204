// The web app of all hosts: it opens streams of sessions, as a transport does.
//
//   GET /streams/<id>     the stream of a session
//   GET /plain            a response of 6 bytes

/** @import { InMemoryStreamSessionManager } from '@tmcp/session-manager' */

/** @typedef {ReadableStream<Uint8Array>} Body */

export const PLAIN = 'plain\n';

export class WebApp {
	/** Controllers of the streams, by session. @type {Map<string, ReadableStreamDefaultController<Uint8Array>>} */
	controllers = new Map();
	/** @type {Map<string, () => void>} */
	#onCreated = new Map();
	#wrap;
	#headers;
	#status;

	/**
	 * @param {Pick<InMemoryStreamSessionManager, 'create' | 'delete'>} manager
	 * @param {object} [options]
	 * @param {(body: Body) => BodyInit | null} [options.wrap] what the app puts between the stream and its response
	 * @param {Record<string, string>} [options.headers]
	 * @param {number} [options.status]
	 */
	constructor(manager, { wrap = (body) => body, headers = {}, status = 200 } = {}) {
		this.manager = manager;
		this.#wrap = wrap;
		this.#headers = { 'content-type': 'text/event-stream', ...headers };
		this.#status = status;
	}

	/** Resolves when a client has opened the stream of a session. @param {string} id @returns {Promise<void>} */
	created(id) {
		return new Promise((resolve) => {
			this.#onCreated.set(id, resolve);
		});
	}

	/** @param {Request} request */
	fetch = (request) => {
		const { pathname } = new URL(request.url);
		if (pathname === '/plain') return new Response(PLAIN);
		const id = sessionOf(pathname);
		if (id === undefined) return new Response('Not found\n', { status: 404 });
		return new Response(this.#wrap(this.#open(id)), { headers: this.#headers, status: this.#status });
	};

	/**
	 * @param {string} id
	 * @returns {Body}
	 */
	#open(id) {
		/** @type {ReadableStreamDefaultController<Uint8Array>} */
		let own;
		return new ReadableStream({
			start: (controller) => {
				own = controller;
				this.manager.create(id, controller);
				this.controllers.set(id, controller);
				this.#onCreated.get(id)?.();
				this.#onCreated.delete(id);
			},
			cancel: () => {
				// A newer stream of the session stays open.
				if (this.controllers.get(id) === own) this.manager.delete(id);
			},
		});
	}
}

/** @param {string} id */
export function pathOf(id) {
	return `/streams/${encodeURIComponent(id)}`;
}

/** @param {string} path */
export function sessionOf(path) {
	return path.startsWith('/streams/') ? decodeURIComponent(path.slice('/streams/'.length)) : undefined;
}
