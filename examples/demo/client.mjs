// A client of the official SDK, with a session.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Recipient } from './recipient.mjs';

export class DemoClient extends Recipient {
	#client;
	#transport;

	/**
	 * @param {string} name
	 * @param {string} url
	 * @param {import('@modelcontextprotocol/sdk/client/streamableHttp.js').StreamableHTTPClientTransportOptions} [options]
	 */
	constructor(name, url, options) {
		super(name);
		this.#client = new Client({ name, version: '1.0.0' });
		this.#transport = new StreamableHTTPClientTransport(new URL(url), options);
		this.noteAllOf(this.#client);
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

	/** @param {string} uri */
	unsubscribe(uri) {
		return this.#client.unsubscribeResource({ uri });
	}

	/** @param {import('@modelcontextprotocol/sdk/types.js').LoggingLevel} level */
	setLogLevel(level) {
		return this.#client.setLoggingLevel(level);
	}

	/**
	 * @param {string} name of a tool
	 * @param {Record<string, unknown>} [args]
	 * @returns {Promise<string>} what it answers
	 */
	async call(name, args) {
		const { content } = await this.#client.callTool({ name, arguments: args });
		return content[0].text;
	}

	/** The names of the tools that there are. */
	async tools() {
		const { tools } = await this.#client.listTools();
		return tools.map(({ name }) => name);
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
