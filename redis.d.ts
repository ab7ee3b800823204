// @tmcp-native/session-manager/redis: managers that share the sessions of several machines through Redis. A drop-in for
// @tmcp/session-manager-redis 0.3.0.
//
//   Managers   RedisStreamSessionManager, RedisInfoSessionManager, RedisSubscriptionManager, and their options
//   Redis      BackplaneOptions, BackplaneStats, BackplaneGap, BackplaneUnavailableError
//
// They need Redis 6.2 or later, or a server with the same commands, such as Valkey. Redis Cluster and Sentinel
// are supported.

import type {
	ClientCapabilities,
	ClientInfo,
	CloseOptions,
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
	JSONRPCRequest,
	LogLevel,
	SessionController,
	StreamPolicyOptions,
	StreamSessionManagerOptions,
	StreamStats,
	Subscription,
	SubscriptionCallbacks,
	SubscriptionManagerOptions,
} from './index.js';
import { InfoSessionManager, StreamSessionManager, SubscriptionManager } from './index.js';

// ---------- Managers ----------

/**
 * Holds the open streams of this process and sends messages to the sessions of all machines. To use it with tmcp,
 * pass it to a transport as `sessionManager.streams`.
 *
 * Streams of this process get their messages as with `InMemoryStreamSessionManager` and a `scope`, also while Redis
 * cannot be reached. Each process has an inbox in Redis. A message to every session goes into the inboxes of all other
 * processes, and a message to an id that this process does not have into the inbox of the process that has it.
 *
 * What one thread sends arrives once and in order, also when connections break and when Redis restarts with its data.
 * While an inbox is full, messages wait in the process that sends them. A process misses messages when it sends no
 * heartbeat for twice `nodeTtlMs` and its inbox is full, or when Redis loses data. `onGap` and `onError` report that.
 *
 * The promises of `create`, `delete` and `send` resolve when the call is queued for Redis;
 * {@link RedisStreamSessionManager.flush} waits until Redis has it. What does not fit in `maxPendingBytes` is dropped,
 * counted in {@link BackplaneStats.dropped}, and reported to `onError`. With {@link BackplaneOptions.onUnavailable}
 * `'reject'`, such a `delete` or `send` rejects with a {@link BackplaneUnavailableError}. The rejection need not be
 * handled: it causes no `unhandledRejection`.
 *
 * From the call of `close()` on, `create` rejects with an `Error` that has the code `ERR_MANAGER_CLOSED`. When the
 * streams are closed, `has` resolves to `false`, `send`, `delete` and `flush` do nothing, and `ready` rejects as `create`
 * does. With `onUnavailable: 'reject'`, all of them reject.
 *
 * @example
 * ```ts
 * import { RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';
 *
 * const sessions = new RedisStreamSessionManager('redis://mcp:secret@redis.example:6379/0', {
 * 	prefix: 'my-app',
 * 	onError: (error) => console.error(error.message),
 * 	onGap: ({ node, missed }) => console.error(`${missed} messages of ${node} are lost`),
 * });
 *
 * await sessions.ready();
 * await sessions.send(undefined, 'data: for every session on every machine\n\n');
 * ```
 */
export class RedisStreamSessionManager extends StreamSessionManager {
	/**
	 * Creates a manager and begins to connect.
	 *
	 * @param url `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS. Several hosts are separated by
	 *   commas, such as servers of a Redis Cluster. For Redis Sentinel:
	 *   `redis-sentinel://[user[:password]@]host[:port],host[:port][/database]#name`, or `rediss-sentinel://`. `valkey` in
	 *   place of `redis` means the same. The default port is 6379, and 26379 for Sentinels.
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` if an option does not exist; `ERR_INVALID_ARG_TYPE` if an option has the
	 *   wrong type or lacks another option that it needs; `ERR_INVALID_ARG_VALUE` if `url` is not the URL of a Redis
	 *   server, or if an option differs from the value that this process or thread already uses for the same URL and
	 *   prefix.
	 * @throws {RangeError} `ERR_OUT_OF_RANGE` if an option is a number out of its range. `NaN` is out of every range.
	 */
	constructor(url: string, options?: RedisStreamSessionManagerOptions);

