// Declares the interface of the core, and exports it: the native addon, or the JavaScript core of `fallback.js` where the
// addon cannot be loaded. The field `imports` of package.json chooses `#native`: `addon.js`, or `no-addon.js` on hosts
// that have no addons.

import { addon, failure, reason } from '#native';
import * as fallback from './fallback.js';

const core = addon ?? fallback;

/** True when the addon is loaded, false when the JavaScript core takes its place. */
export const isNative = addon !== undefined;

/**
 * Throws an error with a stable `code` unless the addon is loaded.
 *
 * @param {string} what needs it: the subject of the message, such as `InMemoryStreamSessionManager: the option "scope"`
 */
export function requireNative(what) {
	if (isNative) return;
	const error = new Error(`${what} needs the native binary.\n${reason}`, failure && { cause: failure });
	throw Object.assign(error, { code: /** @type {const} */ ('ERR_NATIVE_REQUIRED') });
}

// Conventions of the interface:
// - A key is a number that Rust gives to a session, a registration or a completion. A key is never reused. 0 means no key.
// - A request is a number too. The reply to it arrives in the mailbox, and `PendingRequests` in
//   `lib/threads/pending-requests.js` settles its promise. 0 means that there is nothing to wait for.
// - "Other threads" are the other members of the same hub. "Other nodes" are the other processes on the same Redis server
//   and prefix. Without a scope a hub has one thread; without Redis there are no other nodes.
// - An id, origin or URI of type `unknown` may be any value. A value that is not a string matches nothing.

/**
 * The sessions of a hub, as one thread sees them (`src/binding/streams.rs`). Rust has the ids and keys,
 * JavaScript has the streams.
 *
 * @typedef {object} NativeStreams
 * @property {(id: string, maxSessions?: number) => number | [key: number, replaced: number]} create
 *   Registers a session of this thread and returns its key. When it replaces a session of this thread, returns both keys,
 *   and the caller must close the replaced stream. When it replaces a session of another thread or node, that thread or
 *   node closes the stream. Returns 0 and changes nothing when a new id would exceed `maxSessions`.
 * @property {(id: unknown) => number} remove
 *   Removes a session. Returns its key when it is a session of this thread: the caller must close the stream. Otherwise
 *   returns 0, and the thread or node that has the session closes the stream.
 * @property {(id: string, key: number) => void} forget Removes a session of this thread only while it still has this key.
 * @property {(id: unknown) => boolean} has Returns true when any thread has the session.
 * @property {(id: unknown, text: string) => number} routeOne
 *   Returns the key of the session when it is an ordinary session of this thread: the caller must deliver the message.
 *   Otherwise returns 0: Rust writes the message when the session is direct, posts it to the thread that has the session, or
 *   publishes it to other nodes when no thread has it.
 * @property {(ids: readonly unknown[], text: string | undefined, keys: Float64Array) => number} route
 *   Writes the keys of this thread's ordinary sessions to `keys`, each key once and oldest session first, and returns their
 *   number. The caller must deliver the message to these. Writes, posts or publishes it to the other sessions, unless `text`
 *   is `undefined`. Reads at most `keys.length` ids.
 * @property {(text: string) => void} sendElsewhere
 *   Sends a message to all sessions of other threads and nodes, and to all direct sessions.
 * @property {() => number[]} evicted
 *   Returns the keys of this thread's sessions that other threads or nodes have deleted or replaced, and whose streams this
 *   thread has not closed yet.
 * @property {(id: unknown) => number[]} evictedOf Returns the keys of those of these sessions that have this id, oldest first.
 * @property {(key: number) => void} markClosed Reports that this thread has closed the stream of an evicted session.
 * @property {(sockets: object, id: string, key: number, fd: number, settings: Float64Array) => number} [attachSocket]
 *   Makes an ordinary session of this thread direct: from now on, Rust writes its messages on a duplicate of the file
 *   descriptor. `sockets` is the handle of `NativeSockets`. `settings` are 0 for a body in chunks or 1 for a raw one,
 *   maxQueuedBytes, 1 to drop messages for a slow client or 0 to close it, keepAliveMs (0 for none) and deadAfterKeepAlives.
 *   Returns 1 when the session is direct now. Returns 2 when it is direct and has to catch up: it is paused, messages of other
 *   threads may wait in the mailbox for its stream, and a row of `drain` follows the last one. Returns 0 when the session is
 *   removed, and -1 when the descriptor cannot be duplicated. Only on platforms with file descriptors.
 * @property {() => number[]} [directStats]
 *   Returns the messages that Rust has accepted for this thread's direct sessions, their bytes, and the number of dropped
 *   messages. Only on platforms with file descriptors.
 * @property {() => number} size Returns the number of sessions of all threads.
 * @property {() => string[]} ids Returns the ids of the sessions of all threads, oldest session first.
 * @property {() => void} leave Leaves the hub: removes everything that belongs to this thread.
 */

