// What clients said of themselves, and which resources they watch, for the sessions of several machines: it stands in Redis.

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
		const { ttlMs, ...given } = redisInfoOptions(url, options, new.target.name);
		this.#backplane = new Backplane(given, new.target.name);
		this.#ttlMs = ttlMs;
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientInfo>}
	 */
	getClientInfo(id) {
		return handled(this.#get(id, ATTRIBUTE.CLIENT_INFO, 'Client info'));
	}

	/**
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
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientCapabilities>}
	 */
	getClientCapabilities(id) {
		return handled(this.#get(id, ATTRIBUTE.CLIENT_CAPABILITIES, 'Client capabilities'));
	}

	/**
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
	 * @override
	 * @param {string} id
	 * @returns {Promise<LogLevel>}
	 */
	getLogLevel(id) {
		return handled(this.#get(id, ATTRIBUTE.LOG_LEVEL, 'Log Level'));
	}

	/**
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
	 * @override
	 * @param {string} uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(uri) {
		return handled(this.#watchers(uri));
	}

	/** @param {string} uri */
	async #watchers(uri) {
		return (await this.#ask((native) => native.watchers(uri))) ?? [];
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {Promise<void>}
	 */
	addSubscription(id, uri) {
		checkText('addSubscription', 'id', id);
		checkText('addSubscription', 'uri', uri);
		return this.#ask((native) => native.watch(id, uri, this.#ttlMs));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 * @returns {Promise<void>}
	 */
	removeSubscription(id, uri) {
		return this.#ask((native) => native.unwatch(id, uri));
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<void>}
	 */
	delete(id) {
		return this.#ask((native) => native.forget(id));
	}

	/** Resolves when Redis can be reached. */
	ready() {
		this.#backplane.check();
		return this.#backplane.ready();
	}

	/**
	 * What this process does in Redis.
	 *
	 * @returns {{ backplane: BackplaneStats }}
	 */
	stats() {
		return { backplane: this.#backplane.stats() };
	}

	/** @returns {Promise<void>} */
	close() {
		return this.#backplane.close();
	}

	/**
	 * @param {string} id
	 * @param {number} attribute
	 * @param {string} what
	 */
	async #get(id, attribute, what) {
		return (await this.#ask((native) => native.get(id, attribute, this.#ttlMs))) ?? notFound(what, id);
	}

	/**
	 * @param {string} id
	 * @param {number} attribute
	 * @param {string | undefined} json
	 */
	#set(id, attribute, json) {
		return this.#ask((native) => native.set(id, attribute, json, this.#ttlMs));
	}

	/** @param {Parameters<Backplane['ask']>[0]} ask */
	#ask(ask) {
		this.#backplane.check();
		return this.#backplane.ask(ask);
	}
}