	/**
	 * Registers the stream of a session. An older stream with the same id is closed, on any machine.
	 *
	 * The stream is registered when `create` returns. The promise never rejects because of Redis.
	 *
	 * @param id Session id. Any string.
	 * @param controller Controller of the stream that receives the session's messages.
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if `id` is not a string, if `controller` has no `enqueue` method, or if
	 *   its `close` is neither a method nor `undefined`.
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT` if this process has `maxSessions` sessions already.
	 */
	create(id: string, controller: SessionController): Promise<void>;

	/**
	 * Sends a message to sessions on any machine.
	 *
	 * When `send` returns, the message is in the queue of each stream of this thread. See
	 * {@link InMemoryStreamSessionManager.send} for how a message is encoded, and what happens to streams that have
	 * ended.
	 *
	 * If more than `maxPendingBytes` wait, only the sessions of this process get the message. With
	 * {@link BackplaneOptions.onUnavailable} `'reject'`, the promise then rejects with a
	 * {@link BackplaneUnavailableError}.
	 *
	 * @param sessions Ids of the sessions. `undefined` and `null` mean every session; `[]` means none.
	 * @param data Text of the message. For an SSE stream this is a whole event with its blank line.
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if `data` is not a string or `sessions` is not an array. Nothing is
	 *   sent.
	 */
	send(sessions: string[] | undefined | null, data: string): Promise<void>;

	/**
	 * Resolves to `true` when any running process has a session with this id, and to `false` otherwise.
	 *
	 * Asks Redis only if this process has no such session. Then it resolves to `false` while Redis does not answer, or
	 * rejects with a {@link BackplaneUnavailableError} if {@link BackplaneOptions.onUnavailable} is `'reject'`. Sessions of
	 * a process that has crashed count until `nodeTtlMs` is over.
	 */
	has(id: string): Promise<boolean>;

	/**
	 * Removes a session, and closes its stream after the messages that were sent before. If this process does not have
	 * the session, the machine that has it removes it, as soon as Redis knows of the session: a moment after `create`.
	 *
	 * If the session is not of this process and more than `maxPendingBytes` wait, nothing happens. With
	 * {@link BackplaneOptions.onUnavailable} `'reject'`, the promise then rejects with a
	 * {@link BackplaneUnavailableError}. An unknown id is ignored.
	 */
	delete(id: string): Promise<void>;

	/** Number of sessions that this process has. */
	get size(): number;

	/** Returns the ids of the sessions that this process has, oldest session first. */
	ids(): string[];

	/**
	 * Resolves when this process has connected to Redis, so that messages of other machines reach it. Messages that
	 * other machines sent before that do not reach it. A server that refuses writes, such as a replica, does not count,
	 * unless only its memory is full.
	 *
	 * Rejects with a {@link BackplaneUnavailableError} after `commandTimeoutMs`; the process continues to connect.
	 * After the first connection it resolves at once, also when the connection is lost: see
	 * {@link BackplaneStats.connected}.
	 */
	ready(): Promise<void>;

	/**
	 * Waits until the messages that this thread has sent are in the queues of the streams of this process and in Redis,
	 * and until Redis knows which sessions this process has.
	 *
	 * If nothing could be sent for `commandTimeoutMs`, it resolves, and reports that to `onError`. With
	 * {@link BackplaneOptions.onUnavailable} `'reject'`, it rejects with a {@link BackplaneUnavailableError} after
	 * `commandTimeoutMs`. The messages then continue to wait and are sent later. The call keeps this thread alive until its
	 * promise resolves or rejects.
	 */
	flush(): Promise<void>;

	/** Returns a copy of the statistics of this thread, with those of this process in Redis. */
	stats(): RedisStreamStats;

	/**
	 * Closes the manager, and the streams that this thread has for the URL and prefix, as
	 * {@link InMemoryStreamSessionManager.close} does. Then waits until Redis has the messages of this thread, for
	 * `commandTimeoutMs` at most.
	 *
	 * When the last manager of the process with this URL and prefix is closed, the process removes its sessions from
	 * Redis and disconnects. If a process ends without that, its sessions count until `nodeTtlMs` is over.
	 *
	 * Rejects with a `TypeError` (`ERR_UNKNOWN_OPTION` or `ERR_INVALID_ARG_TYPE`) or a `RangeError` (`ERR_OUT_OF_RANGE`)
	 * if an option is invalid. Then nothing is closed.
	 *
	 * @example
	 * ```ts
	 * const url = 'redis://redis.example';
	 * const streams = new RedisStreamSessionManager(url);
	 * const info = new RedisInfoSessionManager(url);
	 *
	 * process.once('SIGTERM', () => Promise.all([streams.close({ drainMs: 10_000 }), info.close()]));
	 * ```
	 */
	close(options?: CloseOptions): Promise<void>;

