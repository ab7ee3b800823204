// The abstract base of everything that knows the open streams of an MCP server's sessions. Users extend it; what they
// leave out fails when it is called, with upstream's message.

/**
 * @abstract
 */
export class StreamSessionManager {
	/**
	 * @param {string} _id
	 * @param {ReadableStreamDefaultController} _controller
	 * @returns {void | Promise<void>}
	 */
	create(_id, _controller) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @returns {void | Promise<void>}
	 */
	delete(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @returns {boolean | Promise<boolean>}
	 */
	has(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string[] | undefined} _sessions
	 * @param {string} _data
	 * @returns {void | Promise<void>}
	 */
	send(_sessions, _data) {
		throw new Error('Method not implemented.');
	}
}
