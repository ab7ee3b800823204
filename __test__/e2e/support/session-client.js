// A client of the official SDK (1.32), over HTTP or SSE, that records its notifications.

import { EventEmitter, once } from 'node:events';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** The tests decide when a client reconnects. */
const NO_RECONNECTION = {
	initialReconnectionDelay: 1,
	maxReconnectionDelay: 1,
	reconnectionDelayGrowFactor: 1,
	maxRetries: 0,
};

export class SessionClient {
	/** @type {string[]} notifications: the method without `notifications/`, and the URI or level */
	received = [];
	/** @type {Error[]} */
	errors = [];
	sdk;
	#changes = new EventEmitter();
	#transport;

	/**
	 * @param {string} name
	 * @param {'http' | 'sse'} kind
	 * @param {string} origin of the server
	 * @param {object} [capabilities]
	 * @param {import('@modelcontextprotocol/sdk/client/streamableHttp.js').StreamableHTTPClientTransportOptions} [options] of the
	 *   transport over HTTP
	 */
	constructor(name, kind, origin, capabilities = {}, options = {}) {
		this.name = name;
		this.sdk = new Client({ name, version: '1.0.0' }, { capabilities });
		this.sdk.fallbackNotificationHandler = async ({ method, params }) => {
			const about = params?.uri ?? params?.level;
			this.received.push([method.replace('notifications/', ''), about].filter((part) => part !== undefined).join(' '));
			this.#changes.emit('change');
		};
		this.sdk.onerror = (error) => this.errors.push(error);
		this.#transport =
			kind === 'http'
				? new StreamableHTTPClientTransport(new URL('/mcp', origin), {
						reconnectionOptions: NO_RECONNECTION,
						...options,
					})
				: new SSEClientTransport(new URL('/sse', origin));
	}

	connect() {
		return this.sdk.connect(this.#transport);
	}

	/** The id of its session. `null` over SSE. */
	get session() {
		return this.#transport instanceof StreamableHTTPClientTransport ? (this.#transport.sessionId ?? null) : null;
	}

	/**
	 * @param {string} name of a tool
	 * @returns {Promise<any>} the parsed result
	 */
	async call(name) {
		const { content } = /** @type {any} */ (await this.sdk.callTool({ name }));
		return JSON.parse(content[0].text);
	}

	/** Resolves when it has received a notification `times` times. */
	async until(/** @type {string} */ message, times = 1) {
		while (this.received.filter((one) => one === message).length < times) await once(this.#changes, 'change');
	}

	/** Ends its session with DELETE, over HTTP. */
	async terminate() {
		this.sdk.onerror = undefined;
		if (this.#transport instanceof StreamableHTTPClientTransport) await this.#transport.terminateSession();
	}

	/** Closes its connections without notice. */
	async drop() {
		// The SDK would report the closed stream as an error.
		this.sdk.onerror = undefined;
		await this.sdk.close();
	}
}