	/** Calls `close()` without options. For `await using`. */
	[Symbol.asyncDispose](): Promise<void>;
}

/** Options of {@link RedisStreamSessionManager}. All of them are optional. */
export interface RedisStreamSessionManagerOptions extends BackplaneOptions, StreamPolicyOptions {
	/**
	 * Limits the mailbox of this thread, in which messages of other threads and machines wait while its event loop is
	 * busy: see {@link StreamSessionManagerOptions.maxMailboxBytes}.
	 *
	 * In bytes. All managers of one thread, URL and prefix share the limit.
	 *
	 * @default 67108864 (64 MiB)
	 */
	maxMailboxBytes?: number | undefined;
}

/** Statistics of {@link RedisStreamSessionManager}. */
export interface RedisStreamStats extends StreamStats {
	/** Statistics of this process in Redis. */
	backplane: BackplaneStats;
}

/**
 * Stores what is known about clients, and which resources each session watches, in Redis for all machines. Values are
 * stored as JSON. To use it with tmcp, pass it to a transport as `sessionManager.info`.
 *
 * The calls of a process take effect in their order. While Redis does not answer, getters answer what the clients of this
 * process have said, and changes wait up to `maxPendingBytes`. With {@link BackplaneOptions.onUnavailable} `'reject'`, a
 * promise rejects with a {@link BackplaneUnavailableError} if Redis does not answer within `commandTimeoutMs`, refuses
 * the command, or if more than `maxPendingBytes` of calls wait. Such a rejection need not be handled: it causes no
 * `unhandledRejection`.
 *
 * After `close()`, getters answer as for an unknown session, changes do nothing, and `ready` rejects with an `Error` that
 * has the code `ERR_MANAGER_CLOSED`. With `onUnavailable: 'reject'`, all of them reject with it.
 *
 * @example
 * ```ts
 * import { RedisInfoSessionManager } from '@tmcp-native/session-manager/redis';
 *
 * const info = new RedisInfoSessionManager('redis://redis.example', { ttlMs: 86_400_000 });
 *
 * await info.setLogLevel('some-id', 'warning');
 * console.log(await info.getLogLevel('some-id'));
 * ```
 */
export class RedisInfoSessionManager extends InfoSessionManager {
	/**
	 * Creates a manager and begins to connect.
	 *
	 * @param url URL of the Redis server, as for {@link RedisStreamSessionManager}.
	 * @throws {TypeError} As the constructor of {@link RedisStreamSessionManager} does.
	 * @throws {RangeError} As the constructor of {@link RedisStreamSessionManager} does.
	 */
	constructor(url: string, options?: RedisInfoSessionManagerOptions);

	/**
	 * Resolves to the client info of a session.
	 *
	 * Rejects with an `Error`, `Client info not found for session <id>`, if nothing is stored.
	 */
	getClientInfo(id: string): Promise<ClientInfo>;

	/**
	 * Stores the client info of a session.
	 *
	 * @param client_info `undefined` and `null` are the same as nothing stored.
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if `id` is not a string; `ERR_INVALID_ARG_VALUE` if JSON cannot
	 *   represent the value: see {@link InMemoryInfoSessionManager.setClientInfo}.
	 */
	setClientInfo(id: string, client_info: ClientInfo): Promise<void>;

	/**
	 * Resolves to the capabilities of a session's client.
	 *
	 * Rejects with an `Error`, `Client capabilities not found for session <id>`, if nothing is stored.
	 */
	getClientCapabilities(id: string): Promise<ClientCapabilities>;

	/**
	 * Stores the capabilities of a session's client.
	 *
	 * @param client_capabilities `undefined` and `null` are the same as nothing stored.
	 * @throws {TypeError} As {@link RedisInfoSessionManager.setClientInfo} does.
	 */
	setClientCapabilities(id: string, client_capabilities: ClientCapabilities): Promise<void>;

