import type { Context } from 'tmcp';

/**
 * What a manager feeds: a `ReadableStreamDefaultController`, a `ReadableByteStreamController`, or anything else with
 * these two methods.
 */
export interface SessionController {
	/** Queues a chunk. Throwing means that the stream is gone; its session is then forgotten. */
	enqueue(chunk: Uint8Array): void;
	/** Ends the stream behind what is queued. */
	close(): void;
}

/** What a stream manager of this package can be told. */
export interface StreamSessionManagerOptions extends StreamPolicyOptions {
	/**
	 * The name of a registry that managers share, in whichever threads of the process they are made: each sees and
	 * reaches the sessions of all. The streams of this thread are fed synchronously, as without it; another thread's at
	 * that thread's next turn, in the order they were sent from here.
	 *
	 * A thread that ends (also by `terminate()`, an error or `process.exit()`) takes its sessions along, and what an info
	 * manager of the scope knows of them.
	 *
	 * @default undefined: a registry of this manager's own
	 */
	scope?: string | undefined;
	/**
	 * How many bytes of other threads' messages may wait for this thread, which takes them whenever its event loop turns.
	 * Past that they are dropped, and so that no stream goes on with a gap in it, every stream of this thread in the scope
	 * is closed when it gets to it, and counted: `stats().closed.overflow`. The clients connect anew.
	 *
	 * One number for a thread and scope: the first that a manager gives; others must give the same, or none. Needs `scope`.
	 *
	 * @default 67108864 (64 MiB)
	 */
	maxMailboxBytes?: number | undefined;
}

/**
 * Why a session is gone:
 *
 * - `deleted`: by `delete(id)`, in whichever thread or machine
 * - `replaced`: a newer stream was registered under its id
 * - `gone`: its stream had ended by itself. The client left, and a message or `delete(id)` found out
 * - `slow`: more was queued for its client than `maxQueuedBytes`; the stream was cut
 * - `dead`: its client has read nothing over `deadAfterKeepAlives`; the stream was cut
 * - `overflow`: other threads have sent this one more than `maxMailboxBytes`; or what is behind another stream has taken away
 *   the memory of a message for it ({@link StreamPolicyOptions.pool})
 * - `expired`: it was as old as `maxAgeMs`
 * - `shutdown`: by `close()`
 */
export type SessionCloseReason =
	| 'deleted'
	| 'replaced'
	| 'gone'
	| 'slow'
	| 'dead'
	| 'overflow'
	| 'expired'
	| 'shutdown';

