// @tmcp-native/session-manager: a drop-in for @tmcp/session-manager 0.1.2 to 0.3.0.
//
//   Streams         InMemoryStreamSessionManager, its options, its statistics, its abstract base
//   Info            InMemoryInfoSessionManager, its options, its abstract base
//   Subscriptions   InMemorySubscriptionManager, its options, its abstract base, matchesSubscription
//   Errors          SessionLimitError, SessionClosedError
//   Native code     isNative
//   Other names     the names of @tmcp/session-manager 0.1, and the Redis managers of redis.d.ts
//
// An error that a program may want to handle has a stable `code`. A mistake in a call is a TypeError, or a RangeError where
// a number is out of range, and the call changes nothing:
//
//   ERR_UNKNOWN_OPTION      an option does not exist; the message names the nearest one that does
//   ERR_INVALID_ARG_TYPE    an argument or option has the wrong type, or lacks another option it needs
//   ERR_OUT_OF_RANGE        an option is a number out of its range; the only code of a RangeError
//   ERR_INVALID_ARG_VALUE   an argument or option has the right type, but this value cannot be used
//
// The other codes are ERR_SESSION_LIMIT, ERR_SESSION_CLOSED, ERR_MANAGER_CLOSED, ERR_MAILBOX_OVERFLOW and
// ERR_BACKPLANE_UNAVAILABLE. Where the native binary cannot be loaded, a core in JavaScript takes its place, with a warning
// whose code is TMCP_NATIVE_FALLBACK. The option `scope` and the Redis managers then throw ERR_NATIVE_REQUIRED. With
// TMCP_NATIVE=require in the environment, the import throws ERR_NATIVE_BINARY_MISSING instead.

import type { Context } from 'tmcp';

// ---------- Streams ----------

/**
 * Holds the open streams of an MCP server's sessions and sends messages to them.
 *
 * Without options it behaves as the class of the same name in `@tmcp/session-manager` 0.3.0, apart from a few
 * documented differences. To use it with tmcp, pass it to a transport as `sessionManager.streams`; the transport then
 * calls its methods. With the option `scope` it shares its sessions with other threads of the process.
 *
 * The manager keeps the controller of a session alive until the session is deleted or its stream has ended. It does
 * not keep the process alive.
 *
 * @example
 * ```ts
 * import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';
 *
 * const sessions = new InMemoryStreamSessionManager({ keepAliveMs: 15_000, maxQueuedBytes: 1_048_576 });
 *
 * function connect(id: string): Response {
 * 	const stream = new ReadableStream({
 * 		start: (controller) => sessions.create(id, controller),
 * 		cancel: () => sessions.delete(id),
 * 	});
 * 	return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
 * }
 *
 * sessions.send(['some-id'], 'data: for one session\n\n');
 * sessions.send(undefined, 'data: for every session\n\n');
 * ```
 */
export class InMemoryStreamSessionManager extends StreamSessionManager {
	/**
	 * Creates a manager.
	 *
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` if an option does not exist; `ERR_INVALID_ARG_TYPE` if an option has the
	 *   wrong type or lacks another option that it needs; `ERR_INVALID_ARG_VALUE` if `maxMailboxBytes` or `sliceMs`
	 *   differs from the value that this thread already uses in the scope.
	 * @throws {RangeError} `ERR_OUT_OF_RANGE` if an option is a number out of its range. `NaN` is out of every range.
	 */
	constructor(options?: StreamSessionManagerOptions);

	/**
	 * Registers the stream of a session.
	 *
	 * If a session with this id exists, the new stream replaces its stream. The manager closes the older stream, and
	 * the chunks in its queue stay readable. If the older stream belongs to another thread, that thread closes it after
	 * it has delivered the messages that were sent before.
	 *
	 * @param id Session id. Any string.
	 * @param controller Controller of the stream that receives the session's messages.
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if `id` is not a string, if `controller` has no `enqueue` method, or if
	 *   its `close` is neither a method nor `undefined`.
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT` if there are `maxSessions` sessions already.
	 * @throws {Error} `ERR_MANAGER_CLOSED` after `close()`.
	 * @see https://streams.spec.whatwg.org/#rs-default-controller-class
	 */
	create(id: string, controller: SessionController): void;

	/**
	 * Sends a message to sessions.
	 *
	 * When `send` returns, the message is in the queue of each stream of this thread. Messages for streams of other
	 * threads are on their way; {@link InMemoryStreamSessionManager.flush} waits for them. With `coalesce` or `sliceMs`
	 * the message enters the queues later, in the same order.
	 *
	 * A message is one chunk: `data` in UTF-8, with U+FFFD in place of each lone surrogate. Each session gets the
	 * message once, even if its id is listed twice. Unknown ids are ignored. A session that another thread creates
	 * after the call does not get the message.
	 *
	 * If the `enqueue` of a stream throws because the stream is closed, errored or canceled, its session is removed.
	 * The other sessions still get the message.
	 *
	 * @param sessions Ids of the sessions. `undefined` and `null` mean every session; `[]` means none.
	 * @param data Text of the message. For an SSE stream this is a whole event with its blank line.
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if `data` is not a string or `sessions` is not an array. Nothing is
	 *   sent.
	 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
	 */
	send(sessions: readonly string[] | null | undefined, data: string): void;

	/**
	 * Resolves to `true` when a session with this id exists, and to `false` otherwise.
	 *
	 * A stream that its reader has canceled counts until a message, a keep-alive comment or a `delete` finds that it
	 * has ended.
	 */
	has(id: string): Promise<boolean>;

