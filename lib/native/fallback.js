// The JavaScript core: takes the place of the addon where its binary cannot be loaded. It has the interface that `binding.js`
// declares, for managers that share nothing with other threads and nodes. It holds ids and keys and decides nothing.

import { IdMap } from './id-map.js';

/** @import { NativeStreams, NativeSubscriptions } from './binding.js' */

/** The key given out last, to a session or a registration of any manager. A key is never reused. */
let lastKey = 0;

/** No request: nothing is sent to other threads. */
const NO_REQUEST = 0;

/**
 * Opens a hub of one thread and returns its sessions.
 *
 * @returns {NativeStreams}
 */
export function openStreams() {
	/** The keys by id. @type {IdMap<unknown, number>} */
	const keys = new IdMap();
	return {
		create(id, maxSessions = Infinity) {
			const replaced = keys.get(id);
			if (replaced === undefined && keys.size >= maxSessions) return 0;
			const key = ++lastKey;
			if (replaced === undefined) {
				keys.add(id, key);
				return key;
			}
			keys.replace(id, key);
			return [key, replaced];
		},
		remove(id) {
			const key = keys.get(id);
			if (key === undefined) return 0;
			keys.delete(id);
			return key;
		},
		forget(id, key) {
			if (keys.get(id) === key) keys.delete(id);
		},
		has: (id) => keys.get(id) !== undefined,
		routeOne: (id) => keys.get(id) ?? 0,
		route(ids, _text, found) {
			// A controller that received a chunk meanwhile may have made the list longer. What it added is too late.
			const length = Math.min(ids.length, found.length);
			let count = 0;
			let isInOrder = true;
			for (let index = 0; index < length; index++) {
				// Reading an id may run JavaScript: a getter, or a proxy.
				const key = keys.get(ids[index]);
				if (key === undefined) continue;
				isInOrder &&= count === 0 || found[count - 1] < key;
				found[count++] = key;
			}
			return isInOrder ? count : sortWithoutDuplicates(found.subarray(0, count));
		},
		sendElsewhere() {},
		evicted: () => [],
		evictedOf: () => [],
		markClosed() {},
		size: () => keys.size,
		ids: () =>
			keys
				.entries()
				.sort(([, a], [, b]) => a - b)
				.map(([id]) => /** @type {string} */ (id)),
		leave: () => keys.clear(),
	};
}

/**
 * Sorts keys and moves each one to the front once. Returns how many there are.
 *
 * @param {Float64Array} keys
 */
function sortWithoutDuplicates(keys) {
	keys.sort();
	let count = 0;
	for (const key of keys) {
		if (count === 0 || keys[count - 1] !== key) keys[count++] = key;
	}
	return count;
}

/**
 * @typedef {object} Origin
 * @property {string} name
 * @property {number} place counts up: an older origin has a lower place
 * @property {IdMap<unknown, Registration>} byId
 */

/**
 * @typedef {object} Registration
 * @property {number} key
 * @property {Origin} origin
 * @property {string | number} id
 * @property {number} lists has one bit for each list
 * @property {readonly string[]} uris
 */

/**
 * The registrations that select a URI. Most URIs have one registration, which needs no Set.
 *
 * @typedef {IdMap<string | undefined, Registration | Set<Registration>>} UriIndex
 */

/** Number of lists that a registration can select: the length of `LIST_METHODS` in `lib/subscriptions/notifications.js`. */
const LISTS = 3;

/**
 * Opens a hub of one thread and returns its registrations.
 *
 * @returns {NativeSubscriptions}
 */
