// An MCP client of the official SDK for MCP 2026-07-28. It has no session, and registers once for what it wants to receive.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Recipient } from './recipient.mjs';

export class DemoListener extends Recipient {
	#client;
	#transport;

	/**
	 * @param {string} name
	 * @param {string} url
	 * @param {{ fetch?: typeof fetch }} [options]
	 */
	constructor(name, url, options) {
		super(name);
		this.#client = new Client({ name, version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
		this.#transport = new StreamableHTTPClientTransport(new URL(url), options);
		this.recordAllOf(this.#client);
	}

	connect() {
		return this.#client.connect(this.#transport);
	}

	/**
	 * Registers for changes of all lists and of these resources. Resolves when the server has acknowledged it.
	 *
	 * @param {string[]} uris
	 * @returns {Promise<{ closed: Promise<string> }>} `closed`: resolves when the stream has ended
	 */
	listen(uris) {
		const lists = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
		return this.#client.listen({ ...lists, resourceSubscriptions: uris });
	}

	leave() {
		return this.#client.close();
	}
}