	/**
	 * Removes a session, then closes its stream. The chunks in its queue stay readable.
	 *
	 * If the stream belongs to another thread, that thread closes it after it has delivered the messages that were sent
	 * before. An unknown id is ignored.
	 */
	delete(id: string): void;

	/** Number of sessions, in all threads of the scope. */
	get size(): number;

	/** Returns the ids of all sessions, in all threads of the scope, oldest session first. */
	ids(): string[];

	/**
	 * Waits until the messages that this thread has sent are in the queues of their streams, in all threads, and until
	 * the streams that it has deleted in other threads are closed.
	 *
	 * Call it before the process exits, so that other threads get the last messages. It does not wait for a thread that
	 * ends or whose mailbox overflows. It keeps this thread alive until it resolves, and it never rejects. Without
	 * `scope`, `coalesce` and `sliceMs` it resolves at once.
	 */
	flush(): Promise<void>;

	/** Returns a copy of the statistics of this thread. */
	stats(): StreamStats;

	/**
	 * Closes the manager and the streams of this thread, with the reason `shutdown`.
	 *
	 * From the call on, `create` throws `ERR_MANAGER_CLOSED`. When it has resolved, `has` resolves to `false`, and `send` and
	 * `delete` do nothing. In a scope, the streams that other managers of this thread have registered are closed too. About
	 * a hundred streams are closed in each turn of the event loop, so that the clients do not all reconnect at the same
	 * moment.
	 *
	 * Resolves when the streams are closed and other threads have got the messages of this one, as with
	 * {@link InMemoryStreamSessionManager.flush}. With `drainMs`, it waits for other threads only until that time is over.
	 * A second call waits for the first one, and its options are not used.
	 *
	 * Rejects with a `TypeError` (`ERR_UNKNOWN_OPTION` or `ERR_INVALID_ARG_TYPE`) or a `RangeError` (`ERR_OUT_OF_RANGE`)
	 * if an option is invalid. Then nothing is closed.
	 *
	 * @example
	 * ```ts
	 * const sessions = new InMemoryStreamSessionManager();
	 *
	 * await sessions.close({ drainMs: 10_000 });
	 * ```
	 * @see `shutdown` in `@tmcp-native/session-manager/node`, which also stops the server
	 */
	close(options?: CloseOptions): Promise<void>;

	/** Calls `close()` without options. For `await using`. */
	[Symbol.asyncDispose](): Promise<void>;
}

/** Options of {@link InMemoryStreamSessionManager}. All of them are optional. */
export interface StreamSessionManagerOptions extends StreamPolicyOptions {
	/**
	 * Shares the sessions of this manager with all managers of the same scope, in any thread of the process. Each of
	 * them finds, reaches and deletes the sessions of all.
	 *
	 * The name of the scope, a non-empty string. Use it when several worker threads serve one MCP endpoint. Streams of
	 * this thread still get a message before `send` returns. Streams of another thread get it in that thread's next
	 * turn of the event loop, in the order in which this thread has sent its messages.
	 *
	 * When a thread ends, also by `terminate()`, an error or `process.exit()`, its sessions are removed from the scope,
	 * and so is what the info managers of the scope store about them. The same happens when all managers of a thread in
	 * the scope are garbage collected, so keep a reference to the manager.
	 *
	 * @default undefined (only this manager's sessions)
	 * @example
	 * ```ts
	 * // In each worker thread:
	 * const streams = new InMemoryStreamSessionManager({ scope: 'mcp' });
	 * const info = new InMemoryInfoSessionManager({ scope: 'mcp' });
	 * const subscriptions = new InMemorySubscriptionManager({ scope: 'mcp' });
	 * ```
	 */
	scope?: string | undefined;

	/**
	 * Limits the mailbox of this thread, in which messages of other threads wait while its event loop is busy.
	 *
	 * In bytes. Needs `scope`. When the limit is exceeded, the waiting messages are dropped. Then this thread closes all
	 * its streams in the scope, so that none continues with a gap. The reason is `overflow`, and clients can reconnect.
	 * Raise the limit when a thread may block its event loop for long. A message that alone exceeds the limit closes only
	 * the streams that should have received it.
	 *
	 * All managers of one thread and scope share the limit: the first value given applies, and a different one throws.
	 *
	 * @default 67108864 (64 MiB)
	 */
	maxMailboxBytes?: number | undefined;
}

/**
 * Options for the streams of a manager: keep-alive, limits, delivery. All of them are off by default, except `pool`.
 *
 * @example
 * ```ts
 * const options: StreamPolicyOptions = {
 * 	keepAliveMs: 15_000,
 * 	maxQueuedBytes: 1_048_576,
 * 	maxSessions: 10_000,
 * 	maxAgeMs: 3_600_000,
 * 	onClose: (id, reason) => console.log(`session ${id}: ${reason}`),
 * };
 * ```
 */
export interface StreamPolicyOptions {
	/**
	 * Sends the comment `: keepalive` to a stream that has received nothing for this time, so that no proxy closes the
	 * connection as idle. Clients ignore comments.
	 *
	 * In milliseconds, at most 2³¹ − 1; 0 turns it off. Use 15,000 behind most proxies: nginx and AWS close idle
	 * connections after 60 s, Cloudflare after 100 s. Use 8,000 with `Bun.serve`, which closes them after 10 s.
	 *
	 * A comment can be late by up to a quarter of `keepAliveMs`. A stream that has chunks in its queue gets none, with
	 * one exception: a queue that is exactly full looks like a stream that has ended, and the comment finds out which
	 * it is. The timer does not keep the process or the manager alive.
	 *
	 * @default 0 (off)
	 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
	 */
	keepAliveMs?: number | undefined;