export function openSubscriptions() {
	let lastPlace = 0;
	/** The origins with registrations, by name. @type {IdMap<unknown, Origin>} */
	const origins = new IdMap();
	/** @type {Map<number, Registration>} */
	const byKey = new Map();
	/** @type {Set<Registration>[]} */
	const byList = Array.from({ length: LISTS }, () => new Set());
	/** @type {UriIndex} */
	const byUri = new IdMap();

	return {
		create(name, id, lists, uris) {
			let origin = origins.get(name);
			if (origin?.byId.get(id) !== undefined) return 0;
			if (origin === undefined) {
				origin = { name, place: ++lastPlace, byId: new IdMap() };
				origins.add(name, origin);
			}
			const registration = { key: ++lastKey, origin, id, lists, uris };
			origin.byId.add(id, registration);
			byKey.set(registration.key, registration);
			for (const [list, selecting] of byList.entries()) {
				if (lists & (1 << list)) selecting.add(registration);
			}
			for (const uri of uris) addTo(byUri, uri, registration);
			return registration.key;
		},
		find: (origin, id) => origins.get(origin)?.byId.get(id)?.key ?? 0,
		remove(key) {
			const registration = byKey.get(key);
			if (registration === undefined) return;
			const { origin, id, uris } = registration;
			byKey.delete(key);
			for (const selecting of byList) selecting.delete(registration);
			for (const uri of uris) removeFrom(byUri, uri, registration);
			origin.byId.delete(id);
			if (origin.byId.size === 0) origins.delete(origin.name);
		},
		matching(list, uri, keys) {
			const selecting = list < 0 ? byUri.get(uri) : byList[list];
			if (selecting === undefined) return 0;
			return write(selecting instanceof Set ? [...selecting] : [selecting], keys);
		},
		of(name, keys) {
			const chosen = name === undefined ? origins.values() : [origins.get(name)];
			return write(
				chosen.flatMap((origin) => origin?.byId.values() ?? []),
				keys,
			);
		},
		notifyElsewhere: () => NO_REQUEST,
		closeElsewhere: () => NO_REQUEST,
		closeAllElsewhere: () => NO_REQUEST,
		leave() {
			for (const table of [origins, byKey, byUri, ...byList]) table.clear();
		},
	};
}

/**
 * @param {UriIndex} index
 * @param {string} uri
 * @param {Registration} registration
 */
function addTo(index, uri, registration) {
	const selecting = index.get(uri);
	if (selecting === undefined) index.add(uri, registration);
	else if (selecting instanceof Set) selecting.add(registration);
	else if (selecting !== registration) index.replace(uri, new Set([selecting, registration]));
}

/**
 * @param {UriIndex} index
 * @param {string} uri
 * @param {Registration} registration
 */
function removeFrom(index, uri, registration) {
	const selecting = index.get(uri);
	if (selecting instanceof Set) {
		selecting.delete(registration);
		if (selecting.size === 0) index.delete(uri);
	} else if (selecting === registration) index.delete(uri);
}

/**
 * Writes the keys of registrations in the order of delivery, as many as there is room for. Returns the number of all
 * registrations.
 *
 * @param {Registration[]} registrations
 * @param {Float64Array} keys
 */
function write(registrations, keys) {
	registrations.sort((a, b) => a.origin.place - b.origin.place || a.key - b.key);
	const count = Math.min(registrations.length, keys.length);
	for (let index = 0; index < count; index++) keys[index] = registrations[index].key;
	return registrations.length;
}

/** URLs of a Redis server, as far as that can be seen without the client that would use them. */
const REDIS_URL = /^((redis|valkey)s?(:\/\/[^/]|-sentinel:\/\/[^/#][^#]*#.)|(redis\+|valkey\+)?unix:\/\/\/)/;

/**
 * Returns true for the URL of a Redis server. It is only needed for the error of a Redis manager: a wrong URL is reported
 * before the missing binary.
 *
 * @param {string} url
 */
export function isRedisUrl(url) {
	return REDIS_URL.test(url);
}

/**
 * Returns the candidate that is spelled most like the word, or `null` when none is similar: when the number of edits is half
 * of the longer word's length, or more.
 *
 * @param {string} word
 * @param {string[]} candidates
 * @returns {string | null}
 */
export function nearest(word, candidates) {
	let best = null;
	let highest = 0.5;
	for (const candidate of candidates) {
		const similarity = 1 - edits(word, candidate) / Math.max(word.length, candidate.length, 1);
		// As in Rust, the last of equally similar candidates is returned.
		if (similarity > 0.5 && similarity >= highest) [best, highest] = [candidate, similarity];
	}
	return best;
}

/**
 * Returns how many insertions, deletions, substitutions and swaps of neighbors make one word of the other.
 *
 * @param {string} from
 * @param {string} to
 */
function edits(from, to) {
	const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
	for (let i = 1; i <= from.length; i++) {
		rows.push([i]);
		for (let j = 1; j <= to.length; j++) {
			const substituted = rows[i - 1][j - 1] + Number(from[i - 1] !== to[j - 1]);
			rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, substituted);
			const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
			if (isSwap) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
		}
	}
	return rows[from.length][to.length];
}
