// The attributes and watched resources of the sessions of one manager without a scope.
//
// Getters return the same objects that were set, so the attributes stay in JavaScript. The watchers stay too, because to
// pass ten ids from Rust to JavaScript costs more than the whole lookup here. Watchers are indexed in both directions, so
// that the cost of removing a session depends only on what that session watches.

/** @import { ClientCapabilities, ClientInfo, LogLevel } from '../../index.js' */

/** The attributes and watched resources of one session. */
class Entry {
	/** @type {ClientInfo | null | undefined} */
	clientInfo;
	/** @type {ClientCapabilities | null | undefined} */
	clientCapabilities;
	/** @type {LogLevel | null | undefined} */
	logLevel;
	/** The URIs that the session watches. @type {Set<string> | undefined} */
	uris;
	/** Number of sweeps since the last access. */
	idleSweeps = 0;
	/** True while `isOpen` is pending for this session. */
	isChecking = false;

	isEmpty() {
		return (this.clientInfo ?? this.clientCapabilities ?? this.logLevel ?? this.uris) === undefined;
	}
}

export class LocalInfo {
	/** @type {Map<string, Entry>} */
	#entries = new Map();
	/** The ids of the sessions that watch each URI, in the order in which they began. @type {Map<string, Set<string>>} */
	#watchers = new Map();
	#maxSessions;
	#sweepsPerTtl;

	/**
	 * @param {number} maxSessions
	 * @param {number} sweepsPerTtl an entry without an access during this many sweeps is removed
	 */
	constructor(maxSessions, sweepsPerTtl) {
		this.#maxSessions = maxSessions;
		this.#sweepsPerTtl = sweepsPerTtl;
	}

	/** @param {string} id */
	clientInfo(id) {
		return this.#access(id)?.clientInfo;
	}

	/**
	 * @param {string} id
	 * @param {ClientInfo} clientInfo
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	setClientInfo(id, clientInfo) {
		const entry = this.#accessOrCreate(id);
		if (entry === undefined) return false;
		entry.clientInfo = clientInfo;
		return true;
	}

	/** @param {string} id */
	clientCapabilities(id) {
		return this.#access(id)?.clientCapabilities;
	}

	/**
	 * @param {string} id
	 * @param {ClientCapabilities} capabilities
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	setClientCapabilities(id, capabilities) {
		const entry = this.#accessOrCreate(id);
		if (entry === undefined) return false;
		entry.clientCapabilities = capabilities;
		return true;
	}

	/** @param {string} id */
	logLevel(id) {
		return this.#access(id)?.logLevel;
	}

	/**
	 * @param {string} id
	 * @param {LogLevel} logLevel
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	setLogLevel(id, logLevel) {
		const entry = this.#accessOrCreate(id);
		if (entry === undefined) return false;
		entry.logLevel = logLevel;
		return true;
	}

	/**
	 * Returns the ids of the sessions that watch a resource, in the order in which they began to watch it.
	 *
	 * @param {string} uri
	 */
	watchers(uri) {
		return [...(this.#watchers.get(uri) ?? [])];
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 * @returns {boolean} false, with nothing changed, when a new session would exceed `maxSessions`
	 */
	watch(id, uri) {
		const entry = this.#accessOrCreate(id);
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
	 * Makes a session stop watching a resource. Removes a session that has no attribute and watches nothing else.
	 *
	 * @param {string} id
	 * @param {string} uri
	 */
	unwatch(id, uri) {
		const entry = this.#access(id);
		if (!entry?.uris?.delete(uri)) return;
		this.#removeWatcher(id, uri);
		if (entry.uris.size === 0) entry.uris = undefined;
		if (entry.isEmpty()) this.#entries.delete(id);
	}

	/**
	 * Removes everything known about a session.
	 *
	 * @param {string} id
	 */
	remove(id) {
		const entry = this.#entries.get(id);
		if (entry === undefined) return;
		this.#entries.delete(id);
		if (entry.uris === undefined) return;
		for (const uri of entry.uris) this.#removeWatcher(id, uri);
	}

	/**
	 * Removes the sessions without an access during the last `sweepsPerTtl` sweeps.
	 *
	 * @param {(id: string) => Promise<unknown>} isOpen resolves to true for a session that must stay; never rejects
	 */
	sweep(isOpen) {
		for (const [id, entry] of this.#entries) {
			if (entry.idleSweeps++ >= this.#sweepsPerTtl && !entry.isChecking) void this.#removeUnlessOpen(id, entry, isOpen);
		}
	}

	/**
	 * @param {string} id
	 * @param {Entry} entry
	 * @param {(id: string) => Promise<unknown>} isOpen
	 */
	async #removeUnlessOpen(id, entry, isOpen) {
		entry.isChecking = true;
		const open = await isOpen(id);
		entry.isChecking = false;
		if (open) entry.idleSweeps = 0;
		// The entry may have been accessed or replaced while `isOpen` was pending.
		else if (entry.idleSweeps > this.#sweepsPerTtl && this.#entries.get(id) === entry) this.remove(id);
	}

	/**
	 * @param {string} id
	 * @param {string} uri
	 */
	#removeWatcher(id, uri) {
		const ids = this.#watchers.get(uri);
		ids?.delete(id);
		if (ids?.size === 0) this.#watchers.delete(uri);
	}

	/**
	 * Returns the entry of a session and counts as an access to it.
	 *
	 * @param {string} id
	 */
	#access(id) {
		const entry = this.#entries.get(id);
		if (entry !== undefined) entry.idleSweeps = 0;
		return entry;
	}

	/**
	 * Returns the entry of a session, a new one if necessary, and counts as an access to it.
	 *
	 * @param {string} id
	 * @returns {Entry | undefined} `undefined` when a new session would exceed `maxSessions`
	 */
	#accessOrCreate(id) {
		const existing = this.#access(id);
		if (existing !== undefined || this.#entries.size >= this.#maxSessions) return existing;
		const entry = new Entry();
		this.#entries.set(id, entry);
		return entry;
	}
}
