// What clients said of themselves, and which resources they watch, for the sessions of one manager, or of all managers of
// a scope.

import { SessionLimitError } from '../../errors.js';
import { notFound } from '../../info/attributes.js';
import { LocalInfo } from '../../info/local-info.js';
import { SharedInfo } from '../../info/shared-info.js';
import { infoOptions } from '../../options/options.js';
import { membershipInScope } from '../../threads/membership.js';
import { runEvery } from '../../util/interval.js';
import { InfoSessionManager } from '../abstract/info.js';

/** @import { ClientCapabilities, ClientInfo, InfoSessionManagerOptions, LogLevel } from '../../../index.js' */

/** A session is forgotten between `ttlMs` and a quarter more after the last touch. */
const SWEEPS_A_LIFE = 4;

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
		this.#onSessionLimit = onSessionLimit;
		this.#streams = streams;
		this.#info =
			scope === undefined
				? new LocalInfo(maxSessions, SWEEPS_A_LIFE)
				: new SharedInfo(membershipInScope(scope, {}, new.target.name), maxSessions, ttlMs);
		if (ttlMs !== undefined) runEvery(this, (manager) => manager.#sweep(), ttlMs / SWEEPS_A_LIFE);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientInfo>}
	 */
	getClientInfo(id) {
		return Promise.resolve(this.#info.clientInfo(id) ?? notFound('Client info', id));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 * @returns {void}
	 */
	setClientInfo(id, clientInfo) {
		if (!this.#info.setClientInfo(id, clientInfo)) this.#refuse(id);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientCapabilities>}
	 */
	getClientCapabilities(id) {
		return Promise.resolve(this.#info.clientCapabilities(id) ?? notFound('Client capabilities', id));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 * @returns {void}
	 */
	setClientCapabilities(id, capabilities) {
		if (!this.#info.setClientCapabilities(id, capabilities)) this.#refuse(id);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<LogLevel>}
	 */
	getLogLevel(id) {
		return Promise.resolve(this.#info.logLevel(id) ?? notFound('Log Level', id));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 * @returns {void}
	 */
	setLogLevel(id, logLevel) {
		if (!this.#info.setLogLevel(id, logLevel)) this.#refuse(id);
	}

	/**
	 * @override
	 * @param {string} uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(uri) {
		return Promise.resolve(this.#info.watchers(uri));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {void}
	 */
	addSubscription(id, uri) {
		if (!this.#info.watch(id, uri)) this.#refuse(id);
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {void}
	 */
	removeSubscription(id, uri) {
		this.#info.unwatch(id, uri);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {void}
	 */
	delete(id) {
		this.#info.remove(id);
	}

	/**
	 * It would be one session too many.
	 *
	 * @param {string} id
	 */
	#refuse(id) {
		const error = new SessionLimitError(this.#maxSessions);
		if (this.#onSessionLimit === undefined) throw error;
		try {
			this.#onSessionLimit(error, id);
		} catch {
			// tmcp would not catch it either: it sets from within an event listener, where an error ends the process.
		}
	}

	#sweep() {
		this.#info.sweep((id) => this.#isOpen(id));
	}

	/**
	 * Never rejects.
	 *
	 * @param {string} id
	 */
	async #isOpen(id) {
		try {
			return await this.#streams?.has(id);
		} catch {
			// Not known is not closed.
			return true;
		}
	}
}