/** What a stream manager can be told to do with its streams. But for `pool`, all of it is off by default. */
export interface StreamPolicyOptions {
	/**
	 * Whether the chunk of a message is shared by all sessions that get it, short ones in memory shared with other
	 * messages, as Node's small `Buffer`s are. Such a chunk must not be written to, nor its buffer transferred: neither
	 * with `postMessage` (which refuses) nor by enqueueing it in a byte stream (which Node 20, Node 22 and Bun do not
	 * refuse). `false` gives each session a chunk with a buffer of its own, at the price of a copy each.
	 *
	 * Byte streams always get their own: their `enqueue` takes the buffer away.
	 *
	 * @default true
	 */
	pool?: boolean | undefined;
	/**
	 * Sends the comment `: keepalive` to each stream of this manager that was sent nothing for so many milliseconds (it may
	 * take a quarter more), so that no proxy on the way takes it for dead; no client takes a comment for an event (WHATWG
	 * HTML, "Server-sent events"). Not to a stream with more queued than its high-water mark. All streams that have been idle
	 * for the same time get it in one turn of the event loop. One timer a manager, which keeps nothing alive.
	 *
	 * 15,000 is right behind most proxies (nginx and AWS cut at 60 s, Cloudflare at 100 s); under Bun's own server, which
	 * cuts at 10 s, 8,000.
	 *
	 * @default 0, which is off; at most 2³¹ − 1
	 */
	keepAliveMs?: number | undefined;
	/**
	 * With `keepAliveMs`: a stream with something queued of which nothing is taken for so many times that long, is cut: reason
	 * `dead`. 0 never. What takes it (node:http, for a client) waits with the next chunk until the one before is on its way: so
	 * that long has to be more than the largest message takes on the slowest line.
	 *
	 * @default 3
	 */
	deadAfterKeepAlives?: number | undefined;
	/**
	 * How many bytes may be queued in a stream of this manager, its client not having read them. What a message would make
	 * more than that goes by `onSlowClient`; one message is always taken by a stream with nothing queued. Whether the stream
	 * counts chunks or bytes is no matter. Controllers without a finite `desiredSize` are not limited.
	 *
	 * 1,048,576 (1 MiB) is a good limit: clients that connect anew catch up from there.
	 *
	 * @default undefined: no limit
	 */
	maxQueuedBytes?: number | undefined;
	/**
	 * What happens at `maxQueuedBytes`: the stream is cut, reason `slow`, and its memory is free; or the message is dropped for
	 * this session, and counted in `stats().dropped`: its client never learns of it. One in 64 that are dropped in a row is not,
	 * where that is the way to find out whether the client has left.
	 *
	 * @default 'close'
	 */
	onSlowClient?: 'close' | 'drop' | undefined;
	/**
	 * Joins what one turn of the event loop sends to a stream to one chunk, which is in its queue when the microtasks of that
	 * turn run, and before the stream is closed; not yet when `send` returns. For bursts: a chunk each is a write each.
	 *
	 * @default false
	 */
	coalesce?: boolean | undefined;
	/**
	 * A message to all sessions of this thread that takes longer than so many milliseconds goes on in the next turn of the
	 * event loop, and so on; what is sent meanwhile waits behind, up to 16 MiB and 1,024 messages, so that each session gets all in order. What is
	 * sent to a session before it is deleted is in its queue before it is closed. For tens of thousands of sessions; 8 is a
	 * good value. One number for a thread and scope, as with `maxMailboxBytes`.
	 *
	 * @default undefined: a message is in all queues of this thread when `send` returns
	 */
	sliceMs?: number | undefined;
	/**
	 * How many sessions there may be, of all threads of a scope; with Redis, of this process. What would be one more is refused:
	 * `create` throws a {@link SessionLimitError}, and nothing is changed. A stream that takes another's place is not one more.
	 *
	 * @default Infinity
	 */
	maxSessions?: number | undefined;
	/**
	 * A stream is closed, reason `expired`, when it is between four fifths of so many milliseconds old, at random, and all:
	 * clients connect anew, and spread over the servers there are by then.
	 *
	 * @default undefined: never; at most 2³¹ − 1
	 */
	maxAgeMs?: number | undefined;
	/**
	 * Called for each stream of this manager that is gone, when it is. What it throws, or rejects with, disturbs nothing.
	 *
	 * It is the stream that is gone: but for `deleted`, its client may open another under the same id, and with `replaced` it has.
	 * So what is known of the client is not to be forgotten for these.
	 */
	onClose?: ((id: string, reason: SessionCloseReason) => void) | undefined;
}

/** How a manager is closed. */
export interface CloseOptions {
	/**
	 * How many milliseconds clients have to read what is queued for them. A stream whose client has is closed at once; after
	 * that time the others are cut, and lose it. What is in the stream's queue counts: what node:http has taken from it, and its
	 * client has not read, is not seen here. `server.closeAllConnections()` ends those.
	 *
	 * @default undefined: streams are closed behind what is queued, however long that takes their clients
	 */
	drainMs?: number | undefined;
}

/** What a thread has of the streams of a manager, or of all managers of a scope, and what it has done since it has them. */
export interface StreamStats {
	/** How many sessions this thread has. */
	sessions: number;
	/** How many messages it has given to streams: one to ten sessions is ten. */
	messages: number;
	/** How many bytes these were. */
	bytes: number;
	/** How many messages were dropped for slow clients: see {@link StreamPolicyOptions.onSlowClient}. */
	dropped: number;
	/** How many sessions are gone, by the reason. */
	closed: Record<SessionCloseReason, number>;
	/** How many bytes are queued in streams that clients have not read, where that is counted: with `maxQueuedBytes` or `keepAliveMs`. */
	queuedBytes: number;
	/** How many bytes from other threads wait for this thread. */
	mailboxBytes: number;
}

