// An MCP client of the official SDK, with a session.

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
		this.recordAllOf(this.#client);
	}

	/** Resolves before the SDK opens the stream. The server knows when the stream is open. */
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
	 * @returns {Promise<string>} the text of the result
	 */
	async call(name, args) {
		const { content } = await this.#client.callTool({ name, arguments: args });
		return content[0].text;
	}

	/** Returns the names of the tools. */
	async tools() {
		const { tools } = await this.#client.listTools();
		return tools.map(({ name }) => name);
	}

	/** Disconnects without ending the session, as when a laptop is closed. */
	async drop() {
		// The SDK reports that its stream ended. That is not an error here.
		this.#client.onerror = undefined;
		await this.#client.close();
	}

	/** Ends the session (DELETE), and disconnects. */
	async leave() {
		await this.#transport.terminateSession();
		await this.drop();
	}
}