	/**
	 * Ends the stream of a client that has read nothing during this many intervals of `keepAliveMs`, with the reason
	 * `dead`. The reader of the stream gets a {@link SessionClosedError}.
	 *
	 * A number of intervals; 0 turns it off. Needs `keepAliveMs`. Only a stream that has chunks in its queue is
	 * checked. The end can come one interval later.
	 *
	 * An HTTP server takes the next chunk from the queue only after it has sent the one before. So
	 * `deadAfterKeepAlives` × `keepAliveMs` must be longer than the largest message takes on the slowest connection.
	 *
	 * @default 3 (if `keepAliveMs` is set)
	 */
	deadAfterKeepAlives?: number | undefined;

	/**
	 * Limits the data in the queue of one stream, which grows while the client does not read. A client is slow when it
	 * has left more than the limit after a turn of the event loop, in which it could read. `onSlowClient` says what happens
	 * to the next message then.
	 *
	 * In bytes, also for a stream that counts chunks; `Infinity` for no limit. Use 1,048,576 (1 MiB). Without a limit,
	 * one client that does not read can fill the memory of the server. What one turn sends may exceed the limit, up to
	 * 64 MiB. The limit does not apply to a controller without a finite `desiredSize`. A chunk for which the `size()`
	 * of the stream returns 0 does not count: it does not change `desiredSize`.
	 *
	 * @default undefined (no limit)
	 * @see https://streams.spec.whatwg.org/#rs-default-controller-desired-size
	 */
	maxQueuedBytes?: number | undefined;

	/**
	 * Selects what happens to a message for a client that has left more than `maxQueuedBytes` unread:
	 *
	 * - `'close'`: The stream is ended with the reason `slow`, and the memory of its queue is freed. The reader of the
	 *   stream gets a {@link SessionClosedError}, and the client can reconnect.
	 * - `'drop'`: This session does not get the message. `stats().dropped` counts it; the client does not learn of it.
	 *   Use it where each message replaces the one before, such as progress or a price. A queue that is exactly full
	 *   looks like a stream that has ended. To find out which it is, the manager enqueues every 64th message in a row that
	 *   it would drop.
	 *
	 * Needs `maxQueuedBytes`.
	 *
	 * @default 'close'
	 */
	onSlowClient?: 'close' | 'drop' | undefined;

	/**
	 * Limits the number of sessions. Above it, `create` throws a {@link SessionLimitError} and changes nothing.
	 *
	 * A number of sessions, in all threads of the scope; with Redis, of this process. A stream that replaces another
	 * one with the same id is always accepted. Set it to what the memory of the machine allows.
	 *
	 * @default Infinity
	 */
	maxSessions?: number | undefined;

	/**
	 * Called when `create` refuses a session because of `maxSessions`, with the error that `create` then throws and the id
	 * of the session. An error that it throws, or rejects with, is ignored.
	 *
	 * @default undefined
	 */
	onSessionLimit?: ((error: SessionLimitError, id: string) => void) | undefined;

	/**
	 * Closes each stream when it reaches this age, with the reason `expired`. Clients then reconnect and spread over
	 * the servers that are running.
	 *
	 * In milliseconds, at most 2³¹ − 1. The age of each stream is chosen at random between 80 % and 100 % of the value,
	 * so that streams that were opened together are not closed together. Use 3,600,000 (one hour) behind a load
	 * balancer.
	 *
	 * @default undefined (never)
	 */
	maxAgeMs?: number | undefined;

	/**
	 * Joins the messages that synchronous code sends to a stream into one chunk, so that they cost one write in all.
	 * After an `await`, a new chunk begins.
	 *
	 * The chunk is enqueued in a microtask, or earlier if the stream is closed; it is not in the queue yet when `send`
	 * returns. Use it where messages come in bursts.
	 *
	 * @default false
	 */
	coalesce?: boolean | undefined;

	/**
	 * Delivers a message to all sessions of this thread in time slices, so that the event loop does other work in
	 * between.
	 *
	 * In milliseconds per slice. Use 8 from about 10,000 sessions in one thread. Messages that are sent during a
	 * delivery wait, up to 16 MiB or 1,024 messages; beyond that, all of them are delivered at once. Each session gets
	 * its messages in the order of the `send` calls. A session that is deleted first gets the messages that were sent
	 * before.
	 *
	 * All managers of one thread and scope share the value: the first value given applies, and a different one throws.
	 *
	 * @default undefined (a message is in all queues of this thread when `send` returns)
	 */
	sliceMs?: number | undefined;

	/**
	 * Shares the chunk of a message between all sessions that get it. Short messages also share memory with each other,
	 * as small `Buffer`s do in Node.js.
	 *
	 * Code that reads the streams must not write to a shared chunk and must not transfer its buffer. `postMessage`
	 * refuses to transfer it; in Node.js 20, it copies it instead. `enqueue` of a byte stream does transfer it in
	 * Node.js 20, Node.js 22 and Bun. Use `false` if your code needs to write or transfer. Then each session gets a copy
	 * with its own buffer.
	 *
	 * **Security:** `chunk.buffer` contains messages of other clients, and so does a structured clone of the chunk, which
	 * `postMessage` makes. An HTTP server writes only the bytes of the chunk. Use `false` if the code between the manager
	 * and the client is not your own, if it sends chunks to another thread or process, or if it stores them.
	 *
	 * A byte stream that is registered with the manager always gets its own buffer.
	 *
	 * What a client does not read keeps at most twice its bytes and 64 KiB in memory. Beyond that, its messages are copied.
	 * This needs a controller with a `desiredSize`.
	 *
	 * @default true
	 * @see https://nodejs.org/api/buffer.html#static-method-bufferallocunsafesize
	 * @see https://nodejs.org/api/worker_threads.html#considerations-when-transferring-typedarrays-and-buffers
	 */
	pool?: boolean | undefined;

