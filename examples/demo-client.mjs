// A client of the official SDK that notes what reaches it, and when.

import { EventEmitter, once } from 'node:events';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** @typedef {{ message: string, at: number }} Arrival `at` as `performance.now()` says it */

export class DemoClient {
	/** @type {Arrival[]} in the order they came */
	arrivals = [];
	/** @type {Error[]} */
	errors = [];
	#changes = new EventEmitter();
	#client;
	#transport;

	/**
	 * @param {string} name
	 * @param {string} url
	 */
	constructor(name, url) {
		this.name = name;
		this.#client = new Client({ name, version: '1.0.0' });
		this.#transport = new StreamableHTTPClientTransport(new URL(url));
		// Every notification comes here, whatever it is: also one that nobody should have sent.
		this.#client.fallbackNotificationHandler = async ({ method, params }) => {
			this.arrivals.push({ message: messageName(method, params?.uri), at: performance.now() });
			this.#changes.emit('change');
		};
		this.#client.onerror = (error) => this.errors.push(error);
	}

	/** The SDK opens the stream only after this resolves: ask the server whether it is open. */
	connect() {
		return this.#client.connect(this.#transport);
	}

	get sessionId() {
		return this.#transport.sessionId;
	}

	/** @param {string} uri */
	subscribe(uri) {
		return this.#client.subscribeResource({ uri });
	}

	/** Resolves as soon as the message is here. */
	async untilReceived(/** @type {string} */ message) {
		while (!this.arrivals.some((arrival) => arrival.message === message)) await once(this.#changes, 'change');
	}

	/** Is gone all at once, as when a laptop is closed: the server has to notice by itself. */
	async drop() {
		// The SDK reports that its stream was cut. So it was meant to be.
		this.#client.onerror = undefined;
		await this.#client.close();
	}

	/** Says goodbye to the server (DELETE) first. */
	async leave() {
		await this.#transport.terminateSession();
		await this.drop();
	}
}

/**
 * @param {string} method such as `notifications/tools/list_changed`
 * @param {unknown} [uri]
 */
export function messageName(method, uri) {
	const name = method.replace(/^notifications\//, '');
	return uri === undefined ? name : `${name} ${uri}`;
}
