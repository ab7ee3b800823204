// The native addon. `native/` is written by `npm run build`; its loader finds the binary of this platform, which is beside
// it where it was built, and in a package of its own where it was installed from a registry.

import { createRequire } from 'node:module';
import { binaryMissing } from './missing-binary.js';

const binding = load();

/** An `import` would throw what the loader throws, before any of this runs. */
function load() {
	try {
		return createRequire(import.meta.url)('../native/binding.cjs');
	} catch (cause) {
		throw binaryMissing(cause);
	}
}

/**
 * One stream manager's side of a hub (`src/binding/streams.rs`). Ids that are no strings are unknown ids. 0 stands for "no key".
 *
 * @typedef {object} NativeHub
 * @property {(id: string) => number | [key: number, replaced: number]} create
 *   Registers a session and returns its key, with the key of the session of this thread that it replaces.
 * @property {(id: unknown) => number} remove Forgets a session and returns the key to close.
 * @property {(id: string, key: number) => void} forget Forgets that session only if it is still that one.
 * @property {(id: unknown) => boolean} has
 * @property {(id: unknown, text: string) => number} routeOne Returns the key to feed.
 * @property {(ids: readonly unknown[], text: string, keys: Float64Array) => number} route
 *   Writes the keys to feed to `keys`, each once and oldest session first, and returns how many. Of a list that is longer
 *   than `keys`, it reads only so many ids.
 * @property {() => number} size
 * @property {() => string[]} ids Oldest session first.
 * @property {() => void} leave Forgets all sessions of this manager.
 */

/**
 * The registrations of one subscription manager (`src/binding/subscriptions.rs`). The lookups write as many keys as there
 * is room for, in the order of delivery, and return how many there are.
 *
 * @typedef {object} NativeSubscriptions
 * @property {(origin: string, id: string | number, lists: number, uris: readonly string[]) => number} create
 *   Returns the key, 0 where there is such a registration already. `lists` has a bit for each list.
 * @property {(origin: unknown, id: unknown) => number} find
 * @property {(key: number) => void} remove
 * @property {(list: number, keys: Float64Array) => number} listeningTo
 * @property {(uri: string, keys: Float64Array) => number} subscribedTo
 * @property {(origin: unknown, keys: Float64Array) => number} of Those of one origin, or all with `undefined`.
 * @property {() => void} leave Forgets all registrations.
 */

/** @type {() => NativeHub} */
export const openHub = binding.openHub;

/** @type {() => NativeSubscriptions} */
export const openSubscriptions = binding.openSubscriptions;

/** @type {(word: string, candidates: string[]) => string | null} */
export const nearest = binding.nearest;
