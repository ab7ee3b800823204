// @tmcp-native/session-manager/node: what works with the HTTP server of a process. It needs Node.js, Bun or Deno.
//
//   Shutdown        shutdown, its options and its result

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