	/**
	 * Called after a stream of this manager has been closed or has ended. An error that it throws, or rejects with, is
	 * ignored.
	 *
	 * It reports the end of a stream, not of a client. The client may open another stream under the same id, except
	 * after `deleted`; after `replaced` it has already done so. Remove your own data about a client only after
	 * `deleted`.
	 *
	 * @default undefined
	 */
	onClose?: ((id: string, reason: SessionCloseReason) => void) | undefined;
}

/**
 * Reason why the stream of a session was closed or has ended:
 *
 * - `deleted`: `delete(id)` was called, in any thread or on any machine.
 * - `replaced`: A newer stream was registered under the id.
 * - `gone`: The stream had already ended, usually because the client left. The manager noticed it when it sent to the
 *   stream or closed it.
 * - `slow`: The client left more than `maxQueuedBytes` unread. The stream was ended with an error.
 * - `dead`: The client has read nothing during `deadAfterKeepAlives` intervals. The stream was ended with an error.
 * - `overflow`: The stream may lack a message, because the mailbox of this thread or the message alone exceeded
 *   `maxMailboxBytes`, or because other code transferred the shared buffer of the message (see {@link StreamPolicyOptions.pool}).
 * - `expired`: The stream has reached its maximum age, `maxAgeMs`.
 * - `shutdown`: `close()` was called.
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

/** Options of {@link InMemoryStreamSessionManager.close}. */
export interface CloseOptions {
	/**
	 * Gives clients time to read what is in their queues. A stream is closed as soon as its queue is empty. When the
	 * time is over, the other streams are ended with a {@link SessionClosedError}, and the chunks in their queues are
	 * lost.
	 *
	 * In milliseconds. Use less than your platform allows between SIGTERM and SIGKILL: Kubernetes gives 30 s by
	 * default.
	 *
	 * Only the queue of the stream counts. The manager cannot see data that node:http has taken from it and the client
	 * has not read; `shutdown()` of `@tmcp-native/session-manager/node` ends such connections.
	 *
	 * @default undefined (streams are closed at once; chunks in their queues stay readable without a time limit)
	 */
	drainMs?: number | undefined;
}

/**
 * Statistics of this thread: of one manager, or of all managers of this thread in a scope. Counters start when the
 * first of these managers is made.
 *
 * For single events, subscribe to the diagnostics channels `tmcp-native:session:created`,
 * `tmcp-native:session:closed`, `tmcp-native:session:refused` and `tmcp-native:message:dropped`.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
export interface StreamStats {
	/** Number of sessions that this thread has. */
	sessions: number;
	/** Number of these sessions whose messages native code writes to the socket of the client. */
	direct: number;
	/**
	 * Number of messages that streams have accepted. One message to ten sessions counts as ten. A message to a direct session
	 * counts when the thread that writes to the sockets has accepted it, shortly after `send`.
	 */
	messages: number;
	/** Number of bytes in these messages. */
	bytes: number;
	/** Number of messages dropped for slow clients: see {@link StreamPolicyOptions.onSlowClient}. */
	dropped: number;
	/** Number of sessions refused because of `maxSessions`. */
	refused: number;
	/** Number of closed sessions, by reason. */
	closed: Record<SessionCloseReason, number>;
	/**
	 * Number of bytes in the queues of streams. It covers only managers with `maxQueuedBytes` or `keepAliveMs`, and the
	 * messages that `coalesce` has not enqueued yet. Of a direct session, it counts the bytes that the operating system
	 * has not taken.
	 */
	queuedBytes: number;
	/** Number of bytes from other threads that wait for this thread. */
	mailboxBytes: number;
}

/**
 * Controller of a session's stream: a `ReadableStreamDefaultController`, a `ReadableByteStreamController`, or any
 * other object with the method `enqueue`.
 *
 * The manager also uses `close()`, `desiredSize` and `error()` if the controller has them. Without a finite
 * `desiredSize`, no limit applies to its queue. Without `error()`, the manager calls `close()` instead. Without
 * `close()`, the session ends in the same way, and the manager calls nothing.
 *
 * @see https://streams.spec.whatwg.org/#rs-default-controller-class
 */
export interface SessionController {
	/**
	 * Adds a chunk to the queue of the stream. If it throws, the stream has ended, and its session is removed.
	 *
	 * @param chunk A `Uint8Array<ArrayBuffer>`, written so that TypeScript before 5.7 accepts it.
	 */
	enqueue(chunk: ReturnType<Uint8ArrayConstructor['of']>): void;
	/** Closes the stream. The chunks in its queue stay readable. A controller without this method is accepted. */
	close?(): void;
}

/**
 * Abstract base of the managers that hold open streams. Extend it to keep sessions in a store of your own. A method
 * that is not overridden throws an `Error` with the message `Method not implemented.`
 *
 * @example
 * ```ts
 * class LoggedSessions extends StreamSessionManager {
 * 	#sessions = new InMemoryStreamSessionManager();
 *
 * 	override create(id: string, controller: ReadableStreamDefaultController): void {
 * 		console.log(`session ${id} has a stream`);
 * 		this.#sessions.create(id, controller);
 * 	}
 *
 * 	override delete(id: string): void {
 * 		this.#sessions.delete(id);
 * 	}
 *
 * 	override has(id: string): Promise<boolean> {
 * 		return this.#sessions.has(id);
 * 	}
 *
 * 	override send(ids: string[] | undefined, data: string): void {
 * 		this.#sessions.send(ids, data);
 * 	}
 * }
 * ```
 */
