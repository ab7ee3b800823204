// The attributes and watched resources of the sessions of a scope. Rust stores them as JSON (`src/registry/info.rs`), and
// every thread of the scope reads and writes the same ones.

import { isUnloaded } from '../native/environment.js';
import { ATTRIBUTE, attributeJson, checkText, storedAttribute } from './attributes.js';

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../index.js' */
/** @import { NativeInfo } from '../native/binding.js' */

export class SharedInfo {
	/** The ids of the sessions for which `isOpen` is pending. @type {Set<string>} */
	#checking = new Set();
	/** Held because the thread leaves the scope when its membership is garbage collected. */
	#membership;
	#maxSessions;
	#ttlMs;

	/**
	 * @param {{ info: NativeInfo }} membership of this thread in the scope
	 * @param {number} maxSessions
	 * @param {number} [ttlMs] a session without an access for `ttlMs` is removed by the next sweep
	 */
	constructor(membership, maxSessions, ttlMs = Infinity) {
		this.#membership = membership;
		this.#maxSessions = maxSessions;
		this.#ttlMs = ttlMs;
	}

	/**
	 * @param {string} id
	 * @returns {ClientInfo | undefined}
	 */
	clientInfo(id) {
		return this.#get(id, ATTRIBUTE.CLIENT_INFO);
	}

	/**
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	setClientInfo(id, clientInfo) {
		checkText('setClientInfo', 'id', id);
		return this.#set(id, ATTRIBUTE.CLIENT_INFO, attributeJson(clientInfo, 'setClientInfo: "clientInfo"'));
	}

	/**
	 * @param {string} id
	 * @returns {ClientCapabilities | undefined}
	 */
	clientCapabilities(id) {
		return this.#get(id, ATTRIBUTE.CLIENT_CAPABILITIES);
	}

	/**
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	setClientCapabilities(id, capabilities) {
		checkText('setClientCapabilities', 'id', id);
		return this.#set(
			id,
			ATTRIBUTE.CLIENT_CAPABILITIES,
			attributeJson(capabilities, 'setClientCapabilities: "clientCapabilities"'),
		);
	}

	/**
	 * @param {string} id
	 * @returns {LogLevel | undefined}
	 */
	logLevel(id) {
		return this.#get(id, ATTRIBUTE.LOG_LEVEL);
	}

	/**
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	setLogLevel(id, logLevel) {
		checkText('setLogLevel', 'id', id);
		return this.#set(id, ATTRIBUTE.LOG_LEVEL, attributeJson(logLevel, 'setLogLevel: "logLevel"'));
	}

	/**
	 * Returns the ids of the sessions that watch a resource, in the order in which they began to watch it.
	 *
	 * @param {string} uri
	 */
	watchers(uri) {
		return this.#membership.info.watchers(uri);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	watch(id, uri) {
		checkText('addSubscription', 'id', id);
		checkText('addSubscription', 'uri', uri);
		return this.#membership.info.watch(id, uri, this.#maxSessions);
	}

	/**
	 * Makes a session stop watching a resource. Removes a session that has no attribute and watches nothing else.
	 *
	 * @param {string} id
	 * @param {string} uri
	 */
	unwatch(id, uri) {
		this.#membership.info.unwatch(id, uri);
	}

	/**
	 * Removes everything known about a session.
	 *
	 * @param {string} id
	 */
	remove(id) {
		this.#membership.info.remove(id);
	}

	/**
	 * Removes the sessions that no thread has accessed for `ttlMs`.
	 *
	 * @param {(id: string) => Promise<unknown>} isOpen resolves to true for a session that must stay; never rejects
	 */
	sweep(isOpen) {
		for (const id of this.#membership.info.idle(this.#ttlMs)) {
			if (!this.#checking.has(id)) void this.#removeUnlessOpen(id, isOpen);
		}
	}

	/**
	 * @param {string} id
	 * @param {(id: string) => Promise<unknown>} isOpen
	 */
	async #removeUnlessOpen(id, isOpen) {
		this.#checking.add(id);
		const open = await isOpen(id);
		this.#checking.delete(id);
		if (isUnloaded()) return;
		if (open) this.#membership.info.touch(id);
		// Checks the time again: the session may have been accessed or replaced while `isOpen` was pending.
		else this.#membership.info.removeIdle(id, this.#ttlMs);
	}

	/**
	 * Returns a new copy of the value.
	 *
	 * @param {string} id
	 * @param {number} attribute
	 */
	#get(id, attribute) {
		return storedAttribute(this.#membership.info, id, attribute);
	}

	/**
	 * @param {string} id
	 * @param {number} attribute
	 * @param {string | undefined} json
	 */
	#set(id, attribute, json) {
		return this.#membership.info.set(id, attribute, json, this.#maxSessions);
	}
}