	/**
	 * Resolves to the log level of a session.
	 *
	 * Rejects with an `Error`, `Log Level not found for session <id>`, if nothing is stored.
	 */
	getLogLevel(id: string): Promise<LogLevel>;

	/**
	 * Stores the log level of a session.
	 *
	 * @param log_level `undefined` and `null` are the same as nothing stored.
	 * @throws {TypeError} As {@link RedisInfoSessionManager.setClientInfo} does.
	 */
	setLogLevel(id: string, log_level: LogLevel): Promise<void>;

	/**
	 * Resolves to the ids of the sessions that watch a resource, in the order in which they began to. Resolves to `[]`
	 * if there are none.
	 */
	getSubscriptions(uri: string): Promise<string[]>;

	/**
	 * Adds a resource to those that a session watches. A session that watches it already keeps its place in the order.
	 *
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if `id` or `uri` is not a string.
	 */
	addSubscription(id: string, uri: string): Promise<void>;

	/** Removes a resource from those that a session watches. An unknown id or URI is ignored. */
	removeSubscription(id: string, uri: string): Promise<void>;

	/** Removes all that is stored about a session. */
	delete(id: string): Promise<void>;

	/** Resolves when this process has connected to Redis: see {@link RedisStreamSessionManager.ready}. */
	ready(): Promise<void>;

	/** Returns a copy of the statistics of this process in Redis. */
	stats(): { backplane: BackplaneStats };

	/**
	 * Closes the manager. What it has stored stays in Redis until it is deleted or `ttlMs` is over. See
	 * {@link RedisStreamSessionManager.close} for what happens when all managers of this process are closed.
	 */
	close(): Promise<void>;
}

/** Options of {@link RedisInfoSessionManager}. All of them are optional. */
export interface RedisInfoSessionManagerOptions extends BackplaneOptions {
	/**
	 * Removes what is stored about a session after this time without a call that names its id. `getSubscriptions` names
	 * no id, so it does not count.
	 *
	 * In milliseconds, from 1 to 2³¹ − 1. The removal can come up to a quarter of `ttlMs` earlier, because not every
	 * call renews the time in Redis. An open stream does not count. Use a value longer than the longest pause between
	 * two requests of one client.
	 *
	 * @default 86400000 (one day)
	 */
	ttlMs?: number | undefined;
}

/**
 * Routes notifications to the `subscriptions/listen` streams (registrations) of several machines. To use it with
 * tmcp, pass it to a transport as `subscriptionManager`.
 *
 * `send` reaches the registrations of all machines. `create`, `close(id, origin, reason)` and `closeAll` concern
 * those of this process, in any of its threads.
 *
 * From the call of `close()` without arguments on, `create` rejects with an `Error` that has the code
 * `ERR_MANAGER_CLOSED`. Afterwards `ready` rejects too, and the other methods do nothing. With
 * {@link BackplaneOptions.onUnavailable} `'reject'`, `send` and `flush` reject as well.
 *
 * @example
 * ```ts
 * import { RedisSubscriptionManager } from '@tmcp-native/session-manager/redis';
 *
 * const subscriptions = new RedisSubscriptionManager('redis://redis.example');
 *
 * await subscriptions.ready();
 * await subscriptions.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
 * ```
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export class RedisSubscriptionManager extends SubscriptionManager {
	/**
	 * Creates a manager and begins to connect.
	 *
	 * @param url URL of the Redis server, as for {@link RedisStreamSessionManager}.
	 * @throws {TypeError} As the constructor of {@link RedisStreamSessionManager} does.
	 * @throws {RangeError} As the constructor of {@link RedisStreamSessionManager} does.
	 */
	constructor(url: string, options?: RedisSubscriptionManagerOptions);

	/**
	 * Registers a stream of this process, as {@link InMemorySubscriptionManager.create} does. Resolves to `false` if
	 * this process has a registration `(origin, id)` already; other machines are not asked.
	 */
	create(subscription: Subscription, callbacks: SubscriptionCallbacks): Promise<boolean>;

	/**
	 * Sends a notification to each registration, on any machine, whose filters match it. Resolves when Redis has it, or
	 * after `commandTimeoutMs`. While Redis is away or refuses writes, resolves at once; Redis gets the notification
	 * later. Does not wait for callbacks, and does not reject with their errors.
	 *
	 * Rejects with a `TypeError` as {@link InMemorySubscriptionManager.send} does with a `scope`. If more than
	 * `maxPendingBytes` wait, only the registrations of this process get the notification. With
	 * {@link BackplaneOptions.onUnavailable} `'reject'`, the promise then rejects with a
	 * {@link BackplaneUnavailableError}. No rejection causes an `unhandledRejection`. The call keeps this thread alive
	 * until its promise settles.
	 */
	send(notification: JSONRPCRequest): Promise<void>;

	/** Closes a registration of this process, as {@link InMemorySubscriptionManager.close} does. */
	close(id: string | number, origin: string, reason: 'closed' | 'cancelled'): Promise<boolean>;

	/**
	 * Closes the manager, and the registrations that it has created, with the reason `'cancelled'`. See
	 * {@link RedisStreamSessionManager.close} for what happens when all managers of this process are closed.
	 */
	close(): Promise<void>;

	/**
	 * Closes all registrations of this process, or those of one origin, as {@link InMemorySubscriptionManager.closeAll}
	 * does.
	 */
	closeAll(origin?: string, reason?: 'closed' | 'cancelled'): Promise<void>;

	/** Resolves when this process has connected to Redis: see {@link RedisStreamSessionManager.ready}. */
	ready(): Promise<void>;

	/** Waits until Redis has the notifications that this thread has sent: see {@link RedisStreamSessionManager.flush}. */
	flush(): Promise<void>;

	/** Returns a copy of the statistics of this process in Redis. */
	stats(): { backplane: BackplaneStats };
}