export abstract class StreamSessionManager {
	/** Registers the stream of a session. */
	abstract create(id: string, controller: ReadableStreamDefaultController): void | Promise<void>;
	/** Removes a session and closes its stream. */
	abstract delete(id: string): void | Promise<void>;
	/** Returns true when a session with this id exists. */
	abstract has(id: string): boolean | Promise<boolean>;
	/**
	 * Sends a message to sessions.
	 *
	 * @param sessions Ids of the sessions, or `undefined` for every session.
	 */
	abstract send(sessions: string[] | undefined, data: string): void | Promise<void>;
}

// ---------- Info ----------

/**
 * Stores what is known about the clients of an MCP server's sessions: client info, client capabilities, log level,
 * and the resources that each session watches (`resources/subscribe`).
 *
 * Without options it behaves as the class of the same name in `@tmcp/session-manager` 0.3.0. To use it with tmcp,
 * pass it to a transport as `sessionManager.info`; the transport then calls its methods. With the option `scope` it
 * shares what it stores with other threads.
 *
 * Without `scope`, a getter resolves to the same object that was set. With `scope`, values are stored as JSON, and
 * each getter resolves to a new, equal object.
 *
 * @example
 * ```ts
 * import { InMemoryInfoSessionManager, InMemoryStreamSessionManager } from '@tmcp-native/session-manager';
 *
 * const streams = new InMemoryStreamSessionManager();
 * const info = new InMemoryInfoSessionManager({
 * 	streams,
 * 	ttlMs: 1_800_000,
 * 	maxSessions: 10_000,
 * 	onSessionLimit: (error, id) => console.warn(`${id}: ${error.message}`),
 * });
 *
 * info.addSubscription('some-id', 'file:///notes.md');
 * streams.send(await info.getSubscriptions('file:///notes.md'), 'data: changed\n\n');
 * ```
 *
 * @see https://modelcontextprotocol.io/specification/2025-06-18/server/resources#subscriptions
 */
