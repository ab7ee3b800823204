// A client of the official SDK (1.32) that notes what it is received, over either transport.

import { EventEmitter, once } from 'node:events';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** It is for the test to say when somebody comes back. */
const NO_RECONNECTION = {
	initialReconnectionDelay: 1,
	maxReconnectionDelay: 1,
	reconnectionDelayGrowFactor: 1,
	maxRetries: 0,
};

export class SessionClient {
	/** @type {string[]} what it was received: the method without `notifications/`, and the URI or level */
	received = [];
	/** @type {Error[]} */
	errors = [];
	/** What was asked of the server, and whether it is still connected. */
	sdk;
	#changes = new EventEmitter();
	#transport;

	/**
	 * @param {string} name
	 * @param {'http' | 'sse'} kind
	 * @param {string} origin of the server
	 * @param {object} [capabilities]
	 */
	constructor(name, kind, origin, capabilities = {}) {
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
				? new StreamableHTTPClientTransport(new URL('/mcp', origin), { reconnectionOptions: NO_RECONNECTION })
				: new SSEClientTransport(new URL('/sse', origin));
	}

	connect() {
		return this.sdk.connect(this.#transport);
	}

	/** The id of its session, over HTTP. */
	get session() {
		return this.#transport instanceof StreamableHTTPClientTransport ? (this.#transport.sessionId ?? null) : null;
	}

	/**
	 * @param {string} name of a tool
	 * @returns {Promise<any>} what it answered
	 */
	async call(name) {
		const { content } = /** @type {any} */ (await this.sdk.callTool({ name }));
		return JSON.parse(content[0].text);
	}

	/** Resolves as soon as it was received this, as often as that. */
	async until(/** @type {string} */ message, times = 1) {
		while (this.received.filter((one) => one === message).length < times) await once(this.#changes, 'change');
	}

	/** Says goodbye (DELETE), over HTTP. */
	async terminate() {
		this.sdk.onerror = undefined;
		if (this.#transport instanceof StreamableHTTPClientTransport) await this.#transport.terminateSession();
	}

	/** Cuts its connections without a word. */
	async drop() {
		// That its stream was cut, it reports. So it was meant to be.
		this.sdk.onerror = undefined;
		await this.sdk.close();
	}
}
