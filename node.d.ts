// @tmcp-native/session-manager/node: what works with the HTTP server of a process. It needs Node.js, Bun or Deno.
//
//   Shutdown          shutdown, its options and its result
//   Native delivery   attachNativeDelivery, its options and its result

import type { InfoSessionManager, StreamSessionManager, SubscriptionManager } from './index.js';

/**
 * Shuts down HTTP servers and the session managers behind them:
 *
 * 1. The servers stop taking connections, and close idle ones. A request that arrives on a connection that is still open
 *    is answered with 503 and `Connection: close`. The streams of `subscriptions/listen` end with the result of their
 *    request.
 * 2. The requests under way finish, which can still use the managers. A response to a GET request that has begun can be
 *    the stream of a session, and is not waited for yet.
 * 3. The stream managers close. Each stream ends when its client has read what was sent to it.
 * 4. When all responses are written, the connections that are left are closed, and the other managers leave Redis.
 *
 * After `drainMs`, what has not finished is cut: streams whose clients do not read are ended with an error, and the
 * connections of unfinished requests are closed. The promise resolves at most one second after `drainMs`, also while Redis
 * is unreachable. It takes about a tenth of a second if no request is under way and all clients read.
 *
 * A second call with one of the servers returns the promise of the first one. Its options are not used.
 *
 * The promise rejects only because of a mistake in the call, and then nothing is shut down: with a `TypeError`
 * (`ERR_UNKNOWN_OPTION` or `ERR_INVALID_ARG_TYPE`) or a `RangeError` (`ERR_OUT_OF_RANGE`).
 *
 * A tool call that continues after `drainMs` loses its connection, and its `signal` is aborted. Code that ignores the
 * signal keeps the process alive, so call `process.exit()` afterwards.
 *
 * @param server The server, or an array of servers of one process.
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';
 * import { shutdown } from '@tmcp-native/session-manager/node';
 *
 * const streams = new InMemoryStreamSessionManager();
 * const server = createServer();
 *
 * process.once('SIGTERM', async () => {
 * 	await shutdown(server, { managers: [streams] });
 * 	process.exit();
 * });
 * ```
 * @see https://nodejs.org/api/http.html#serverclosecallback
 */
export function shutdown(
	server: ShutdownServer | readonly ShutdownServer[],
	options?: ShutdownOptions,
): Promise<ShutdownResult>;

/**
 * A server that {@link shutdown} accepts:
 *
 * - an `http.Server` or `https.Server`, also one that a framework has returned;
 * - what `serve()` of srvx returns. On Node.js it has an `http.Server` in `node.server`, which is shut down. On Bun and
 *   Deno its `close()` is called, and again with `true` after `drainMs`. Such a server does not refuse requests on open
 *   connections, and it does not say which requests are under way, so the stream managers close at once.
 *
 * Requests over HTTP/2 finish too, but the stream managers do not wait for them. On Node.js 20 and 22, an HTTP/2 connection
 * is closed only when its client sends another request. An `https.Server` cannot close a connection whose TLS handshake is
 * not complete. In both cases, `errors` has an `ERR_SHUTDOWN_TIMEOUT`.
 */
export type ShutdownServer =
	| { readonly listening: boolean; close(callback?: (error?: Error) => void): unknown }
	| { fetch(...args: never[]): unknown; close(closeActiveConnections?: boolean): Promise<unknown> };

/** Options of {@link shutdown}. */
export interface ShutdownOptions {
	/**
	 * The managers that the servers use, of any kind and in any order. In a {@link StreamSessionManagerOptions.scope scope},
	 * these are the managers of the calling thread: only its streams and subscriptions are closed.
	 *
	 * @default []
	 */
	managers?: readonly (StreamSessionManager | InfoSessionManager | SubscriptionManager)[] | undefined;

	/**
	 * Limits the time for requests under way to finish, and for clients to read what was sent to them.
	 *
	 * In milliseconds, from the call on; at most 2³¹ − 1. The promise resolves at most one second later. Set it below the
	 * time after which the process is killed: Docker kills it 10 s after SIGTERM, Kubernetes after 30 s.
	 *
	 * @default 8000
	 */
	drainMs?: number | undefined;
}

/** The result of {@link shutdown}. */
export interface ShutdownResult {
	/**
	 * Number of responses, streams included, that ended before all of them was written: after `drainMs`, or because the
	 * client left. `undefined` for a server that does not say it.
	 */
	readonly unfinished: number | undefined;