export class InMemoryInfoSessionManager extends InfoSessionManager {
	/**
	 * Creates a manager.
	 *
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` if an option does not exist; `ERR_INVALID_ARG_TYPE` if an option has the
	 *   wrong type.
	 * @throws {RangeError} `ERR_OUT_OF_RANGE` if an option is a number out of its range.
	 */
	constructor(options?: InfoSessionManagerOptions);

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
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT` if there are `maxSessions` sessions and no `onSessionLimit`.
	 *   Nothing is changed.
	 * @throws {TypeError} With `scope`: `ERR_INVALID_ARG_TYPE` if `id` is not a string; `ERR_INVALID_ARG_VALUE` if JSON
	 *   cannot represent the value. The value must not contain an instance of a class (such as a `Date` or a `Map`), an
	 *   object with a `toJSON` method, a function, a symbol, a bigint, `NaN`, an infinite number, a hole or `undefined`
	 *   in an array, or a circular reference. The message names the place in the value. A property that is `undefined`
	 *   is left out. Nothing is changed.
	 */
	setClientInfo(id: string, client_info: ClientInfo): void;

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
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT`, as {@link InMemoryInfoSessionManager.setClientInfo} does.
	 * @throws {TypeError} With `scope`, as {@link InMemoryInfoSessionManager.setClientInfo} does.
	 */
	setClientCapabilities(id: string, client_capabilities: ClientCapabilities): void;

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
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT`, as {@link InMemoryInfoSessionManager.setClientInfo} does.
	 * @throws {TypeError} With `scope`, as {@link InMemoryInfoSessionManager.setClientInfo} does.
	 */
	setLogLevel(id: string, log_level: LogLevel): void;

	/**
	 * Resolves to the ids of the sessions that watch a resource, in all threads of the scope, in the order in which they
	 * began to watch it. Resolves to `[]` if there are none.
	 *
	 * @param uri URI of the resource, compared as a string.
	 */
	getSubscriptions(uri: string): Promise<string[]>;

	/**
	 * Adds a resource to those that a session watches. A session that watches it already keeps its place in the order.
	 *
	 * @throws {SessionLimitError} `ERR_SESSION_LIMIT`, as {@link InMemoryInfoSessionManager.setClientInfo} does.
	 * @throws {TypeError} With `scope`, `ERR_INVALID_ARG_TYPE` if `id` or `uri` is not a string. Nothing is changed.
	 */
	addSubscription(id: string, uri: string): void;

	/** Removes a resource from those that a session watches. An unknown id or URI is ignored. */
	removeSubscription(id: string, uri: string): void;

	/** Removes all that is stored about a session. The time it takes depends only on what that session had. */
	delete(id: string): void;
}

/** Options of {@link InMemoryInfoSessionManager}. All of them are optional. */
export interface InfoSessionManagerOptions {
	/**
	 * Shares what is stored with all managers of the same scope, in any thread of the process. Each of them reads what
	 * any of them has set.
	 *
	 * The name of the scope, a non-empty string. Use the name that the stream managers have. Values are stored as JSON:
	 * see {@link InMemoryInfoSessionManager.setClientInfo} for what cannot be stored.
	 *
	 * When a thread ends, also by `terminate()`, an error or `process.exit()`, its sessions in the scope are removed, and
	 * what is stored about them. What is stored about other sessions stays until it is deleted, or until the scope has
	 * no manager in any thread.
	 *
	 * @default undefined (only what this manager stores)
	 */
	scope?: string | undefined;

	/**
	 * Limits the number of sessions about which something is stored. Above it, `setClientInfo`,
	 * `setClientCapabilities`, `setLogLevel` and `addSubscription` throw a {@link SessionLimitError} for a session that
	 * is not stored yet.
	 *
	 * A number of sessions, in all threads of the scope; give all managers of a scope the same. Use the limit of the
	 * stream manager.
	 *
	 * Give `onSessionLimit` as well if a tmcp transport uses the manager. tmcp calls these methods in an event
	 * listener, where an error cannot be caught and ends the process.
	 *
	 * @default Infinity
	 */
	maxSessions?: number | undefined;

	/**
	 * Called instead of throwing a {@link SessionLimitError} when `maxSessions` is reached, with the id of the session
	 * that was refused. The session continues, and nothing is stored about it. An error that it throws is ignored; a
	 * rejection of an `async` function is not handled.
	 *
	 * @default undefined (the methods throw)
	 * @example
	 * ```ts
	 * new InMemoryInfoSessionManager({
	 * 	maxSessions: 10_000,
	 * 	onSessionLimit: (error, id) => console.warn(`${id}: ${error.message}`),
	 * });
	 * ```
	 */
	onSessionLimit?: ((error: SessionLimitError, id: string) => void) | undefined;

	/**
	 * Removes what is stored about a session after this time without a call that names its id. `getSubscriptions` names
	 * no id, so it does not count.
	 *
	 * In milliseconds, from 1 to 2³¹ − 1. The removal can come up to a quarter of `ttlMs` later. Use 1,800,000
	 * (30 minutes) together with `streams`. Most clients do not end their session: without this option, what is stored
	 * about them stays.
	 *
	 * In a scope, calls in any thread count. One manager of the scope with this option is enough.
	 *
	 * @default undefined (never)
	 */
	ttlMs?: number | undefined;

	/**
	 * Keeps what is stored about a session while it has a stream in this stream manager, even after `ttlMs`.
	 *
	 * Used only with `ttlMs`. Pass the stream manager of the same transport. Its `has` is called when `ttlMs` is over;
	 * if the session has a stream, `ttlMs` begins again. So what is stored can be removed less than `ttlMs` after the
	 * stream was closed. If `has` throws or rejects, nothing is removed.
	 *
	 * @default undefined
	 */
	streams?: Pick<StreamSessionManager, 'has'> | undefined;
}

/** Session information in the context that tmcp passes to a server. */
type SessionInfo = NonNullable<Context['sessionInfo']>;

/**
 * Name, version and other details of a client, from its `initialize` request.
 *
 * @see https://modelcontextprotocol.io/specification/2025-06-18/basic/lifecycle#initialization
 */
export type ClientInfo = SessionInfo['clientInfo'];

/**
 * Capabilities of a client, from its `initialize` request.
 *
 * @see https://modelcontextprotocol.io/specification/2025-06-18/basic/lifecycle#capability-negotiation
 */
export type ClientCapabilities = SessionInfo['clientCapabilities'];

/**
 * Minimum severity of the log messages that a client wants, from its `logging/setLevel` request.
 *
 * @see https://modelcontextprotocol.io/specification/2025-06-18/server/utilities/logging#log-levels
 */
export type LogLevel = SessionInfo['logLevel'];

/**
 * Abstract base of the managers that store what is known about clients. Extend it to use a store of your own. A
 * method that is not overridden throws an `Error` with the message `Method not implemented.`
 *
 * @example
 * ```ts
 * // One of the methods of a manager that stores in a database:
 * abstract class DatabaseInfo extends InfoSessionManager {
 * 	abstract query(sql: string, ...values: unknown[]): Promise<{ id: string }[]>;
 *
 * 	override async getSubscriptions(uri: string): Promise<string[]> {
 * 		const rows = await this.query('SELECT id FROM watchers WHERE uri = ? ORDER BY since', uri);
 * 		return rows.map(({ id }) => id);
 * 	}
 * }
 * ```
 */
export abstract class InfoSessionManager {
	/** Resolves to the client info of a session. Rejects if nothing is stored. */
	abstract getClientInfo(id: string): Promise<ClientInfo>;
	/** Stores the client info of a session. */
	abstract setClientInfo(id: string, client_info: ClientInfo): void;
	/** Resolves to the capabilities of a session's client. Rejects if nothing is stored. */
	abstract getClientCapabilities(id: string): Promise<ClientCapabilities>;
	/** Stores the capabilities of a session's client. */
	abstract setClientCapabilities(id: string, client_capabilities: ClientCapabilities): void;
	/** Resolves to the log level of a session. Rejects if nothing is stored. */
	abstract getLogLevel(id: string): Promise<LogLevel>;
	/** Stores the log level of a session. */
	abstract setLogLevel(id: string, log_level: LogLevel): void;
	/** Resolves to the ids of the sessions that watch a resource, in the order in which they began to. */
	abstract getSubscriptions(uri: string): Promise<string[]>;
	/** Adds a resource to those that a session watches. */
	abstract addSubscription(id: string, uri: string): void;
	/** Removes a resource from those that a session watches. */
	abstract removeSubscription(id: string, uri: string): void;
	/** Removes all that is stored about a session. */
	abstract delete(id: string): void;
}

// ---------- Subscriptions ----------

/**
 * Routes notifications to the streams of `subscriptions/listen` requests (MCP 2026-07-28). One such stream is a
 * registration.
 *
 * Without options it behaves as the class of the same name in `@tmcp/session-manager` 0.3.0. To use it with tmcp,
 * pass it to a transport as `subscriptionManager`; the transport then calls its methods. With the option `scope` it
 * reaches the registrations of other threads.
 *
 * An index finds the registrations that a notification is for, so the others cost nothing. Each registration gets its
 * notifications one at a time and in order. One that is slow or fails does not delay the others. Registrations do not
 * keep the process alive.
 *
 * @example
 * ```ts
 * import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';
 *
 * const subscriptions = new InMemorySubscriptionManager();
 *
 * await subscriptions.create(
 * 	{ id: 1, origin: 'connection-1', filters: { toolsListChanged: true } },
 * 	{
 * 		acknowledge: () => console.log('registered'),
 * 		send: (notification) => console.log(notification.method),
 * 		close: (reason) => console.log(reason),
 * 	},
 * );
 * await subscriptions.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
 * await subscriptions.close(1, 'connection-1', 'closed');
 * ```
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export class InMemorySubscriptionManager extends SubscriptionManager {
	/**
	 * Creates a manager.
	 *
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` if an option does not exist; `ERR_INVALID_ARG_TYPE` if an option has the
	 *   wrong type or lacks another option that it needs; `ERR_INVALID_ARG_VALUE` if `maxMailboxBytes` differs from the
	 *   value that this thread already uses in the scope.
	 * @throws {RangeError} `ERR_OUT_OF_RANGE` if an option is a number out of its range.
	 */
	constructor(options?: SubscriptionManagerOptions);