/**
 * The registrations of a hub, as one thread sees them (`src/binding/subscriptions.rs`).
 *
 * A notification is given as `list` and `uri`: either the index of a list in `ListChange`, or a negative number and the
 * URI of a resource. Lookups write the keys of this thread's registrations to `keys`, in the order of delivery,
 * and return how many there are. When that is more than `keys.length`, the rest is not written.
 *
 * @typedef {object} NativeSubscriptions
 * @property {(origin: string, id: string | number, lists: number, uris: readonly string[]) => number} create
 *   Registers `(origin, id)` for this thread and returns its key, or 0 when any thread has registered it already. `lists`
 *   has one bit for each index in `ListChange`.
 * @property {(origin: unknown, id: unknown) => number} find Returns the key of a registration of this thread, or 0.
 * @property {(key: number) => void} remove Removes a registration.
 * @property {(list: number, uri: string | undefined, keys: Float64Array) => number} matching
 *   Looks up the registrations that a notification matches.
 * @property {(origin: unknown, keys: Float64Array) => number} of
 *   Looks up the registrations of one origin, or all of them with `undefined`.
 * @property {(list: number, uri: string | undefined, notification: string) => number} notifyElsewhere
 *   Sends a notification, as JSON, to the matching registrations of other threads and to other nodes. Returns the request
 *   whose reply arrives when the other threads have delivered it.
 * @property {(origin: unknown, id: unknown, cancelled: boolean) => number} closeElsewhere
 *   Asks the thread that has a registration to close it. Returns the request whose reply arrives when it is closed, or 0
 *   when no other thread has it.
 * @property {(origin: unknown, cancelled: boolean) => number} closeAllElsewhere
 *   Asks the other threads to close their registrations of one origin, or all of them with `undefined`. Returns the
 *   request as `closeElsewhere` does.
 * @property {() => void} leave Leaves the hub: removes everything that belongs to this thread.
 */

/**
 * The attributes and watched resources of the sessions of a scope (`src/binding/info.rs`).
 *
 * Values are JSON, `undefined` for none. An attribute is given by its index in `Attribute` of `src/registry/info.rs`.
 * `get`, `set`, `watch`, `unwatch` and `touch` count as an access to a session.
 *
 * @typedef {object} NativeInfo
 * @property {(id: unknown, attribute: number) => string | null} get Returns the value of an attribute, `null` for none.
 * @property {(id: string, attribute: number, json: string | undefined, maxSessions: number) => boolean} set
 *   Sets an attribute. Returns false and changes nothing when a new session would exceed `maxSessions`.
 * @property {(uri: unknown) => string[]} watchers
 *   Returns the ids of the sessions that watch a resource, in the order in which they began to watch it.
 * @property {(id: string, uri: string, maxSessions: number) => boolean} watch
 *   Makes a session watch a resource. Returns false and changes nothing when a new session would exceed `maxSessions`.
 * @property {(id: unknown, uri: unknown) => void} unwatch
 *   Makes a session stop watching a resource. Removes a session that has no attribute and watches nothing else.
 * @property {(id: unknown) => void} remove Removes everything known about a session.
 * @property {(id: string) => void} touch Records an access to a session.
 * @property {(ttlMs: number) => string[]} idle
 *   Returns the ids of the sessions that no thread has accessed for `ttlMs`, in no particular order.
 * @property {(id: string, ttlMs: number) => void} removeIdle
 *   Removes a session only if no thread has accessed it for `ttlMs`.
 */