/**
 * Knows the open streams of an MCP server's sessions, and sends each the messages meant for it. To be extended; each
 * method that is not overridden throws `Method not implemented.`
 */
export abstract class StreamSessionManager {
	/** Registers a session's stream. */
	abstract create(id: string, controller: ReadableStreamDefaultController): void | Promise<void>;
	/** Forgets a session and closes its stream. */
	abstract delete(id: string): void | Promise<void>;
	/** Whether there is a session of that id. */
	abstract has(id: string): boolean | Promise<boolean>;
	/** Sends to the sessions named, or to every session where none are. */
	abstract send(sessions: string[] | undefined, data: string): void | Promise<void>;
}

/**
 * The streams of the sessions of one manager, or of all managers of a scope, registered in native memory. Those of this
 * thread are fed synchronously.
 *
 * It keeps each stream's controller alive until its session is deleted or lost, and keeps no process alive.
 */
export class InMemoryStreamSessionManager extends StreamSessionManager {
	/**
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` for an option that does not exist, with the nearest that does;
	 *   `ERR_INVALID_ARG_TYPE` for a value of the wrong type; `ERR_INVALID_ARG_VALUE` for another `maxMailboxBytes` or
	 *   `sliceMs` than this thread has in the scope.
	 */
	constructor(options?: StreamSessionManagerOptions);

	/** How many sessions there are, of all threads. */
	get size(): number;

	/** The ids of all sessions, oldest session first. */
	ids(): string[];

	/**
	 * Registers a session's stream. Over an id that is there already the newer stream wins: the older one is closed at
	 * once, its queued chunks staying readable. One that lives in another thread is closed there, behind what was sent to it.
	 *
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, nothing changed: `id` is no string, or `controller` lacks a method.
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT`, nothing changed: there are `maxSessions`.
	 * @throws {Error} `ERR_MANAGER_CLOSED`, nothing changed.
	 */
	create(id: string, controller: SessionController): void;

	/**
	 * Forgets a session, then closes its stream; chunks already queued stay readable. One that lives in another thread is
	 * closed there, behind what was sent to it. Unknown ids are no error.
	 */
	delete(id: string): void;

	/**
	 * Whether there is a session of that id. A stream that its reader has cancelled is there until the next message to it
	 * finds out.
	 */
	has(id: string): Promise<boolean>;

	/**
	 * Queues a message in the streams of the sessions named: each once, unknown ids passed over. `undefined` and `null`
	 * mean every session, `[]` none. A message is one chunk: the text in UTF-8, a lone surrogate becoming U+FFFD.
	 *
	 * It is in the queue of every stream of this thread when this returns (with `coalesce` and `sliceMs` later, and in the
	 * same order), and on its way to those of other threads: see {@link flush}. Every session gets it that there is now, and none that another thread creates later. A stream that
	 * takes no more (closed, errored, cancelled) loses its session; the others still get the message.
	 *
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, nothing sent: `data` is no string, or `sessions` no array.
	 */
	send(sessions: readonly string[] | null | undefined, data: string): void;

	/**
	 * Resolves when all that this thread has sent so far is in the queues of the streams it is for, in all threads, and what it
	 * deleted there is closed. A thread that ends or overflows meanwhile is not waited for. It keeps the thread alive
	 * until then. Without `scope`, `coalesce` and `sliceMs` it resolves at once. Never rejects.
	 */
	flush(): Promise<void>;

	/** What this thread has, and what has become of it. */
	stats(): StreamStats;

	/**
	 * Takes no more sessions (`create` throws, `ERR_MANAGER_CLOSED`), and closes this thread's streams, of all managers of a
	 * scope, some hundred in a turn of the event loop: reason `shutdown`. Resolves when they are closed and what this thread
	 * has sent is in the queues of the streams it is for.
	 *
	 * @throws {TypeError} for options that are none
	 */
	close(options?: CloseOptions): Promise<void>;

	/** `close()`: for `await using`. */
	[Symbol.asyncDispose](): Promise<void>;
}

/** What tmcp knows of a session's client. */
type SessionInfo = NonNullable<Context['sessionInfo']>;

