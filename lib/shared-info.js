// What is known of the sessions of a scope, for all its threads: it stands in Rust (`src/info.rs`), as JSON.

import { invalidArgument } from './errors.js';
import { toJson } from './json.js';
import { isUnloaded } from './unload.js';

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../index.js' */
/** @import { NativeInfo } from './native.js' */

/** The numbers they have in `src/info.rs`. */
export const FACT = /** @type {const} */ ({ CLIENT_INFO: 0, CLIENT_CAPABILITIES: 1, LOG_LEVEL: 2 });

export class SharedInfo {
	/** The sessions that somebody is being asked for. @type {Set<string>} */
	#asking = new Set();
	/** It is given up when nobody holds it. */
	#seat;
	#maxSessions;
	#ttlMs;

	/**
	 * @param {{ info: NativeInfo }} seat this thread's in the scope
	 * @param {number} maxSessions
	 * @param {number} [ttlMs] an entry goes at the first sweep that finds it idle for so long
	 */
	constructor(seat, maxSessions, ttlMs = Infinity) {
		this.#seat = seat;
		this.#maxSessions = maxSessions;
		this.#ttlMs = ttlMs;
	}

	/**
	 * @param {string} id
	 * @returns {ClientInfo | undefined}
	 */
	clientInfo(id) {
		return this.#get(id, FACT.CLIENT_INFO);
	}

	/**
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 * @returns {boolean} whether it did; nothing is changed where it would be one session too many
	 */
	setClientInfo(id, clientInfo) {
		checkText('setClientInfo', 'id', id);
		return this.#set(id, FACT.CLIENT_INFO, jsonOf(clientInfo, 'setClientInfo: "clientInfo"'));
	}

	/**
	 * @param {string} id
	 * @returns {ClientCapabilities | undefined}
	 */
	clientCapabilities(id) {
		return this.#get(id, FACT.CLIENT_CAPABILITIES);
	}

	/**
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 */
	setClientCapabilities(id, capabilities) {
		checkText('setClientCapabilities', 'id', id);
		return this.#set(id, FACT.CLIENT_CAPABILITIES, jsonOf(capabilities, 'setClientCapabilities: "clientCapabilities"'));
	}

	/**
	 * @param {string} id
	 * @returns {LogLevel | undefined}
	 */
	logLevel(id) {
		return this.#get(id, FACT.LOG_LEVEL);
	}

	/**
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 */
	setLogLevel(id, logLevel) {
		checkText('setLogLevel', 'id', id);
		return this.#set(id, FACT.LOG_LEVEL, jsonOf(logLevel, 'setLogLevel: "logLevel"'));
	}

	/** @param {string} uri */
	watchers(uri) {
		return this.#seat.info.watchers(uri);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	watch(id, uri) {
		checkText('addSubscription', 'id', id);
		checkText('addSubscription', 'uri', uri);
		return this.#seat.info.watch(id, uri, this.#maxSessions);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	unwatch(id, uri) {
		this.#seat.info.unwatch(id, uri);
	}

	/** @param {string} id */
	remove(id) {
		this.#seat.info.remove(id);
	}

	/**
	 * Forgets what no thread touches any more.
	 *
	 * @param {(id: string) => Promise<unknown>} isOpen whether the session is to stay; never rejects
	 */
	sweep(isOpen) {
		for (const id of this.#seat.info.idle(this.#ttlMs)) {
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
		if (open) this.#seat.info.touch(id);
		// Perhaps it was touched or replaced in the meantime.
		else this.#seat.info.removeIdle(id, this.#ttlMs);
	}

	/**
	 * A copy that is the caller's.
	 *
	 * @param {string} id
	 * @param {number} fact
	 */
	#get(id, fact) {
		const json = this.#seat.info.get(id, fact);
		return json === null ? undefined : JSON.parse(json);
	}

	/**
	 * @param {string} id
	 * @param {number} fact
	 * @param {string | undefined} json
	 */
	#set(id, fact, json) {
		return this.#seat.info.set(id, fact, json, this.#maxSessions);
	}
}

/**
 * @param {string} method
 * @param {string} name
 * @param {unknown} value
 */
export function checkText(method, name, value) {
	if (typeof value !== 'string') throw invalidArgument(`${method}: "${name}" must be a string`, value);
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {string | undefined} nothing for what reads as not known
 */
export function jsonOf(value, what) {
	return value == null ? undefined : toJson(value, what);
}