	/**
	 * Registers a stream and calls `callbacks.acknowledge()` before it returns.
	 *
	 * Resolves to `true` when the acknowledgement, and the notifications that were sent during it, are delivered.
	 * Resolves to `false`, and calls nothing, if `(origin, id)` is registered already, in any thread of the scope.
	 *
	 * Rejects with the error of `acknowledge` if that fails; the registration is then removed. Rejects with a
	 * `TypeError` (`ERR_INVALID_ARG_TYPE`) if a part of `subscription` or `callbacks` has the wrong type.
	 *
	 * @param subscription The filters are read once, in this call.
	 */
	create(subscription: Subscription, callbacks: SubscriptionCallbacks): Promise<boolean>;

	/**
	 * Sends a notification to each registration whose filters match it. A registration that is not acknowledged yet
	 * gets it after its acknowledgement. Resolves when all of them have it, so do not await it in the `acknowledge` of a
	 * registration that matches.
	 *
	 * Rejects with the error of the first `send` callback that fails; the notification is still delivered to the
	 * others. Rejects with a `TypeError` if nothing could be sent: `ERR_INVALID_ARG_TYPE` if `notification` has no
	 * `method`; with `scope`, `ERR_INVALID_ARG_VALUE` if JSON cannot represent it.
	 *
	 * With `scope`, other threads get the notification as JSON in their next turn of the event loop. An error of a
	 * callback in another thread arrives as an `Error` with the same `name`, `message` and `stack`, and with its `code`
	 * if that is a primitive value. If the mailbox of another thread overflows, `send` rejects with the code
	 * `ERR_MAILBOX_OVERFLOW`. It does not wait for a thread that ends, and waiting does not keep this thread alive.
	 */
	send(notification: JSONRPCRequest): Promise<void>;

	/**
	 * Closes a registration, in any thread of the scope. Waits for the delivery in progress, drops the notifications
	 * that wait after it, and calls `callbacks.close(reason)` once.
	 *
	 * Resolves to `true`, or to `false` if there is no such registration. A second call waits for the first one.
	 * Rejects with the error of `callbacks.close` if that fails; the registration is removed all the same.
	 *
	 * @param reason Passed to `callbacks.close`.
	 */
	close(id: string | number, origin: string, reason: 'closed' | 'cancelled'): Promise<boolean>;

	/**
	 * Closes all registrations, or those of one origin, in all threads of the scope.
	 *
	 * Rejects with the error of the first `callbacks.close` that fails; the other registrations are closed all the
	 * same.
	 *
	 * @param origin Origin of the registrations to close; all registrations if it is `undefined`.
	 * @param reason Passed to `callbacks.close`. `'cancelled'` by default.
	 */
	closeAll(origin?: string, reason?: 'closed' | 'cancelled'): Promise<void>;
}

/** Options of {@link InMemorySubscriptionManager}. All of them are optional. */
export interface SubscriptionManagerOptions {
	/**
	 * Shares the registrations of this manager with all managers of the same scope, in any thread of the process. A
	 * notification that one of them sends reaches the registrations of all.
	 *
	 * The name of the scope, a non-empty string. Use the name that the stream managers have. When a thread ends, or
	 * when all its managers in the scope are garbage collected, its registrations are removed.
	 *
	 * @default undefined (only this manager's registrations)
	 */
	scope?: string | undefined;

	/**
	 * Limits the mailbox of this thread, in which messages of other threads wait while its event loop is busy. Stream
	 * managers of the same thread and scope use the same mailbox and limit: see
	 * {@link StreamSessionManagerOptions.maxMailboxBytes}.
	 *
	 * In bytes. Needs `scope`. When the limit is exceeded, every registration of this thread in the scope is closed
	 * with the reason `'cancelled'`. A notification that alone exceeds the limit rejects `send` with
	 * `ERR_MESSAGE_TOO_LARGE`.
	 *
	 * @default 67108864 (64 MiB)
	 */
	maxMailboxBytes?: number | undefined;
}

/** Identity and filters of a registration: one stream of a `subscriptions/listen` request. */
export type Subscription = {
	/** Id of the JSON-RPC request. `1` and `'1'` are different ids. */
	id: string | number;
	/** Name of the connection or transport. The same id in two origins is two registrations. */
	origin: string;
	/** Filters of the request. They are read once, by `create`. */
	filters: SubscriptionFilter;
};

/** Callbacks of a registration. The manager calls them one at a time: the next one when the one before is done. */
export type SubscriptionCallbacks = {
	/** Acknowledges the request. Called first, and once. Notifications wait until it is done. */
	acknowledge: () => void | Promise<void>;
	/** Sends a notification to the client. */
	send: (notification: JSONRPCRequest) => void | Promise<void>;
	/** Ends the stream. Called last, and once. */
	close: (reason: 'closed' | 'cancelled') => void | Promise<void>;
};