/** The name, version and so on that a client gave on `initialize`. */
export type ClientInfo = SessionInfo['clientInfo'];

/** What a client can do, as it said on `initialize`. */
export type ClientCapabilities = SessionInfo['clientCapabilities'];

/** The least severe log message that a client wants (`logging/setLevel`). */
export type LogLevel = SessionInfo['logLevel'];

/**
 * Knows what the clients of an MCP server's sessions said of themselves, and which resources they watch
 * (`resources/subscribe`). To be extended; each method that is not overridden throws `Method not implemented.`
 */
export abstract class InfoSessionManager {
	abstract getClientInfo(id: string): Promise<ClientInfo>;
	abstract setClientInfo(id: string, client_info: ClientInfo): void;
	abstract getClientCapabilities(id: string): Promise<ClientCapabilities>;
	abstract setClientCapabilities(id: string, client_capabilities: ClientCapabilities): void;
	abstract getLogLevel(id: string): Promise<LogLevel>;
	abstract setLogLevel(id: string, log_level: LogLevel): void;
	/** The ids of the sessions that watch a resource, in the order they came. */
	abstract getSubscriptions(uri: string): Promise<string[]>;
	abstract addSubscription(id: string, uri: string): void;
	abstract removeSubscription(id: string, uri: string): void;
	/** Forgets all of a session. */
	abstract delete(id: string): void;
}

/** What an info manager of this package can be told. */
export interface InfoSessionManagerOptions {
	/**
	 * The name of a registry that managers share, in whichever threads of the process they are made: what one thread sets,
	 * any thread reads. Values go as JSON, so that a getter resolves to an equal one, and each time to a new one; what JSON
	 * cannot carry is refused. Ids and URIs must be strings.
	 *
	 * A thread that ends (also by `terminate()`, an error or `process.exit()`) takes along what is known of the sessions
	 * whose streams it had in the scope; what is known of others stays until it is deleted, or until no manager of the scope
	 * is left. `maxSessions` counts the sessions of all threads; give every manager of a scope the same.
	 *
	 * Where stream or subscription managers of this thread and scope are told `maxMailboxBytes`, make one of them first.
	 *
	 * @default undefined: a registry of this manager's own
	 */
	scope?: string | undefined;
	/**
	 * How many sessions there may be something known of. Past it, what would make it one more (`setClientInfo`,
	 * `setClientCapabilities`, `setLogLevel`, `addSubscription`) is refused: it throws a {@link SessionLimitError}, unless
	 * there is `onSessionLimit`.
	 *
	 * With a tmcp transport, give `onSessionLimit` as well: tmcp sets from within an event listener, where an error that is
	 * thrown cannot be caught and ends the process.
	 *
	 * @default Infinity
	 */
	maxSessions?: number | undefined;
	/**
	 * Called in place of throwing when a set is refused, with the id of the session that was one too many. What it throws
	 * is passed over. The session goes on, with nothing known of its client.
	 */
	onSessionLimit?: ((error: SessionLimitError, id: string) => void) | undefined;
	/**
	 * Milliseconds after which a session is forgotten that nothing was set, added, removed or asked of by its id; it may
	 * take a quarter more. Clients are not bound to say goodbye, and most do not: without it, what is known of them stays.
	 * At most 2³¹ − 1.
	 *
	 * With a scope, what any thread sets or asks counts, and each manager that has a `ttlMs` looks for sessions to forget: one
	 * that does is enough.
	 *
	 * @default undefined, which is never
	 */
	ttlMs?: number | undefined;
	/**
	 * The stream manager that is used beside this one. A session that it has is not forgotten, however long nothing is
	 * asked of it.
	 */
	streams?: Pick<StreamSessionManager, 'has'> | undefined;
}

/**
 * What is known of the sessions of one manager, kept as the very objects that were set; or of all managers of a scope, kept
 * as JSON.
 */
export class InMemoryInfoSessionManager extends InfoSessionManager {
	/**
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` for an option that does not exist, with the nearest that does;
	 *   `ERR_INVALID_ARG_TYPE` for a value that cannot be.
	 */
	constructor(options?: InfoSessionManagerOptions);