/**
 * The mailbox of one thread in a hub (`src/binding/mailbox.rs`, `src/binding/drain.rs`).
 *
 * @typedef {object} NativeMailbox
 * @property {(bytes: Uint8Array, offset: number, table: Float64Array) => number} drain
 *   Moves messages from the mailbox to `table`, one row of numbers each, and the texts for streams to `bytes` from `offset`
 *   on. Returns the number of rows, or a negative number that `lib/threads/drained-messages.js` explains. The caller
 *   repeats it until it returns 0: before that, `wake` is not called again.
 * @property {() => string} text Returns the text of the next row whose text is not in `bytes`.
 * @property {(maxBytes: number) => void} setMaxBytes Sets how many bytes may wait in the mailbox.
 * @property {() => number} bytes Returns how many bytes wait in the mailbox.
 * @property {(isPatient: boolean) => number} flush
 *   Returns the request whose reply arrives when everything that this thread has posted and published is processed, or 0
 *   when it already is.
 * @property {(completion: number, failure?: string) => void} settle
 *   Reports that the work of a drained row is done; or that it failed, with the text that `describeFailure` in
 *   `lib/threads/failure.js` returns.
 * @property {() => void} leave Leaves the hub: removes everything that belongs to this thread and closes the mailbox.
 */

/**
 * The membership of one thread in a hub that other threads share (`src/binding/membership.rs`).
 *
 * @typedef {object} NativeMembership
 * @property {ArrayBuffer | null} flags
 *   Memory that other threads write and this thread reads without a call: `FLAG` in `lib/streams/streams.js` has the
 *   indices. `null` where the runtime does not allow an `ArrayBuffer` over native memory.
 * @property {NativeStreams} streams
 * @property {NativeInfo} info
 * @property {NativeSubscriptions} subscriptions
 * @property {NativeMailbox} mailbox
 * @property {NativeBackplane} [backplane] Only in a hub on Redis.
 */

/**
 * The connection of a hub to other nodes (`src/binding/backplane.rs`).
 *
 * The methods from `has` to `forget` return a request, or 0 when an argument is not a string. `ttlMs` is the time after
 * which Redis removes the session if it is not accessed again. A change with `isKept` takes effect in `info` of the
 * membership, too, and has to reach Redis even if its request fails. It returns 0 while Redis is away, and when the change
 * was refused.
 *
 * @typedef {object} NativeBackplane
 * @property {() => number[]} settings Returns the settings in use, in the order of `joinRedis`.
 * @property {(tls: (string | undefined)[]) => boolean} usesTls
 *   Returns true when each text of the option `tls` that is set is in use.
 * @property {() => boolean} wasRefused
 *   Returns true when an entry or a change was refused since the previous call, because `maxPendingBytes` was reached.
 * @property {() => boolean} isAway
 *   Returns true when Redis is known not to answer: the connection is lost or cannot be made, or a request had no reply in
 *   time.
 * @property {() => boolean} refusesChanges
 *   Returns true when changes of client information wait, because Redis refused one of them: it is full or read-only.
 * @property {() => number} published
 *   Returns the request whose reply arrives when Redis has the entries that this process has sent so far, or 0 when Redis
 *   has them or cannot be used now.
 * @property {() => number} ready Returns the request whose reply arrives when this process receives what other nodes send.
 * @property {(id: unknown) => number} has Replies with true when another node has the session.
 * @property {(id: unknown, attribute: number, ttlMs: number) => number} get Replies with the value of an attribute.
 * @property {(id: string, attribute: number, json: string | undefined, ttlMs: number, isKept: boolean) => number} set
 *   Sets an attribute.
 * @property {(uri: unknown) => number} watchers Replies with the ids of the sessions that watch a resource.
 * @property {(id: string, uri: string, ttlMs: number, isKept: boolean) => number} watch Makes a session watch a resource.
 * @property {(id: unknown, uri: unknown, isKept: boolean) => number} unwatch
 *   Makes a session stop watching a resource.
 * @property {(id: unknown, isKept: boolean) => number} forget Removes everything known about a session.
 * @property {() => number[]} stats
 *   Returns, in this order: connected (1 or 0), bytes pending, entries sent, entries received, duplicates, gaps, entries
 *   missed, malformed entries, reconnects, dropped entries and changes.
 * @property {() => string} node Returns the name of this node.
 * @property {() => string | null} lastError
 *   Returns the last error of the connection as JSON: `{ code, message, at }`.
 * @property {() => string | null} problem
 *   Returns the error because of which Redis cannot be used fully now as JSON: `{ code, message }`.
 * @property {() => number} close
 *   Makes this process leave the backplane. Returns the request whose reply arrives when it has left, or 0 when other
 *   threads of the process are still members. Then the process does not leave.
 */