/**
 * Filters of a registration: the notifications that a client asks for.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export interface SubscriptionFilter {
	/** Selects `notifications/tools/list_changed`. */
	toolsListChanged?: boolean | undefined;
	/** Selects `notifications/prompts/list_changed`. */
	promptsListChanged?: boolean | undefined;
	/** Selects `notifications/resources/list_changed`. */
	resourcesListChanged?: boolean | undefined;
	/** Selects `notifications/resources/updated` for these URIs, compared as strings. */
	resourceSubscriptions?: string[] | undefined;
}

/**
 * Notification in JSON-RPC 2.0.
 *
 * @see https://www.jsonrpc.org/specification#notification
 */
export interface JSONRPCRequest {
	/** Version of JSON-RPC. */
	jsonrpc: '2.0';
	/** Id of a request. A notification has none. */
	id?: string | number | null;
	/** Name of the notification, such as `notifications/tools/list_changed`. */
	method: string;
	/** Parameters of the notification. */
	// biome-ignore lint/suspicious/noExplicitAny: the same type as in tmcp
	params?: any;
}

/**
 * Abstract base of the managers that route notifications to `subscriptions/listen` streams. Extend it to use a router
 * of your own; {@link matchesSubscription} does the filtering. A method that is not overridden throws an `Error` with
 * the message `Method not implemented.`
 *
 * @example
 * ```ts
 * // Delivery in a manager that gets its notifications from a broker:
 * abstract class BrokerSubscriptions extends SubscriptionManager {
 * 	protected registrations = new Set<{ filters: SubscriptionFilter; callbacks: SubscriptionCallbacks }>();
 *
 * 	protected async arrived(notification: JSONRPCRequest): Promise<void> {
 * 		for (const { filters, callbacks } of this.registrations) {
 * 			if (matchesSubscription(filters, notification)) await callbacks.send(notification);
 * 		}
 * 	}
 * }
 * ```
 */
export abstract class SubscriptionManager {
	/** Registers a stream. Returns false, and calls nothing, if `(origin, id)` is registered already. */
	abstract create(subscription: Subscription, callbacks: SubscriptionCallbacks): boolean | Promise<boolean>;
	/** Sends a notification to each registration whose filters match it. */
	abstract send(notification: JSONRPCRequest): void | Promise<void>;
	/** Closes a registration. Returns false if there is no such registration. */
	abstract close(id: string | number, origin: string, reason: 'closed' | 'cancelled'): boolean | Promise<boolean>;
	/** Closes all registrations, or those of one origin. */
	abstract closeAll(origin?: string, reason?: 'closed' | 'cancelled'): void | Promise<void>;
}

/**
 * Returns true when the filters select the notification. For subscription managers of your own.
 *
 * @example
 * ```ts
 * matchesSubscription({ toolsListChanged: true }, { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }); // true
 * ```
 */
export function matchesSubscription(filters: SubscriptionFilter, notification: JSONRPCRequest): boolean;

// ---------- Errors ----------

/**
 * Thrown when a manager has reached its `maxSessions`. The sessions that it has are not affected.
 *
 * @example
 * ```ts
 * const sessions = new InMemoryStreamSessionManager({ maxSessions: 10_000 });
 *
 * function tryToCreate(id: string, controller: SessionController): boolean {
 * 	try {
 * 		sessions.create(id, controller);
 * 		return true;
 * 	} catch (error) {
 * 		if (error instanceof SessionLimitError) return false;
 * 		throw error;
 * 	}
 * }
 * ```
 */
export class SessionLimitError extends Error {
	/** @param limit Value of `maxSessions`. */
	constructor(limit: number);
	/** Code of the error. */
	readonly code: 'ERR_SESSION_LIMIT';
	/** Value of `maxSessions`. */
	readonly limit: number;
}

/**
 * Error that the reader of a stream gets when the manager has ended the stream before all was read. The chunks in its
 * queue are lost; the client can reconnect.
 *
 * @example
 * ```ts
 * async function pass(stream: ReadableStream<Uint8Array>, write: (chunk: Uint8Array) => void) {
 * 	try {
 * 		for await (const chunk of stream) write(chunk);
 * 	} catch (error) {
 * 		if (error instanceof SessionClosedError) console.log(`stream ended: ${error.reason}`);
 * 		else throw error;
 * 	}
 * }
 * ```
 */
export class SessionClosedError extends Error {
	/** @param reason Reason of the end: see {@link SessionCloseReason}. */
	constructor(reason: 'slow' | 'dead' | 'shutdown');
	/** Code of the error. */
	readonly code: 'ERR_SESSION_CLOSED';
	/** Reason of the end: see {@link SessionCloseReason}. `shutdown` means that `drainMs` was over. */
	readonly reason: 'slow' | 'dead' | 'shutdown';
}

// ---------- Native code ----------

/**
 * True when the native binary is loaded. False when the core in JavaScript takes its place: the option `scope` and the
 * Redis managers then throw an error with the code `ERR_NATIVE_REQUIRED`.
 *
 * @example
 * ```ts
 * const sessions = new InMemoryStreamSessionManager(isNative ? { scope: 'mcp' } : {});
 * ```
 */
export const isNative: boolean;

// ---------- Other names ----------

export * from './redis.js';

export {
	/** Name of {@link InMemoryStreamSessionManager} in `@tmcp/session-manager` 0.1. */
	InMemoryStreamSessionManager as InMemorySessionManager,
	/** Name of {@link StreamSessionManager} in `@tmcp/session-manager` 0.1. */
	StreamSessionManager as SessionManager,
};