	/** Rejects with `Client info not found for session ID`. */
	getClientInfo(id: string): Promise<ClientInfo>;
	/**
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT`, nothing changed.
	 * @throws {TypeError} With a scope, nothing changed: `ERR_INVALID_ARG_TYPE` where `id` is no string;
	 *   `ERR_INVALID_ARG_VALUE` for a value that JSON cannot carry (a class instance, a `Date`, a `Map`, a function, a symbol,
	 *   a bigint, `NaN`, what stands in itself, a hole in a list), naming the place in it. `undefined` and `null` are stored as
	 *   nothing, and properties that are `undefined` left out.
	 */
	setClientInfo(id: string, client_info: ClientInfo): void;
	/** Rejects with `Client capabilities not found for session ID`. */
	getClientCapabilities(id: string): Promise<ClientCapabilities>;
	/** Throws as {@link setClientInfo} does. */
	setClientCapabilities(id: string, client_capabilities: ClientCapabilities): void;
	/** Rejects with `Log Level not found for session ID`. */
	getLogLevel(id: string): Promise<LogLevel>;
	/** Throws as {@link setClientInfo} does. */
	setLogLevel(id: string, log_level: LogLevel): void;
	/**
	 * The ids of the sessions that watch a resource, in the order they came, whichever thread they came in; `[]` for none.
	 */
	getSubscriptions(uri: string): Promise<string[]>;
	/**
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT`, nothing changed.
	 * @throws {TypeError} With a scope, `ERR_INVALID_ARG_TYPE`, nothing changed: `id` or `uri` is no string.
	 */
	addSubscription(id: string, uri: string): void;
	removeSubscription(id: string, uri: string): void;
	/** Forgets all of a session. Costs what that session had. */
	delete(id: string): void;
}

/** A manager has as many sessions as it was told to take (`maxSessions`). What it has is undisturbed. */
export class SessionLimitError extends Error {
	constructor(limit: number);
	readonly code: 'ERR_SESSION_LIMIT';
	/** The number that was given as `maxSessions`. */
	readonly limit: number;
}

/**
 * Why a stream was cut: whoever reads it gets this error. `slow`, `dead` and `shutdown` as in {@link SessionCloseReason}.
 */
export class SessionClosedError extends Error {
	constructor(reason: 'slow' | 'dead' | 'shutdown');
	readonly code: 'ERR_SESSION_CLOSED';
	readonly reason: 'slow' | 'dead' | 'shutdown';
}

/** A notification, as it goes over the wire. */
export interface JSONRPCRequest {
	jsonrpc: '2.0';
	id?: string | number | null;
	method: string;
	params?: any;
}

/** What a client listens to (MCP 2026-07-28, `subscriptions/listen`). */
export interface SubscriptionFilter {
	toolsListChanged?: boolean | undefined;
	promptsListChanged?: boolean | undefined;
	resourcesListChanged?: boolean | undefined;
	/** URIs of resources, compared exactly. */
	resourceSubscriptions?: string[] | undefined;
}

/** A stream of `subscriptions/listen`. */
export type Subscription = {
	/** The id of the JSON-RPC request; `1` and `'1'` are two. */
	id: string | number;
	/** What keeps apart equal ids of different connections. */
	origin: string;
	/** Read once, when the stream is registered. */
	filters: SubscriptionFilter;
};

/** What a manager does with such a stream: one at a time, in order. */
export type SubscriptionCallbacks = {
	/** Called first, and once. */
	acknowledge: () => void | Promise<void>;
	send: (notification: JSONRPCRequest) => void | Promise<void>;
	/** Called last, and once. */
	close: (reason: 'closed' | 'cancelled') => void | Promise<void>;
};

/**
 * Routes notifications to the streams of `subscriptions/listen`. To be extended; each method that is not overridden
 * throws `Method not implemented.`
 */
export abstract class SubscriptionManager {
	abstract create(subscription: Subscription, callbacks: SubscriptionCallbacks): boolean | Promise<boolean>;
	abstract send(notification: JSONRPCRequest): void | Promise<void>;
	abstract close(id: string | number, origin: string, reason: 'closed' | 'cancelled'): boolean | Promise<boolean>;
	abstract closeAll(origin?: string, reason?: 'closed' | 'cancelled'): void | Promise<void>;
}