/** Options of {@link RedisSubscriptionManager}. All of them are optional. */
export interface RedisSubscriptionManagerOptions extends BackplaneOptions {
	/**
	 * Limits the mailbox of this thread, in which messages of other threads and machines wait while its event loop is
	 * busy: see {@link SubscriptionManagerOptions.maxMailboxBytes}.
	 *
	 * In bytes. All managers of one thread, URL and prefix share the limit.
	 *
	 * @default 67108864 (64 MiB)
	 */
	maxMailboxBytes?: number | undefined;
}

// ---------- Redis ----------

/**
 * Options that connect this process to others through Redis.
 *
 * All managers of a process with the same URL and prefix, in any thread, are one node, with two connections. The
 * numbers of the first manager apply to all. A later manager may omit them; with another number, it throws
 * `ERR_INVALID_ARG_VALUE`. Each manager may have its own `onGap` and `onError`.
 *
 * @example
 * ```ts
 * const options: BackplaneOptions = {
 * 	prefix: 'my-app',
 * 	heartbeatMs: 500,
 * 	nodeTtlMs: 2_000,
 * 	onError: (error) => console.error(error.message),
 * };
 * ```
 */
export interface BackplaneOptions {
	/**
	 * Sets the first part of all keys in Redis. Processes with the same prefix on the same server share their sessions.
	 *
	 * A non-empty string. Use a different one for each application on the server.
	 *
	 * @default 'tmcp'
	 */
	prefix?: string | undefined;

	/**
	 * Decides what calls do that need Redis while it is not available.
	 *
	 * - `'degrade'`: they take effect in this process, answer what this process knows, and do not reject because of
	 *   Redis, a full queue or `close()`. `onError` gets the failures.
	 * - `'reject'`: they reject with a {@link BackplaneUnavailableError}, and after `close()` with `ERR_MANAGER_CLOSED`.
	 *   tmcp calls the managers in event listeners that do not handle a rejection, so handle `unhandledRejection`.
	 *
	 * `ready()` rejects in both.
	 *
	 * @default 'degrade'
	 */
	onUnavailable?: 'degrade' | 'reject' | undefined;

	/**
	 * Limits the number of entries that wait in Redis for one process, in its inbox. While the inbox is full, the other
	 * processes wait. When the process has sent no heartbeat for twice `nodeTtlMs`, they remove its oldest entries instead.
	 *
	 * A whole number from 1. An entry has the messages and notifications that another process sends at once: 1 to 128. A
	 * `delete` of a session by another process is an entry. Use more than a process gets in the longest time for which it
	 * may be disconnected. Use the same value in all processes.
	 *
	 * @default 100000
	 */
	maxLen?: number | undefined;