/**
 * The sockets of the direct sessions of one environment (`src/binding/sockets.rs`). A key is that of the session. Commands
 * for one key take effect in the order of the calls, together with messages; unknown keys are ignored.
 *
 * @typedef {object} NativeSockets
 * @property {object} handle The first argument of `attachSocket`.
 * @property {(table: Float64Array) => number} events
 *   Writes events to `table` and returns their number. An event is a kind, a key and a value: 1 paused,
 *   3 failed (value: the number of the error; the duplicate of the descriptor is closed), 4 slow, 5 dead, 6 dropped messages
 *   (value: their bytes). The caller repeats it until it returns 0: before that, `wake` is not called again.
 * @property {(key: number) => void} pause
 *   Writes what was sent before, reports `paused`, and holds later messages.
 * @property {(key: number) => boolean} waitUntilPaused
 *   Blocks until Rust has processed the commands for the key, at most 10 ms. Returns true when Rust has paused. The event
 *   `paused` still follows.
 * @property {(key: number) => void} resume Ends a pause.
 * @property {(key: number) => void} discard Drops the messages that the operating system has not taken, except a partly
 *   written one.
 * @property {(key: number) => void} close
 *   Writes what the operating system takes at once, and closes the duplicate. Reports nothing.
 * @property {(key: number, bytes: Uint8Array) => void} write
 *   Writes a chunk that is no message of the session: it is not counted, and no limit applies.
 * @property {(key: number) => void} mute Writes no later message.
 * @property {(key: number) => number} queued
 *   Returns how many bytes the operating system has not taken, `Infinity` while Rust has messages or commands to process.
 * @property {(key: number) => number} sent Returns how many bytes the operating system has taken.
 * @property {() => void} leave Closes all duplicates of this environment.
 */

/**
 * Opens a hub of one thread and returns its sessions.
 *
 * @type {() => NativeStreams}
 */
export const openStreams = core.openStreams;

/**
 * Opens a hub of one thread and returns its registrations.
 *
 * @type {() => NativeSubscriptions}
 */
export const openSubscriptions = core.openSubscriptions;

/**
 * Joins the hub of a scope. Only after `requireNative`. `wake` is called on this thread when its mailbox has something to drain.
 *
 * @type {(scope: string, maxMailboxBytes: number, wake: () => void) => NativeMembership}
 */
export const joinScope = addon?.joinScope;

/**
 * Joins the hub of a Redis server and a prefix. Only after `requireNative`. `settings` are maxLen, maxPendingBytes,
 * commandTimeoutMs, heartbeatMs, nodeTtlMs and maxInboxBytes, NaN for a default. `tls` are the texts of ca, cert, key and
 * servername. Only the settings and `tls` of the first member in the process take effect.
 *
 * @type {(url: string, prefix: string, settings: number[], tls: (string | undefined)[], maxMailboxBytes: number, wake: () => void) => NativeMembership}
 */
export const joinRedis = addon?.joinRedis;

/**
 * Opens the sockets of this environment. `writers` is the least number of threads that write to the sockets of the process.
 * `wake` is called on this thread when there are events. `undefined` without the addon, and on platforms without file
 * descriptors.
 *
 * @type {((writers: number, wake: () => void) => NativeSockets) | undefined}
 */
export const openSockets = addon?.openSockets;

/**
 * Returns the name of the first text of the option `tls` that cannot be used, and what it must be; `null` when there is none.
 * `undefined` without the addon.
 *
 * @type {((tls: (string | undefined)[]) => [string, string] | null) | undefined}
 */
export const checkTls = addon?.checkTls;

/**
 * Returns true for the URL of a Redis server. Does not connect.
 *
 * @type {(url: string) => boolean}
 */
export const isRedisUrl = core.isRedisUrl;

/**
 * Returns the candidate that is spelled most like the word, or `null` when none is similar.
 *
 * @type {(word: string, candidates: string[]) => string | null}
 */
export const nearest = core.nearest;