/** What a subscription manager of this package can be told. */
export interface SubscriptionManagerOptions {
	/**
	 * The name of a registry that managers share, in whichever threads of the process they are made: a notification sent
	 * in one reaches the streams of all. A thread that ends takes its streams along.
	 *
	 * @default undefined: a registry of this manager's own
	 */
	scope?: string | undefined;
	/**
	 * How many bytes from other threads may wait for this thread; the same mailbox, and number, that the stream managers
	 * of this thread and scope have. Past that every stream of this thread in the scope is closed (`'cancelled'`).
	 *
	 * @default 67108864 (64 MiB)
	 */
	maxMailboxBytes?: number | undefined;
}

/**
 * The streams of one manager, or of all managers of a scope. A notification finds those it is for in an index, without
 * asking every one, and wakes only threads that have some.
 */
export class InMemorySubscriptionManager extends SubscriptionManager {
	/**
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` for an option that does not exist, with the nearest that does;
	 *   `ERR_INVALID_ARG_TYPE` for a value of the wrong type; `ERR_INVALID_ARG_VALUE` for another `maxMailboxBytes` than
	 *   this thread has in the scope.
	 */
	constructor(options?: SubscriptionManagerOptions);

	/**
	 * Registers `(origin, id)` and calls `acknowledge()` at once. Resolves to `true` when that and what was sent meanwhile
	 * is done, and to `false`, calling nothing, where `(origin, id)` is there already, in whichever thread. Rejects with what `acknowledge`
	 * failed with; the registration is then gone.
	 *
	 * Rejects with a `TypeError`, `ERR_INVALID_ARG_TYPE`, for a subscription that is none.
	 */
	create(subscription: Subscription, callbacks: SubscriptionCallbacks): Promise<boolean>;

	/**
	 * Sends to each stream that listens to this, in order for each, never before it is acknowledged. Resolves when all is
	 * delivered. Rejects with what a `send` callback failed with; everything else is still delivered.
	 *
	 * With a scope it goes to other threads as JSON, and is delivered there when their event loops turn. An error from there
	 * comes as an `Error` with the same `name`, `message`, `stack` and, where it is a primitive, `code`. Streams of a thread
	 * that ends meanwhile are not waited for; of one whose mailbox overflows it rejects with `ERR_MAILBOX_OVERFLOW`. Waiting
	 * for other threads keeps this one alive no more than a callback here would.
	 *
	 * Rejects with a `TypeError`, nothing sent: `ERR_INVALID_ARG_TYPE` for what is no notification; with a scope,
	 * `ERR_INVALID_ARG_VALUE` for one that JSON cannot carry.
	 */
	send(notification: JSONRPCRequest): Promise<void>;

	/**
	 * Waits for the delivery under way, drops what is queued behind it, and calls `callbacks.close(reason)` once. Resolves
	 * to `true`, to `false` for a stream that is not there. A second call waits for the same closing. Rejects with what
	 * `callbacks.close` failed with; the stream is forgotten all the same.
	 */
	close(id: string | number, origin: string, reason: 'closed' | 'cancelled'): Promise<boolean>;

	/**
	 * Closes all streams, or those of one origin. Rejects with what the first `callbacks.close` failed with; the others are
	 * closed all the same.
	 *
	 * @param reason `'cancelled'` unless told otherwise
	 */
	closeAll(origin?: string, reason?: 'closed' | 'cancelled'): Promise<void>;
}

/** Whether a notification is for a stream with these filters. For managers of your own. */
export function matchesSubscription(filters: SubscriptionFilter, notification: JSONRPCRequest): boolean;

export * from './redis.js';

export {
	/** The name of {@link InMemoryStreamSessionManager} in `@tmcp/session-manager` 0.1. */
	InMemoryStreamSessionManager as InMemorySessionManager,
	/** The name of {@link StreamSessionManager} in `@tmcp/session-manager` 0.1. */
	StreamSessionManager as SessionManager,
};