	/**
	 * Limits the bytes that wait in Redis for one process, in its inbox, in the same way as `maxLen` limits the entries.
	 *
	 * In bytes of texts and ids, with about 25 more for each entry and 8 more for each message; at least
	 * `maxPendingBytes`. Use four times as much. Use the same value in all processes.
	 *
	 * @default 33554432 (32 MiB)
	 */
	maxInboxBytes?: number | undefined;

	/**
	 * Limits the messages that wait in this process while Redis cannot be reached, or while the inbox of a receiver is
	 * full. Three more limits have the same size: for calls that ask Redis, such as `has` and those of the info manager;
	 * for the copy of what clients have said; and for the messages of the last 5 s, which are sent again if Redis loses
	 * them.
	 *
	 * In bytes, at most `maxInboxBytes`. Use what your process sends in the longest outage of Redis that should lose
	 * nothing.
	 *
	 * @default 8388608 (8 MiB)
	 */
	maxPendingBytes?: number | undefined;

	/**
	 * Limits the time that a call waits for Redis. After it, the call answers without Redis, or rejects with a
	 * {@link BackplaneUnavailableError}: see {@link BackplaneOptions.onUnavailable}. The limit also applies to each attempt
	 * to connect, and to the time for which `close()` waits when it can send nothing of what is waiting. A connection over
	 * which no bytes move for this time, while a reply is missing, is closed and made again.
	 *
	 * In milliseconds, at most 2³¹ − 1. Use less than the time in which a request has to be answered. With
	 * `onUnavailable: 'reject'`, use less than a third of it, because tmcp can wait for Redis three times in one request.
	 *
	 * @default 2000
	 */
	commandTimeoutMs?: number | undefined;

	/**
	 * Sets the interval of the heartbeat, with which this process tells Redis that it is running.
	 *
	 * In milliseconds, at most half of `nodeTtlMs`. Use a third of it or less. The cost does not depend on the number of
	 * sessions.
	 *
	 * @default 3000
	 */
	heartbeatMs?: number | undefined;

	/**
	 * Sets the time without a heartbeat after which this process counts as dead. Other processes then no longer see its
	 * sessions. After twice this time, they no longer wait when its inbox is full.
	 *
	 * In milliseconds, at most 2³¹ − 1, and at least twice `heartbeatMs`. Use more than the machine or its network may
	 * pause. A busy event loop does not matter, because the heartbeat has a thread of its own.
	 *
	 * @default 10000
	 */
	nodeTtlMs?: number | undefined;

	/**
	 * Sets the certificates for a URL that begins with `rediss://` or `rediss-sentinel://`. Omit it if the server has a
	 * certificate of an authority that the operating system, `SSL_CERT_FILE` or `NODE_EXTRA_CA_CERTS` names.
	 *
	 * All managers of one URL and prefix share it. A later manager may omit it; with other certificates, it throws
	 * `ERR_INVALID_ARG_VALUE`.
	 *
	 * @default undefined
	 */
	tls?: BackplaneTlsOptions | undefined;

	/**
	 * Called when messages are lost: usually messages of another process for this one, because this one sent no heartbeat
	 * for twice `nodeTtlMs` and its inbox was full. An error that it throws, or rejects with, is ignored.
	 *
	 * @default undefined
	 */
	onGap?: ((gap: BackplaneGap) => void) | undefined;

	/**
	 * Called when a connection is lost or cannot be made, when a call is dropped because of `maxPendingBytes`, when `has`,
	 * `ready` or a call of the info manager is refused by Redis or not answered in time, when `flush()` or `close()` could
	 * not send everything, and when Redis has lost what waited for this process (`ERR_INBOX_LOST`). `error.cause` says why. Called
	 * at most once per second for the same cause. An error that it throws, or rejects with, is ignored.
	 *
	 * @default undefined
	 */
	onError?: ((error: BackplaneUnavailableError) => void) | undefined;
}

/**
 * Certificates for the connection to Redis. The fields are those of `tls.connect()` of Node.js.
 *
 * @example
 * ```ts
 * const tls: BackplaneTlsOptions = {
 * 	ca: '-----BEGIN CERTIFICATE-----\n…',
 * 	servername: 'redis.internal',
 * };
 * ```
 *
 * @see https://nodejs.org/api/tls.html#tlscreatesecurecontextoptions
 */
