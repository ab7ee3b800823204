// The abstract base class of stream managers, which store the open stream of each MCP session and send messages to it. Users
// may extend it. A method that is not overridden throws the same error as in @tmcp/session-manager.

/**
 * @abstract
 */
export class StreamSessionManager {
	/**
	 * Registers the stream of a session.
	 *
	 * @param {string} _id
	 * @param {ReadableStreamDefaultController} _controller
	 * @returns {void | Promise<void>}
	 */
	create(_id, _controller) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Removes a session and closes its stream.
	 *
	 * @param {string} _id
	 * @returns {void | Promise<void>}
	 */
	delete(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Returns true when the session exists.
	 *
	 * @param {string} _id
	 * @returns {boolean | Promise<boolean>}
	 */
	has(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Sends a message to the given sessions, or to all of them when `_sessions` is undefined.
	 *
	 * @param {string[] | undefined} _sessions
	 * @param {string} _data
	 * @returns {void | Promise<void>}
	 */
	send(_sessions, _data) {
		throw new Error('Method not implemented.');
	}
}
