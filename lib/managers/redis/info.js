// The info manager for several machines. Redis stores what is known about the sessions.

import { Backplane, handled } from '../../backplane/backplane.js';
import {
	ATTRIBUTE,
	attributeJson,
	checkText,
	notFound,
	SWEEPS_PER_TTL,
	storedAttribute,
} from '../../info/attributes.js';
import { redisInfoOptions } from '../../options/options.js';
import { runEvery } from '../../util/interval.js';
import { InfoSessionManager } from '../abstract/info.js';

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../../index.js' */
/** @import { BackplaneStats, RedisInfoSessionManagerOptions } from '../../../redis.js' */

export class RedisInfoSessionManager extends InfoSessionManager {
	#backplane;
	/** What the clients of this process have said, for the time when Redis does not answer. */
	#copy;
	#ttlMs;

	/**
	 * @param {string} url
	 * @param {RedisInfoSessionManagerOptions} [options]
	 */
	constructor(url, options) {
		super();
		const { ttlMs, ...backplaneOptions } = redisInfoOptions(url, options, new.target.name);
		this.#backplane = new Backplane(backplaneOptions, new.target.name);
		this.#copy = this.#backplane.membership.info;
		this.#ttlMs = ttlMs;
		runEvery(this, (manager) => manager.#sweep(), ttlMs / SWEEPS_PER_TTL);
	}

	/** Removes the sessions without an access during `ttlMs` from the copy of this process. */
	#sweep() {
		if (this.#backplane.isClosed) return;
		for (const id of this.#copy.idle(this.#ttlMs)) this.#copy.removeIdle(id, this.#ttlMs);
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
		return this.#set('setClientInfo', id, ATTRIBUTE.CLIENT_INFO, clientInfo, 'clientInfo');
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
		const attribute = ATTRIBUTE.CLIENT_CAPABILITIES;
		return this.#set('setClientCapabilities', id, attribute, capabilities, 'clientCapabilities');
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
		return this.#set('setLogLevel', id, ATTRIBUTE.LOG_LEVEL, logLevel, 'logLevel');
	}

	/**
	 * Returns the ids of the sessions that watch a resource.
	 *
	 * @override
	 * @param {string} uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(uri) {
		const watchers = this.#backplane.ask(
			(native) => native.watchers(uri),
			() => this.#copy.watchers(uri),
			[],
		);
		return handled(watchers.then((ids) => this.#withUnsaved(ids, uri)));
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
		return this.#backplane.change('addSubscription', [id, uri], (native, isKept) =>
			native.watch(id, uri, this.#ttlMs, isKept),
		);
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
		return this.#backplane.change('removeSubscription', [id, uri], (native, isKept) => native.unwatch(id, uri, isKept));
	}

	/**
	 * Removes everything known about a session.
	 *
	 * @override
	 * @param {string} id
	 * @returns {Promise<void>}
	 */
	delete(id) {
		return this.#backplane.change('delete', [id], (native, isKept) => native.forget(id, isKept));
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
	 * Closes this manager. When it is the last open manager of this process, the process leaves Redis. Afterwards getters answer
	 * as for an unknown session, and changes do nothing; with `onUnavailable: 'reject'`, both reject.
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
			() => this.#copyOf(id, attribute),
			undefined,
		);
		const unsaved = this.#backplane.refusesChanges ? this.#copyOf(id, attribute) : undefined;
		return unsaved ?? value ?? notFound(attributeName, id);
	}

	/**
	 * Returns the sessions that watch a resource, with those that Redis cannot store now.
	 *
	 * @param {string[]} ids
	 * @param {string} uri
	 */
	#withUnsaved(ids, uri) {
		return this.#backplane.refusesChanges ? [...new Set([...ids, ...this.#copy.watchers(uri)])] : ids;
	}

	/**
	 * Returns an attribute as the clients of this process have set it.
	 *
	 * @param {string} id
	 * @param {number} attribute
	 */
	#copyOf(id, attribute) {
		return storedAttribute(this.#copy, id, attribute);
	}

	/**
	 * @param {string} method
	 * @param {string} id
	 * @param {number} attribute
	 * @param {unknown} value
	 * @param {string} parameter the name of the value in errors
	 */
	#set(method, id, attribute, value, parameter) {
		checkText(method, 'id', id);
		const json = attributeJson(value, `${method}: "${parameter}"`);
		return this.#backplane.change(method, [id, value], (native, isKept) =>
			native.set(id, attribute, json, this.#ttlMs, isKept),
		);
	}
}
