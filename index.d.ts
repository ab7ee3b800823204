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
export interface StreamSessionManagerOptions {
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
	pool?: boolean;
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
 * The streams of the sessions of one manager, registered in native memory and fed synchronously.
 *
 * It keeps each stream's controller alive until its session is deleted or lost, and keeps no process alive.
 */
export class InMemoryStreamSessionManager extends StreamSessionManager {
	/**
	 * @throws {TypeError} `ERR_UNKNOWN_OPTION` for an option that does not exist, with the nearest that does;
	 *   `ERR_INVALID_ARG_TYPE` for a value of the wrong type.
	 */
	constructor(options?: StreamSessionManagerOptions);

	/** How many sessions there are. */
	get size(): number;

	/** The ids of all sessions, oldest session first. */
	ids(): string[];

	/**
	 * Registers a session's stream. Over an id that is there already the newer stream wins: the older one is closed at
	 * once, its queued chunks staying readable.
	 *
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, nothing changed: `id` is no string, or `controller` lacks a method.
	 */
	create(id: string, controller: SessionController): void;

	/** Forgets a session, then closes its stream; chunks already queued stay readable. Unknown ids are no error. */
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
	 * It is in every queue when this returns. A stream that takes no more (closed, errored, cancelled) loses its session;
	 * the others still get the message.
	 *
	 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, nothing sent: `data` is no string, or `sessions` no array.
	 */
	send(sessions: readonly string[] | null | undefined, data: string): void;
}

export {
	/** The name of {@link InMemoryStreamSessionManager} in `@tmcp/session-manager` 0.1. */
	InMemoryStreamSessionManager as InMemorySessionManager,
	/** The name of {@link StreamSessionManager} in `@tmcp/session-manager` 0.1. */
	StreamSessionManager as SessionManager,
};
