// What is known of the sessions of one manager.
//
// The values are the very objects that were set, so they stay in JavaScript; and so does who watches what: to hand ten
// ids over from Rust costs more than the whole lookup here. Both directions are kept, so that a session that goes costs
// what it had, and not what everybody has.

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../index.js' */

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
	/** Whether somebody is being asked for it. */
	asking = false;

	isEmpty() {
		return (this.clientInfo ?? this.clientCapabilities ?? this.logLevel ?? this.uris) === undefined;
	}
}

export class LocalInfo {
	/** @type {Map<string, Entry>} */
	#entries = new Map();
	/** @type {Map<string, Set<string>>} the ids by the URI they watch, in the order they came */
	#watchers = new Map();
	#maxSessions;
	#sweepsALife;

	/**
	 * @param {number} maxSessions
	 * @param {number} sweepsALife an entry goes when this many sweeps have found it idle
	 */
	constructor(maxSessions, sweepsALife) {
		this.#maxSessions = maxSessions;
		this.#sweepsALife = sweepsALife;
	}

	/** @param {string} id */
	clientInfo(id) {
		return this.#touch(id)?.clientInfo;
	}

	/**
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 * @returns {boolean} whether it did; nothing is changed where it would be one session too many
	 */
	setClientInfo(id, clientInfo) {
		const entry = this.#entry(id);
		if (entry === undefined) return false;
		entry.clientInfo = clientInfo;
		return true;
	}

	/** @param {string} id */
	clientCapabilities(id) {
		return this.#touch(id)?.clientCapabilities;
	}

	/**
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 */
	setClientCapabilities(id, capabilities) {
		const entry = this.#entry(id);
		if (entry === undefined) return false;
		entry.clientCapabilities = capabilities;
		return true;
	}

	/** @param {string} id */
	logLevel(id) {
		return this.#touch(id)?.logLevel;
	}

	/**
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 */
	setLogLevel(id, logLevel) {
		const entry = this.#entry(id);
		if (entry === undefined) return false;
		entry.logLevel = logLevel;
		return true;
	}

	/** @param {string} uri */
	watchers(uri) {
		return [...(this.#watchers.get(uri) ?? [])];
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	watch(id, uri) {
		const entry = this.#entry(id);
		if (entry === undefined) return false;
		entry.uris ??= new Set();
		entry.uris.add(uri);
		let ids = this.#watchers.get(uri);
		if (ids === undefined) {
			ids = new Set();
			this.#watchers.set(uri, ids);
		}
		ids.add(id);
		return true;
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	unwatch(id, uri) {
		const entry = this.#touch(id);
		if (!entry?.uris?.delete(uri)) return;
		this.#watchesNoMore(id, uri);
		if (entry.uris.size === 0) entry.uris = undefined;
		if (entry.isEmpty()) this.#entries.delete(id);
	}

	/** @param {string} id */
	remove(id) {
		const entry = this.#entries.get(id);
		if (entry === undefined) return;
		this.#entries.delete(id);
		if (entry.uris === undefined) return;
		for (const uri of entry.uris) this.#watchesNoMore(id, uri);
	}

	/**
	 * Forgets what nobody touches any more.
	 *
	 * @param {(id: string) => Promise<unknown>} isOpen whether the session is to stay; never rejects
	 */
	sweep(isOpen) {
		for (const [id, entry] of this.#entries) {
			if (entry.idleSweeps++ >= this.#sweepsALife && !entry.asking) void this.#expire(id, entry, isOpen);
		}
	}

	/**
	 * @param {string} id
	 * @param {Entry} entry
	 * @param {(id: string) => Promise<unknown>} isOpen
	 */
	async #expire(id, entry, isOpen) {
		entry.asking = true;
		const open = await isOpen(id);
		entry.asking = false;
		if (open) entry.idleSweeps = 0;
		// Perhaps it was touched or replaced in the meantime.
		else if (entry.idleSweeps > this.#sweepsALife && this.#entries.get(id) === entry) this.remove(id);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	#watchesNoMore(id, uri) {
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
	 * @returns {Entry | undefined} nothing where it would be one too many
	 */
	#entry(id) {
		const known = this.#touch(id);
		if (known !== undefined || this.#entries.size >= this.#maxSessions) return known;
		const entry = new Entry();
		this.#entries.set(id, entry);
		return entry;
	}
}
