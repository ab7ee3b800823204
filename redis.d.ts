// @tmcp-native/session-manager/redis: sessions of several machines. In the place of @tmcp/session-manager-redis 0.3.0.

import type {
	ClientCapabilities,
	ClientInfo,
	CloseOptions,
	JSONRPCRequest,
	LogLevel,
	SessionController,
	StreamPolicyOptions,
	StreamStats,
	Subscription,
	SubscriptionCallbacks,
} from './index.js';
import { InfoSessionManager, StreamSessionManager, SubscriptionManager } from './index.js';

/**
 * What joins this process to others. All managers of one server and prefix in a process, in whichever thread, share one node
 * with one set of connections: the numbers here count as the first of them gives them, and one that gives others throws.
 */
export interface BackplaneOptions {
	/** What all keys in Redis begin with: whoever gives the same shares sessions. Default: `'tmcp'`. */
	prefix?: string;
	/** How many entries the Redis stream keeps, about (`MAXLEN ~`): as far as a node may fall behind. Default: 10,000. */
	maxLen?: number;
	/** How many bytes may wait to be sent while Redis cannot be reached, in this process. Default: 8 MiB. */
	maxPendingBytes?: number;
	/** After so many ms without an answer, whoever waits for Redis gets a {@link BackplaneUnavailableError}. Default: 2,000. */
	commandTimeoutMs?: number;
	/** How often the node tells that it lives, in ms. Default: 3,000. */
	heartbeatMs?: number;
	/** A node that has not told so for so many ms is taken for dead, and its sessions with it. Default: 10,000. */
	nodeTtlMs?: number;
	/** Entries never came: the stream was trimmed before this process had read them. What it throws disturbs nothing. */
	onGap?: (gap: BackplaneGap) => void;
	/** A connection was lost or could not be made, or something was not sent. What it throws disturbs nothing. */
	onError?: (error: BackplaneUnavailableError) => void;
}

/** Entries of another node that this one will never get. */
export interface BackplaneGap {
	/** The node that sent them. */
	node: string;
	/** How many; one at least where more cannot be known. */
	missed: number;
}

/** What this process does in Redis, since its first manager there was made. */
export interface BackplaneStats {
	/** Whether it is connected. */
	connected: boolean;
	/** How many bytes wait to be sent. */
	pendingBytes: number;
	/** Entries of the stream that it has written. */
	sent: number;
	/** Entries of other nodes that it has read. */
	received: number;
	/** Entries that came twice, as their node could not know whether the first had gone in. Delivered once. */
	duplicates: number;
	/** How often entries never came, see {@link BackplaneOptions.onGap}. */
	gaps: number;
	/** How many never came. */
	missed: number;
	/** Entries and values that are not as this package writes them. Passed over. */
	malformed: number;
	/** How often the connection was lost. */
	reconnects: number;
}

/** Redis cannot be reached, has not answered in time, or too much waits for it. */
export class BackplaneUnavailableError extends Error {
	readonly code: 'ERR_BACKPLANE_UNAVAILABLE';
	/**
	 * The call of which other machines hear nothing, where it is one. Sessions of this process have got what it sends, and
	 * what was sent before stays in order.
	 */
	readonly unsent?: { method: string; args: unknown[] };
	constructor(message: string, unsent?: { method: string; args: unknown[] });
}

export interface RedisStreamSessionManagerOptions extends BackplaneOptions, StreamPolicyOptions {
	/** As in {@link StreamSessionManagerOptions}. */
	maxMailboxBytes?: number;
}

export interface RedisStreamStats extends StreamStats {
	backplane: BackplaneStats;
}

/**
 * Streams of sessions on several machines. Those of this process are fed before a call returns, whether Redis can be reached
 * or not; ids that nobody here has, and messages to all, go through a Redis stream that every node reads.
 *
 * What one thread sends arrives in order and once, for as long as the Redis stream holds it: also when connections break,
 * Redis is stopped, or starts again with its data. What never came is told by `onGap`.
 *
 * The promises of `create`, `delete` and `send` resolve as soon as what must go out waits in order to be sent; `flush()` when
 * it has been. They reject with a {@link BackplaneUnavailableError} when more waits than `maxPendingBytes`; one that nobody
 * handles is no unhandled rejection, and `onError` hears of it.
 */
