// The native addon. `native/` is written by `npm run build`; its loader finds the binary of this platform, which is beside
// it where it was built, and in a package of its own where it was installed from a registry.

import { createRequire } from 'node:module';
import { binaryMissing } from './missing-binary.js';

const binding = load();

/** An `import` would throw what the loader throws, before any of this runs. */
function load() {
	try {
		return createRequire(import.meta.url)('../../native/binding.cjs');
	} catch (cause) {
		throw binaryMissing(cause);
	}
}

/**
 * The streams of one thread's side of a hub (`src/binding/streams.rs`). Ids that are no strings are unknown ids. 0 stands
 * for "no key".
 *
 * @typedef {object} NativeStreams
 * @property {(id: string, maxSessions?: number) => number | [key: number, replaced: number]} create
 *   Registers a session and returns its key, with the key of the session of this thread that it replaces. 0, and nothing
 *   changed, where it would be one more than `maxSessions`.
 * @property {(id: unknown) => number} remove Forgets a session and returns the key to close.
 * @property {(id: string, key: number) => void} forget Forgets that session only if it is still that one.
 * @property {(id: unknown) => boolean} has
 * @property {(id: unknown, text: string) => number} routeOne Returns the key to feed; posts to the thread that has it.
 * @property {(ids: readonly unknown[], text: string | undefined, keys: Float64Array) => number} route
 *   Writes the keys to feed to `keys`, each once and oldest session first, and returns how many. Of a list that is longer
 *   than `keys`, it reads only so many ids. Posts to the other threads that have some, unless there is no text.
 * @property {(text: string) => void} sendElsewhere Posts to the other threads that have sessions.
 * @property {() => number[]} evicted The keys of sessions of this thread that others have deleted or replaced, and that are
 *   not closed yet.
 * @property {(key: number) => void} hasClosed
 * @property {() => number} size
 * @property {() => string[]} ids Oldest session first.
 * @property {() => void} leave Forgets all sessions of this thread.
 */

/**
 * The registrations of one thread's side of a hub (`src/binding/subscriptions.rs`). Lookups write as many keys of this
 * thread's as there is room for, in the order of delivery, and return how many there are. What concerns other threads
 * returns the number that their answer will bear, 0 where there are none. A notification is about a list, or about the
 * resource of the URI where `list` is negative.
 *
 * @typedef {object} NativeSubscriptions
 * @property {(origin: string, id: string | number, lists: number, uris: readonly string[]) => number} create
 *   Returns the key, 0 where some thread has such a registration already. `lists` has a bit for each list.
 * @property {(origin: unknown, id: unknown) => number} find
 * @property {(key: number) => void} remove
 * @property {(list: number, uri: string | undefined, keys: Float64Array) => number} interested
 * @property {(origin: unknown, keys: Float64Array) => number} of Those of one origin, or all with `undefined`.
 * @property {(list: number, uri: string | undefined, notification: string) => number} notifyElsewhere
 * @property {(origin: unknown, id: unknown, cancelled: boolean) => number} endElsewhere
 * @property {(origin: unknown, cancelled: boolean) => number} endAllElsewhere
 * @property {() => void} leave Forgets all registrations of this thread.
 */

/**
 * What is known of the sessions of a scope (`src/binding/info.rs`). Values are JSON; a fact is a number of `Fact` in
 * `src/info.rs`. What is no string is an unknown id or URI; to `set` and `watch` it must not be given.
 *
 * @typedef {object} NativeInfo
 * @property {(id: unknown, fact: number) => string | null} get
 * @property {(id: string, fact: number, json: string | undefined, maxSessions: number) => boolean} set
 *   Returns whether it did: nothing is changed where that would make it one session more than `maxSessions`.
 * @property {(uri: unknown) => string[]} watchers The ids of the sessions that watch it, in the order they came.
 * @property {(id: string, uri: string, maxSessions: number) => boolean} watch As `set`.
 * @property {(id: unknown, uri: unknown) => void} unwatch
 * @property {(id: unknown) => void} remove
 * @property {(id: string) => void} touch
 * @property {(ttlMs: number) => string[]} idle The ids of the sessions that no thread has touched for so long.
 * @property {(id: string, ttlMs: number) => void} removeIdle Removes it only if it is still one of those.
 */

/**
 * A thread's mailbox in a scope (`src/binding/scope.rs`, `mail.rs`).
 *
 * @typedef {object} NativeMailbox
 * @property {(bytes: Uint8Array, offset: number, table: Float64Array) => number} drain
 *   Returns how many rows it wrote to `table`, their texts to `bytes` from `offset` on; or a negative number, which
 *   `inbox.js` knows. To be called until it returns 0: only then does the thread get woken again.
 * @property {() => string} text Of the next row that has one to ask for.
 * @property {(maxBytes: number) => void} holdAtMost
 * @property {() => number} bytes How many wait.
 * @property {() => number} flush Returns the number of the answer to wait for; 0 where there is nothing to wait for.
 * @property {(receipt: number, failure?: string) => void} settle
 * @property {() => void} leave
 */

/**
 * @typedef {object} NativeMembership
 * @property {ArrayBuffer | null} signs
 *   Memory that other threads write to: `SIGN` says where. `null` where the runtime lets nobody share it.
 * @property {NativeStreams} streams
 * @property {NativeInfo} info
 * @property {NativeSubscriptions} subscriptions
 * @property {NativeMailbox} mailbox
 * @property {NativeBackplane} [backplane] Where the hub is joined to those of other machines.
 */

/**
 * What joins a seat's hub to other machines (`src/binding/backplane.rs`). What asks returns the number of the answer that
 * will come, 0 for what is no string and so the id of no session.
 *
 * @typedef {object} NativeBackplane
 * @property {() => number[]} settings Those that count, in the order of `joinRedis`.
 * @property {() => boolean} wasRefused Whether something was not taken since this was last asked, as too much waits.
 * @property {() => number} ready Answered when this process gets what others send.
 * @property {(id: unknown) => number} has Whether another node has that session.
 * @property {(id: unknown, fact: number, ttlMs: number) => number} get
 * @property {(id: string, fact: number, json: string | undefined, ttlMs: number) => number} set
 * @property {(uri: unknown) => number} watchers
 * @property {(id: string, uri: string, ttlMs: number) => number} watch
 * @property {(id: unknown, uri: unknown) => number} unwatch
 * @property {(id: unknown) => number} forget
 * @property {() => number[]} stats Connected (1) or not, bytes pending, sent, received, duplicates, gaps, missed, malformed,
 *   reconnects.
 * @property {() => number} close Answered when the node has left; 0 where other threads are still there.
 */

/** @type {() => NativeStreams} */
export const openStreams = binding.openStreams;

/** @type {() => NativeSubscriptions} */
export const openSubscriptions = binding.openSubscriptions;

/** @type {(scope: string, maxMailboxBytes: number, wake: () => void) => NativeMembership} */
export const joinScope = binding.joinScope;

/**
 * `settings`: maxLen, maxPendingBytes, commandTimeoutMs, heartbeatMs, nodeTtlMs; NaN for what is not given.
 *
 * @type {(url: string, prefix: string, settings: number[], maxMailboxBytes: number, wake: () => void) => NativeMembership}
 */
export const joinRedis = binding.joinRedis;

/** @type {(url: string) => boolean} */
export const isRedisUrl = binding.isRedisUrl;

/** @type {(word: string, candidates: string[]) => string | null} */
export const nearest = binding.nearest;
