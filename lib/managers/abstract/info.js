// The abstract base class of info managers, which store what MCP clients report about themselves and which resources their
// sessions watch. Users may extend it. A method that is not overridden throws the same error as in @tmcp/session-manager.

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../../index.js' */

/**
 * @abstract
 */
export class InfoSessionManager {
	/**
	 * Returns the name and version of the client of a session.
	 *
	 * @param {string} _id
	 * @returns {Promise<ClientInfo>}
	 */
	getClientInfo(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Stores the name and version of the client of a session.
	 *
	 * @param {string} _id
	 * @param {ClientInfo} _clientInfo
	 * @returns {void}
	 */
	setClientInfo(_id, _clientInfo) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Returns the capabilities of the client of a session.
	 *
	 * @param {string} _id
	 * @returns {Promise<ClientCapabilities>}
	 */
	getClientCapabilities(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Stores the capabilities of the client of a session.
	 *
	 * @param {string} _id
	 * @param {ClientCapabilities} _capabilities
	 * @returns {void}
	 */
	setClientCapabilities(_id, _capabilities) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Returns the minimum severity of log messages that a session receives.
	 *
	 * @param {string} _id
	 * @returns {Promise<LogLevel>}
	 */
	getLogLevel(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Stores the minimum severity of log messages that a session receives.
	 *
	 * @param {string} _id
	 * @param {LogLevel} _logLevel
	 * @returns {void}
	 */
	setLogLevel(_id, _logLevel) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Returns the ids of the sessions that watch a resource.
	 *
	 * @param {string} _uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(_uri) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Makes a session watch a resource.
	 *
	 * @param {string} _id
	 * @param {string} _uri
	 * @returns {void}
	 */
	addSubscription(_id, _uri) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Makes a session stop watching a resource.
	 *
	 * @param {string} _id
	 * @param {string} _uri
	 * @returns {void}
	 */
	removeSubscription(_id, _uri) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Removes everything known about a session.
	 *
	 * @param {string} _id
	 * @returns {void}
	 */
	delete(_id) {
		throw new Error('Method not implemented.');
	}
}
