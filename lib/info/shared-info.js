// What is known of the sessions of a scope, for all its threads: it stands in Rust (`src/info.rs`), as JSON.

import { isUnloaded } from '../native/environment.js';
import { ATTRIBUTE, attributeJson, checkText } from './attributes.js';

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../index.js' */
/** @import { NativeInfo } from '../native/binding.js' */

export class SharedInfo {
	/** The sessions that somebody is being pending for. @type {Set<string>} */
	#asking = new Set();
	/** It is given up when nobody holds it. */
	#membership;
	#maxSessions;
	#ttlMs;

	/**
	 * @param {{ info: NativeInfo }} membership this thread's in the scope
	 * @param {number} maxSessions
	 * @param {number} [ttlMs] an entry goes at the first sweep that finds it idle for so long
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
	 * @returns {boolean} whether it did; nothing is changed where it would be one session too many
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
	 */
	setLogLevel(id, logLevel) {
		checkText('setLogLevel', 'id', id);
		return this.#set(id, ATTRIBUTE.LOG_LEVEL, attributeJson(logLevel, 'setLogLevel: "logLevel"'));
	}

	/** @param {string} uri */
	watchers(uri) {
		return this.#membership.info.watchers(uri);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	watch(id, uri) {
		checkText('addSubscription', 'id', id);
		checkText('addSubscription', 'uri', uri);
		return this.#membership.info.watch(id, uri, this.#maxSessions);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	unwatch(id, uri) {
		this.#membership.info.unwatch(id, uri);
	}

	/** @param {string} id */
	remove(id) {
		this.#membership.info.remove(id);
	}

	/**
	 * Forgets what no thread touches any more.
	 *
	 * @param {(id: string) => Promise<unknown>} isOpen whether the session is to stay; never rejects
	 */
	sweep(isOpen) {
		for (const id of this.#membership.info.idle(this.#ttlMs)) {
			if (!this.#asking.has(id)) void this.#expire(id, isOpen);
		}
	}

	/**
	 * @param {string} id
	 * @param {(id: string) => Promise<unknown>} isOpen
	 */
	async #expire(id, isOpen) {
		this.#asking.add(id);
		const open = await isOpen(id);
		this.#asking.delete(id);
		if (isUnloaded()) return;
		if (open) this.#membership.info.touch(id);
		// Perhaps it was touched or replaced in the meantime.
		else this.#membership.info.removeIdle(id, this.#ttlMs);
	}

	/**
	 * A copy that is the caller's.
	 *
	 * @param {string} id
	 * @param {number} attribute
	 */
	#get(id, attribute) {
		const json = this.#membership.info.get(id, attribute);
		return json === null ? undefined : JSON.parse(json);
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