export interface BackplaneTlsOptions {
	/**
	 * Certificates of the authorities to trust, in PEM format. Replaces those of the operating system, `SSL_CERT_FILE` and
	 * `NODE_EXTRA_CA_CERTS`.
	 */
	ca?: string | Uint8Array | (string | Uint8Array)[] | undefined;
	/** Certificate of this client and its chain, in PEM format, if the server wants one. Needs `key`. */
	cert?: string | Uint8Array | undefined;
	/** Private key of `cert`, in PEM format and without a passphrase. */
	key?: string | Uint8Array | undefined;
	/**
	 * Name that the certificate of the server must have.
	 *
	 * @default the host of the URL
	 */
	servername?: string | undefined;
}

/** Messages that are lost: see {@link BackplaneOptions.onGap}. */
export interface BackplaneGap {
	/**
	 * Name of the node that sent them. Each process chooses its name at random. It is the name of this process if Redis
	 * has lost messages of this process that it can no longer send again.
	 */
	node: string;
	/** Number of messages, notifications and deletions. */
	missed: number;
}

/**
 * Statistics of this process in Redis. Counters start when its first manager with this URL and prefix is made.
 *
 * For single events, subscribe to the diagnostics channels `tmcp-native:backplane:gap` and
 * `tmcp-native:backplane:error`.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
export interface BackplaneStats {
	/**
	 * Name of this process in Redis, which {@link BackplaneGap.node} of other processes and the keys of Redis have. Chosen at
	 * random when its first manager with this URL and prefix is made.
	 */
	node: string;
	/** True while this process is connected to Redis. */
	connected: boolean;
	/** Number of bytes of messages that wait to be sent, and of calls that wait for a reply. */
	pendingBytes: number;
	/**
	 * Number of messages, and of changes of the info manager, that were dropped: more than `maxPendingBytes` were waiting,
	 * or Redis refused the change.
	 */
	dropped: number;
	/** Number of messages, notifications and deletions that Redis has got from this process. */
	sent: number;
	/** Number of messages, notifications, and orders to close a session, that this process has read from its inbox. */
	received: number;
	/** Number of messages that arrived twice and were delivered once. A sender repeats messages after a lost connection. */
	duplicates: number;
	/** Number of times that messages were lost: see {@link BackplaneOptions.onGap}. */
	gaps: number;
	/** Number of messages that were lost. */
	missed: number;
	/** Number of entries and values with an unknown format. They are ignored. */
	malformed: number;
	/** Number of times that the connection was lost. */
	reconnects: number;
	/**
	 * The last error of the connection, or null. It stays when the process is connected again: `connected` tells whether
	 * the error is over.
	 */
	lastError: BackplaneFailure | null;
}

/** An error of the connection to Redis. */
export interface BackplaneFailure {
	/**
	 * The code that Node.js uses for the same failure, such as `ECONNREFUSED`, or the first word of an error of Redis, such
	 * as `WRONGPASS`.
	 */
	code: string;
	/** A sentence for people. Contains no password. */
	message: string;
	/** The time of the error, in milliseconds since 1970, as `Date.now()` returns it. */
	at: number;
}

/**
 * Thrown by calls that need Redis, when Redis cannot be reached, does not answer in time or refuses the command, or
 * when too many bytes wait for it.
 *
 * The message names the cause. `cause` is an `Error` whose `code` is that of {@link BackplaneFailure}. It is undefined if
 * `maxPendingBytes` is reached while Redis accepts everything.
 *
 * @example
 * ```ts
 * const sessions = new RedisStreamSessionManager('redis://redis.example', { onUnavailable: 'reject' });
 *
 * try {
 * 	await sessions.send(undefined, 'data: hello\n\n');
 * } catch (error) {
 * 	if (error instanceof BackplaneUnavailableError) console.log('only the sessions of this process have got it');
 * 	else throw error;
 * }
 * ```
 */
export class BackplaneUnavailableError extends Error {
	/** Code of the error. */
	readonly code: 'ERR_BACKPLANE_UNAVAILABLE';
	/**
	 * Method and arguments of the call that other machines do not get, if the error is about one. The sessions of this
	 * process have got what it sends. Earlier calls still reach other machines, in order.
	 */
	readonly unsent?: { method: string; args: unknown[] };
	constructor(message: string, unsent?: { method: string; args: unknown[] }, options?: { cause?: unknown });
}

export { SessionClosedError, SessionLimitError } from './index.js';
