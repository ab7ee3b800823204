// The info manager for several machines. Redis stores what is known about the sessions.

import { Backplane, handled } from '../../backplane/backplane.js';
import { ATTRIBUTE, attributeJson, checkText, notFound } from '../../info/attributes.js';
import { redisInfoOptions } from '../../options/options.js';
import { InfoSessionManager } from '../abstract/info.js';

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../../index.js' */
/** @import { BackplaneStats, RedisInfoSessionManagerOptions } from '../../../redis.js' */

export class RedisInfoSessionManager extends InfoSessionManager {
	#backplane;
	#ttlMs;

	/**
	 * @param {string} url
	 * @param {RedisInfoSessionManagerOptions} [options]
	 */
	constructor(url, options) {
		super();
		const { ttlMs, ...backplaneOptions } = redisInfoOptions(url, options, new.target.name);
		this.#backplane = new Backplane(backplaneOptions, new.target.name);
		this.#ttlMs = ttlMs;
	}

	/**
	 * Returns the name and version of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientInfo>}
	 */
	getClientInfo(id) {
		return handled(this.#get(id, ATTRIBUTE.CLIENT_INFO, 'Client info'));
	}

	/**
	 * Stores the name and version of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 * @returns {Promise<void>}
	 */
	setClientInfo(id, clientInfo) {
		checkText('setClientInfo', 'id', id);
		return this.#set(id, ATTRIBUTE.CLIENT_INFO, attributeJson(clientInfo, 'setClientInfo: "clientInfo"'));
	}

	/**
	 * Returns the capabilities of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientCapabilities>}
	 */
	getClientCapabilities(id) {
		return handled(this.#get(id, ATTRIBUTE.CLIENT_CAPABILITIES, 'Client capabilities'));
	}

	/**
	 * Stores the capabilities of the client of a session.
	 *
	 * @override
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 * @returns {Promise<void>}
	 */
	setClientCapabilities(id, capabilities) {
		checkText('setClientCapabilities', 'id', id);
		const json = attributeJson(capabilities, 'setClientCapabilities: "clientCapabilities"');
		return this.#set(id, ATTRIBUTE.CLIENT_CAPABILITIES, json);
	}

	/**
	 * Returns the minimum severity of log messages that a session receives.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<LogLevel>}
	 */
	getLogLevel(id) {
		return handled(this.#get(id, ATTRIBUTE.LOG_LEVEL, 'Log Level'));
	}

	/**
	 * Stores the minimum severity of log messages that a session receives.
	 *
	 * @override
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 * @returns {Promise<void>}
	 */
	setLogLevel(id, logLevel) {
		checkText('setLogLevel', 'id', id);
		return this.#set(id, ATTRIBUTE.LOG_LEVEL, attributeJson(logLevel, 'setLogLevel: "logLevel"'));
	}

	/**
	 * Returns the ids of the sessions that watch a resource.
	 *
	 * @override
	 * @param {string} uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(uri) {
		return this.#backplane.ask(
			(native) => native.watchers(uri),
			() => [],
			[],
		);
	}

	/**
	 * Makes a session watch a resource.
	 *
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {Promise<void>}
	 */
	addSubscription(id, uri) {
		checkText('addSubscription', 'id', id);
		checkText('addSubscription', 'uri', uri);
		return this.#backplane.change((native) => native.watch(id, uri, this.#ttlMs));
	}

	/**
	 * Makes a session stop watching a resource.
	 *
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {Promise<void>}
	 */
	removeSubscription(id, uri) {
		return this.#backplane.change((native) => native.unwatch(id, uri));
	}

	/**
	 * Removes everything known about a session.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<void>}
	 */
	delete(id) {
		return this.#backplane.change((native) => native.forget(id));
	}

	/** Resolves when Redis is reachable and this process receives what other nodes send. */
	ready() {
		return this.#backplane.ready();
	}

	/**
	 * Returns the counters of this process.
	 *
	 * @returns {{ backplane: BackplaneStats }}
	 */
	stats() {
		return { backplane: this.#backplane.stats() };
	}

	/**
	 * Closes this manager. When it is the last open manager of this process, the process leaves Redis. Afterwards every method
	 * except `stats` fails.
	 *
	 * @returns {Promise<void>}
	 */
	close() {
		return this.#backplane.close();
	}

	/**
	 * @param {string} id
	 * @param {number} attribute
	 * @param {string} attributeName
	 */
	async #get(id, attribute, attributeName) {
		const value = await this.#backplane.ask(
			(native) => native.get(id, attribute, this.#ttlMs),
			() => undefined,
			undefined,
		);
		return value ?? notFound(attributeName, id);
	}

	/**
	 * @param {string} id
	 * @param {number} attribute
	 * @param {string | undefined} json
	 */
	#set(id, attribute, json) {
		return this.#backplane.change((native) => native.set(id, attribute, json, this.#ttlMs));
	}
}