export class RedisStreamSessionManager extends StreamSessionManager {
	/**
	 * @param url `redis://[user][:password@]host[:port][/database]`, `rediss://` with TLS; `valkey://` and `valkeys://`, too
	 * @throws {TypeError} with the code `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` or `ERR_UNKNOWN_OPTION`
	 */
	constructor(url: string, options?: RedisStreamSessionManagerOptions);
	/** How many sessions this process has. */
	get size(): number;
	/** The ids of the sessions of this process, oldest first. */
	ids(): string[];
	/**
	 * Registers the stream of a session of this process. One of the same id, on whatever machine, is closed.
	 *
	 * @throws what {@link InMemoryStreamSessionManager.create} throws, at once
	 */
	create(id: string, controller: SessionController): Promise<void>;
	/** Forgets a session, on whatever machine it is, and closes its stream behind what was sent to it before. */
	delete(id: string): Promise<void>;
	/** Whether any living node has that session. Asks Redis where this process has not. */
	has(id: string): Promise<boolean>;
	/** Sends a text to the sessions of these ids, or to all. */
	send(sessions: string[] | undefined | null, data: string): Promise<void>;
	/**
	 * Resolves when what this thread has sent is in the queues of the streams of this process, and in the Redis stream.
	 * Rejects with a {@link BackplaneUnavailableError} after `commandTimeoutMs`; it is sent later.
	 */
	flush(): Promise<void>;
	/** Resolves once what other nodes send reaches this process. Rejects after `commandTimeoutMs`; it is tried further. */
	ready(): Promise<void>;
	stats(): RedisStreamStats;
	/**
	 * Closes the streams of this thread, as {@link InMemoryStreamSessionManager.close} does, and leaves: when all managers of this server and prefix in the process are closed,
	 * what waits is sent (for `commandTimeoutMs` at most), the node takes itself and its sessions away, and its connections
	 * are closed. Resolves then. `create` throws from now on, and the other methods when the streams are closed, with the code
	 * `ERR_MANAGER_CLOSED`.
	 */
	close(options?: CloseOptions): Promise<void>;
	/** `close()`: for `await using`. */
	[Symbol.asyncDispose](): Promise<void>;
}

export interface RedisInfoSessionManagerOptions extends BackplaneOptions {
	/** What is known of a session goes when nobody has asked or set any of it for so many ms. Default: 86,400,000, a day. */
	ttlMs?: number;
}

/**
 * What clients said of themselves, and which resources they watch: in Redis, as JSON, for every machine. All methods reject
 * with a {@link BackplaneUnavailableError} when Redis does not answer in `commandTimeoutMs`; one that nobody handles is no
 * unhandled rejection, and `onError` hears of it. Calls of a process take effect in their order.
 */
export class RedisInfoSessionManager extends InfoSessionManager {
	/** See {@link RedisStreamSessionManager}. */
	constructor(url: string, options?: RedisInfoSessionManagerOptions);
	getClientInfo(id: string): Promise<ClientInfo>;
	setClientInfo(id: string, client_info: ClientInfo): Promise<void>;
	getClientCapabilities(id: string): Promise<ClientCapabilities>;
	setClientCapabilities(id: string, client_capabilities: ClientCapabilities): Promise<void>;
	getLogLevel(id: string): Promise<LogLevel>;
	setLogLevel(id: string, log_level: LogLevel): Promise<void>;
	/** The ids of the sessions that watch a resource, in the order they came. */
	getSubscriptions(uri: string): Promise<string[]>;
	addSubscription(id: string, uri: string): Promise<void>;
	removeSubscription(id: string, uri: string): Promise<void>;
	delete(id: string): Promise<void>;
	/** See {@link RedisStreamSessionManager.ready}. */
	ready(): Promise<void>;
	stats(): { backplane: BackplaneStats };
	/** See {@link RedisStreamSessionManager.close}. */
	close(): Promise<void>;
}

export interface RedisSubscriptionManagerOptions extends BackplaneOptions {
	/** As in {@link StreamSessionManagerOptions}. */
	maxMailboxBytes?: number;
}

/**
 * Routes notifications to the streams of `subscriptions/listen` of several machines. `send` reaches all of them, and resolves
 * when those of this process have it and it waits in order to be sent to the others; it rejects as
 * {@link RedisStreamSessionManager} does. `create`, `close` and `closeAll` are about those of this process.
 */
export class RedisSubscriptionManager extends SubscriptionManager {
	/** See {@link RedisStreamSessionManager}. */
	constructor(url: string, options?: RedisSubscriptionManagerOptions);
	create(subscription: Subscription, callbacks: SubscriptionCallbacks): Promise<boolean>;
	send(notification: JSONRPCRequest): Promise<void>;
	close(id: string | number, origin: string, reason: 'closed' | 'cancelled'): Promise<boolean>;
	/** Cancels the subscriptions of this thread, and leaves: see {@link RedisStreamSessionManager.close}. */
	close(): Promise<void>;
	closeAll(origin?: string, reason?: 'closed' | 'cancelled'): Promise<void>;
	/** See {@link RedisStreamSessionManager.flush}. */
	flush(): Promise<void>;
	/** See {@link RedisStreamSessionManager.ready}. */
	ready(): Promise<void>;
	stats(): { backplane: BackplaneStats };
}
