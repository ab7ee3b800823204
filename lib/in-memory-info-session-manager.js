// What clients said of themselves, and which resources they watch, for the sessions of one manager.
//
// The values are the very objects that were set, so they stay in JavaScript; and so does who watches what: to hand ten
// ids over from Rust costs more than the whole lookup here. Both directions are kept, so that a session that goes costs
// what it had, and not what everybody has.

import { SessionLimitError } from './errors.js';
import { InfoSessionManager } from './info-session-manager.js';
import { infoOptions } from './options.js';
import { sweepRegularly } from './sweep.js';

/** @import { ClientCapabilities, ClientInfo, InfoSessionManagerOptions, LogLevel, StreamSessionManager } from '../index.js' */

/** What is known of one session. */
class Entry {
	/** @type {ClientInfo | null | undefined} */
	clientInfo;
	/** @type {ClientCapabilities | null | undefined} */
	clientCapabilities;
	/** @type {LogLevel | null | undefined} */
	logLevel;
	/** @type {Set<string> | undefined} the URIs it watches */
	uris;
	/** How many sweeps have found that nobody touched it. */
	idleSweeps = 0;
	/** Whether the stream manager is being asked for it. */
	asking = false;

	isEmpty() {
		return (this.clientInfo ?? this.clientCapabilities ?? this.logLevel ?? this.uris) === undefined;
	}
}

/** An entry goes when this many sweeps have found it idle: between `ttlMs` and a quarter more after the last touch. */
const SWEEPS_A_LIFE = 4;

export class InMemoryInfoSessionManager extends InfoSessionManager {
	/** @type {Map<string, Entry>} */
	#entries = new Map();
	/** @type {Map<string, Set<string>>} the ids by the URI they watch, in the order they came */
	#watchers = new Map();
	#maxSessions;
	#onSessionLimit;
	/** @type {Pick<StreamSessionManager, 'has'> | undefined} */
	#streams;

	/** @param {InfoSessionManagerOptions} [options] */
	constructor(options) {
		super();
		const { maxSessions, onSessionLimit, ttlMs, streams } = infoOptions(options, new.target.name);
		this.#maxSessions = maxSessions;
		this.#onSessionLimit = onSessionLimit;
		this.#streams = streams;
		if (ttlMs !== undefined) sweepRegularly(this, (manager) => manager.#sweep(), ttlMs / SWEEPS_A_LIFE);
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientInfo>}
	 */
	getClientInfo(id) {
		return Promise.resolve(this.#touch(id)?.clientInfo ?? notFound('Client info', id));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 */
	setClientInfo(id, clientInfo) {
		const entry = this.#entry(id);
		if (entry !== undefined) entry.clientInfo = clientInfo;
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<ClientCapabilities>}
	 */
	getClientCapabilities(id) {
		return Promise.resolve(this.#touch(id)?.clientCapabilities ?? notFound('Client capabilities', id));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 */
	setClientCapabilities(id, capabilities) {
		const entry = this.#entry(id);
		if (entry !== undefined) entry.clientCapabilities = capabilities;
	}

	/**
	 * @override
	 * @param {string} id
	 * @returns {Promise<LogLevel>}
	 */
	getLogLevel(id) {
		return Promise.resolve(this.#touch(id)?.logLevel ?? notFound('Log Level', id));
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 */
	setLogLevel(id, logLevel) {
		const entry = this.#entry(id);
		if (entry !== undefined) entry.logLevel = logLevel;
	}

	/**
	 * @override
	 * @param {string} uri
	 * @returns {Promise<string[]>}
	 */
	getSubscriptions(uri) {
		return Promise.resolve([...(this.#watchers.get(uri) ?? [])]);
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 */
	addSubscription(id, uri) {
		const entry = this.#entry(id);
		if (entry === undefined) return;
		entry.uris ??= new Set();
		entry.uris.add(uri);
		let ids = this.#watchers.get(uri);
		if (ids === undefined) {
			ids = new Set();
			this.#watchers.set(uri, ids);
		}
		ids.add(id);
	}

	/**
	 * @override
	 * @param {string} id
	 * @param {string} uri
	 */
	removeSubscription(id, uri) {
		const entry = this.#touch(id);
		if (!entry?.uris?.delete(uri)) return;
		this.#unwatch(id, uri);
		if (entry.uris.size === 0) entry.uris = undefined;
		if (entry.isEmpty()) this.#entries.delete(id);
	}

	/**
	 * @override
	 * @param {string} id
	 */
	delete(id) {
		this.#forget(id);
	}

	/** @param {string} id */
	#forget(id) {
		const entry = this.#entries.get(id);
		if (entry === undefined) return;
		this.#entries.delete(id);
		if (entry.uris === undefined) return;
		for (const uri of entry.uris) this.#unwatch(id, uri);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	#unwatch(id, uri) {
		const ids = this.#watchers.get(uri);
		ids?.delete(id);
		if (ids?.size === 0) this.#watchers.delete(uri);
	}

	/** @param {string} id */
	#touch(id) {
		const entry = this.#entries.get(id);
		if (entry !== undefined) entry.idleSweeps = 0;
		return entry;
	}

	/**
	 * @param {string} id
	 * @returns {Entry | undefined} nothing where it would be one too many, and the user wants to hear of that instead
	 */
	#entry(id) {
		const known = this.#touch(id);
		if (known !== undefined) return known;
		if (this.#entries.size >= this.#maxSessions) return this.#refuse(id);
		const entry = new Entry();
		this.#entries.set(id, entry);
		return entry;
	}

	/**
	 * @param {string} id
	 * @returns {undefined}
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
		for (const [id, entry] of this.#entries) {
			if (entry.idleSweeps++ >= SWEEPS_A_LIFE && !entry.asking) void this.#expire(id, entry);
		}
	}

	/**
	 * Never rejects.
	 *
	 * @param {string} id
	 * @param {Entry} entry
	 */
	async #expire(id, entry) {
		entry.asking = true;
		const open = await this.#isOpen(id);
		entry.asking = false;
		if (open) entry.idleSweeps = 0;
		// Perhaps it was touched or replaced in the meantime.
		else if (entry.idleSweeps > SWEEPS_A_LIFE && this.#entries.get(id) === entry) this.#forget(id);
	}

	/** @param {string} id */
	async #isOpen(id) {
		try {
			return await this.#streams?.has(id);
		} catch {
			// Not known is not closed.
			return true;
		}
	}
}

/**
 * @param {string} what
 * @param {string} id
 * @returns {Promise<never>}
 */
async function notFound(what, id) {
	throw new Error(`${what} not found for session ${id}`);
}
