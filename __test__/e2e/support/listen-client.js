// A client of the official SDK for MCP 2026-07-28 (@modelcontextprotocol/client 2.4). It has no session, but streams of
// `subscriptions/listen`, and records the notifications of each stream.

import { EventEmitter, once } from 'node:events';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

export const VERSION = '2026-07-28';
export const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/** @typedef {{ closed: Promise<'local' | 'graceful' | 'remote'>, close(): Promise<void>, honoredFilter: object }} Subscription */

export class ListenClient {
	/** @type {Record<string, string[]>} notifications by the id of their stream: `listen:0`, `listen:1`, … */
	received = {};
	/** @type {Error[]} */
	errors = [];
	#changes = new EventEmitter();
	#transport;
	#sdk;

	/**
	 * @param {string} name
	 * @param {string} origin of the server
	 */
	constructor(name, origin) {
		this.name = name;
		this.#transport = new StreamableHTTPClientTransport(new URL('/mcp', origin));
		this.#sdk = new Client({ name, version: '1.0.0' }, { versionNegotiation: { mode: { pin: VERSION } } });
		this.#sdk.onerror = (error) => this.errors.push(error);
		this.#sdk.fallbackNotificationHandler = async ({ method, params }) => {
			const meta = /** @type {Record<string, unknown> | undefined} */ (params?._meta);
			const about = params?.uri === undefined ? [] : [params.uri];
			this.receivedOn(String(meta?.[SUBSCRIPTION])).push([method.replace('notifications/', ''), ...about].join(' '));
			this.#changes.emit('change');
		};
	}

	connect() {
		return this.#sdk.connect(this.#transport);
	}

	/**
	 * Opens a stream. Resolves when the server has acknowledged it.
	 *
	 * @param {import('@modelcontextprotocol/client').SubscriptionFilter} filter
	 * @returns {Promise<Subscription>}
	 */
	listen(filter) {
		return this.#sdk.listen(filter);
	}

	/** @param {string} stream */
	receivedOn(stream) {
		this.received[stream] ??= [];
		return this.received[stream];
	}

	/**
	 * Resolves when a stream has received a notification `times` times.
	 *
	 * @param {string} stream
	 * @param {string} message
	 */
	async until(stream, message, times = 1) {
		while (this.receivedOn(stream).filter((one) => one === message).length < times) await once(this.#changes, 'change');
	}

	/** Closes its connections without notice. */
	async drop() {
		this.#sdk.onerror = undefined;
		await this.#sdk.close();
	}
}