	/**
	 * What has failed, in the order of time. The shutdown went on after each error. An error of a Redis manager has the code
	 * `ERR_BACKPLANE_UNAVAILABLE`. A step that took too long has the code `ERR_SHUTDOWN_TIMEOUT`, and the message names it.
	 */
	readonly errors: readonly Error[];
}

/**
 * Makes Rust write the messages of stream sessions to the sockets of a server's clients: a broadcast costs the event loop
 * almost nothing, and reaches the clients while the event loop is busy. It works with every stream manager of this package,
 * and with every transport, adapter or framework between the server and the manager that is built on `node:http`.
 *
 * Clients receive the same bytes in the same order as without it. A session begins on the ordinary way, through its
 * `ReadableStream`. When one of its messages is seen to arrive at the socket unchanged, the session becomes *direct*: from
 * then on, its messages go from Rust to the socket. Everything else on the connection stays with Node.js. A session whose
 * messages are changed on their way, such as by compression, never becomes direct.
 *
 * Call it before the server answers the first request, once for each server. A second call for the same server returns the
 * same object.
 *
 * It has no effect, and emits one warning (`TMCP_NATIVE_DELIVERY`), on Bun, Deno and Windows, and without the native addon.
 *
 * @param server The server: an `http.Server`, or what `serve()` of srvx returns. For an `https.Server` or a server for
 * HTTP/2, all sessions stay on the ordinary way.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` for another server, `ERR_UNKNOWN_OPTION`.
 * @throws {RangeError} `ERR_OUT_OF_RANGE` for an option.
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { attachNativeDelivery } from '@tmcp-native/session-manager/node';
 *
 * const server = createServer();
 * const delivery = attachNativeDelivery(server);
 * setInterval(() => console.log(delivery.stats()), 60_000).unref();
 * ```
 */
export function attachNativeDelivery(server: NativeDeliveryServer, options?: NativeDeliveryOptions): NativeDelivery;

/** A server that {@link attachNativeDelivery} accepts: an `http.Server`, or what `serve()` of srvx returns. */
export type NativeDeliveryServer =
	| {
			prependListener(event: string, listener: (...args: never[]) => void): unknown;
			listenerCount(event: string): number;
	  }
	| { readonly node?: object | undefined; fetch(...args: never[]): unknown };

/** Options of {@link attachNativeDelivery}. */
export interface NativeDeliveryOptions {
	/**
	 * Number of threads that write to sockets; 1 to 16. All servers and worker threads of the process share them, and the
	 * highest number that was asked for counts. One thread writes to about 200,000 clients a second. Use more for thousands of
	 * clients if the machine has cores to spare.
	 *
	 * @default 1
	 */
	writers?: number | undefined;
}

/** Native delivery of one server. */
export interface NativeDelivery {
	/** Returns the counters. */
	stats(): NativeDeliveryStats;

	/** Stops watching new sessions. Sessions that are direct stay direct until their streams end. */
	detach(): void;
}

/** Counters of {@link NativeDelivery}. */
export interface NativeDeliveryStats {
	/** Number of sessions that are direct now. */
	readonly direct: number;

	/**
	 * Number of sessions that stay on the ordinary way, by reason, since the server was attached. Each is also published on the
	 * diagnostics channel `tmcp-native:delivery:fallback`, as `{ id, key, reason }`.
	 */
	readonly fallback: Readonly<Partial<Record<FallbackReason, number>>>;
}

/**
 * The reason for which a session stays on the ordinary way:
 *
 * | reason | meaning |
 * | --- | --- |
 * | `tls` | The connection is encrypted by Node.js. |
 * | `http2` | The response is one of HTTP/2, or not of `node:http`. |
 * | `content-encoding` | The response has this header. |
 * | `content-length` | The response has this header. |
 * | `no-body` | The response has no body: it answers HEAD, or has status 204 or 304. |
 * | `transformed` | Messages do not arrive at the socket unchanged, or a method of the response or the socket was replaced. |
 * | `stream` | The controller is not one of a `ReadableStream`, or the stream is a byte stream, has a `pull()`, or has no room in its queue (`highWaterMark: 0`). |
 * | `pipelined` | Another response on the same connection comes first. |
 * | `no-fd` | The socket has no file descriptor, or it cannot be duplicated (`EMFILE`). |
 * | `unknown-runtime` | Node.js has other internals than the versions that are tested. |
 */
export type FallbackReason =
	| 'tls'
	| 'http2'
	| 'content-encoding'
	| 'content-length'
	| 'no-body'
	| 'transformed'
	| 'stream'
	| 'pipelined'
	| 'no-fd'
	| 'unknown-runtime';
