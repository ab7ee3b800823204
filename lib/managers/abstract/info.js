// The abstract base of everything that knows what an MCP server's clients said of themselves and which resources they
// watch. Users extend it; what they leave out fails when it is called, with upstream's message.

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../../index.js' */

/**
 * @abstract
 */
export class InfoSessionManager {
	/**
	 * @param {string} _id
	 * @returns {Promise<ClientInfo>}
	 */
	getClientInfo(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @param {ClientInfo} _clientInfo
	 * @returns {void}
	 */
	setClientInfo(_id, _clientInfo) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @returns {Promise<ClientCapabilities>}
	 */
	getClientCapabilities(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @param {ClientCapabilities} _capabilities
	 * @returns {void}
	 */
	setClientCapabilities(_id, _capabilities) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @returns {Promise<LogLevel>}
	 */
	getLogLevel(_id) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @param {LogLevel} _logLevel
	 * @returns {void}
	 */
	setLogLevel(_id, _logLevel) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(_uri) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @param {string} _uri
	 * @returns {void}
	 */
	addSubscription(_id, _uri) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @param {string} _uri
	 * @returns {void}
	 */
	removeSubscription(_id, _uri) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} _id
	 * @returns {void}
	 */
	delete(_id) {
		throw new Error('Method not implemented.');
	}
}
