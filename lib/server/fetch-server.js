// A server of srvx during its shutdown. On Bun and Deno it is not based on node:http: only its method `close()` is known.

/** @import { StoppableServer } from './servers.js' */

/** @typedef {{ close(closeActiveConnections?: boolean): unknown }} Closable */

/** @implements {StoppableServer} */
export class FetchServer {
	/** A server of this kind does not say it. */
	unfinished = /** @type {number | undefined} */ (undefined);
	/** @type {Promise<void>} */
	#closed = Promise.resolve();
	#server;

	/** @param {Closable} server */
	constructor(server) {
		this.#server = server;
	}

	stop() {
		this.#closed = this.#close(false);
		this.#closed.catch(() => {});
	}

	/** Resolves at once: which requests are under way is not known. */
	async requestsFinished() {}

	/** Resolves also when `close()` has failed. */
	async responsesFinished() {
		await this.#closed.catch(() => {});
	}

	cut() {
		const closed = this.#closed;
		this.#closed = this.#close(true).then(() => closed);
		this.#closed.catch(() => {});
	}

	/** Rejects with the error of `close()`. */
	closed() {
		return this.#closed;
	}

	/** @param {boolean} closesActiveConnections */
	async #close(closesActiveConnections) {
		await this.#server.close(closesActiveConnections);
	}
}
