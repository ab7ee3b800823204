// The info manager in memory. Its sessions belong to one manager, or to all managers of a scope.

import { SessionLimitError } from '../../errors.js';
import { notFound, SWEEPS_PER_TTL } from '../../info/attributes.js';
import { LocalInfo } from '../../info/local-info.js';
import { SharedInfo } from '../../info/shared-info.js';
import { infoOptions } from '../../options/options.js';
import { membershipInScope } from '../../threads/membership.js';
import { inThisContext } from '../../util/async-context.js';
import { callSafely } from '../../util/call-safely.js';
import { runEvery } from '../../util/interval.js';
import { InfoSessionManager } from '../abstract/info.js';

/** @import { ClientCapabilities, ClientInfo, InfoSessionManagerOptions, LogLevel } from '../../../index.js' */

export class InMemoryInfoSessionManager extends InfoSessionManager {
	#info;
	#maxSessions;
	#onSessionLimit;
	#streams;

	/** @param {InfoSessionManagerOptions} [options] */
	constructor(options) {
		super();
		const { scope, maxSessions, onSessionLimit, ttlMs, streams } = infoOptions(options, new.target.name);
		this.#maxSessions = maxSessions;
		this.#onSessionLimit = inThisContext(onSessionLimit);
		this.#streams = streams;
		this.#info =
			scope === undefined
				? new LocalInfo(maxSessions, SWEEPS_PER_TTL)
				: new SharedInfo(membershipInScope(scope, {}, new.target.name), maxSessions, ttlMs);
		if (ttlMs !== undefined) runEvery(this, (manager) => manager.#sweep(), ttlMs / SWEEPS_PER_TTL);
	}

	/**
	 * Returns the name and version of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientInfo>}
	 */
	getClientInfo(id) {
		return Promise.resolve(this.#info.clientInfo(id) ?? notFound('Client info', id));
	}

	/**
	 * Stores the name and version of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 * @returns {void}
	 */
	setClientInfo(id, clientInfo) {
		if (!this.#info.setClientInfo(id, clientInfo)) this.#reportLimit(id);
	}

	/**
	 * Returns the capabilities of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientCapabilities>}
	 */
	getClientCapabilities(id) {
		return Promise.resolve(this.#info.clientCapabilities(id) ?? notFound('Client capabilities', id));
	}

	/**
	 * Stores the capabilities of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 * @returns {void}
	 */
	setClientCapabilities(id, capabilities) {
		if (!this.#info.setClientCapabilities(id, capabilities)) this.#reportLimit(id);
	}

	/**
	 * Returns the minimum severity of log messages that a session receives.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<LogLevel>}
	 */
	getLogLevel(id) {
		return Promise.resolve(this.#info.logLevel(id) ?? notFound('Log Level', id));
	}

	/**
	 * Stores the minimum severity of log messages that a session receives.
	 *
	 * @override
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 * @returns {void}
	 */
	setLogLevel(id, logLevel) {
		if (!this.#info.setLogLevel(id, logLevel)) this.#reportLimit(id);
	}

	/**
	 * Returns the ids of the sessions that watch a resource.
	 *
	 * @override
	 * @param {string} uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(uri) {
		return Promise.resolve(this.#info.watchers(uri));
	}

	/**
	 * Makes a session watch a resource.
	 *
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {void}
	 */
	addSubscription(id, uri) {
		if (!this.#info.watch(id, uri)) this.#reportLimit(id);
	}

	/**
	 * Makes a session stop watching a resource.
	 *
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {void}
	 */
	removeSubscription(id, uri) {
		this.#info.unwatch(id, uri);
	}

	/**
	 * Removes everything known about a session.
	 *
	 * @override
	 * @param {string} id
	 * @returns {void}
	 */
	delete(id) {
		this.#info.remove(id);
	}

	/**
	 * Reports that a new session would exceed `maxSessions`: calls `onSessionLimit`, or throws without it.
	 *
	 * @param {string} id
	 */
	#reportLimit(id) {
		const error = new SessionLimitError(this.#maxSessions);
		const onSessionLimit = this.#onSessionLimit;
		if (onSessionLimit === undefined) throw error;
		// tmcp calls the setters in an event listener, where an uncaught error ends the process.
		callSafely(() => onSessionLimit(error, id));
	}

	#sweep() {
		this.#info.sweep((id) => this.#isOpen(id));
	}

	/**
	 * Resolves to true when the stream manager has the session. Never rejects.
	 *
	 * @param {string} id
	 */
	async #isOpen(id) {
		try {
			return await this.#streams?.has(id);
		} catch {
			// The session stays, because an error does not mean that its stream is closed.
			return true;
		}
	}
}
