// Native delivery for one server: finds out which sessions can be direct, and makes them direct.

import { SessionClosedError } from '../errors.js';
import { Candidate } from './candidate.js';
import { DirectSocket } from './direct-socket.js';
import { Fallbacks } from './fallbacks.js';
import { fdOf, hasPull, isChunked, obstacleOf } from './internals.js';

/** @import { ServerResponse } from 'node:http' */
/** @import { Session } from '../streams/session.js' */
/** @import { Streams } from '../streams/streams.js' */
/** @import { ThreadSockets } from './thread-sockets.js' */

/** Responses that belong to a session, each to one. @type {WeakSet<ServerResponse>} */
const taken = new WeakSet();

/** Result of `attachSocket`: direct, and paused until the thread has delivered the messages in its mailbox. */
const CATCHING_UP = 2;

export class Delivery {
	#sockets;
	#fallbacks = new Fallbacks();
	/** Number of sessions of this server that are direct. */
	#direct = 0;
	#isDetached = false;

	/** @param {ThreadSockets} sockets */
	constructor(sockets) {
		this.#sockets = sockets;
	}

	/** Watches no more sessions. */
	detach() {
		this.#isDetached = true;
	}

	/** Returns the counters. */
	stats() {
		return { direct: this.#direct, fallback: this.#fallbacks.counts() };
	}

	/**
	 * Watches a new session until its stream is proven to reach the socket of the response unchanged.
	 *
	 * @param {Session} session
	 * @param {Streams} streams
	 * @param {ServerResponse} response the response of the request in which the session was created
	 */
	adopt(session, streams, response) {
		// The code that answers a request may run on after its response.
		if (this.#isDetached || taken.has(response) || response.finished || response.destroyed) return;
		const obstacle = obstacleOf(response) ?? (isSupportedController(session.controller) ? undefined : 'stream');
		if (obstacle !== undefined) return this.#fallbacks.add(session, obstacle);
		taken.add(response);
		const controller = /** @type {ReadableStreamDefaultController} */ (session.controller);
		new Candidate(controller, response, {
			proven: (candidate) => session.isClosed || this.#makeDirect(session, streams, candidate),
			refuted: (reason) => this.#fallbacks.add(session, reason),
		});
	}

	/**
	 * Makes a session direct. Returns true when that has been done or cannot be done, and false to be called again at the next
	 * quiet moment.
	 *
	 * @param {Session} session
	 * @param {Streams} streams
	 * @param {Candidate} candidate
	 */
	#makeDirect(session, streams, candidate) {
		const { response, socket } = candidate;
		const sockets = this.#sockets;
		const { local } = streams;
		const { key } = session;
		if (!local.canBecomeDirect(session)) return false;
		const fd = /** @type {number} */ (fdOf(socket));
		const attached = streams.attachSocket(session, sockets.native.handle, fd, isChunked(response));
		if (attached === 0) return false;
		if (attached < 0) {
			this.#fallbacks.add(session, 'no-fd');
			return true;
		}
		// Puts the methods back that the next object replaces.
		candidate.stop();
		const isCatchingUp = attached === CATCHING_UP;
		const ended = () => {
			sockets.remove(key);
			this.#direct--;
			local.ended(key);
		};
		const directSocket = new DirectSocket(sockets.native, key, candidate, { ended }, isCatchingUp);
		sockets.add(key, {
			socket: directSocket,
			terminate(reason) {
				// The client has missed a message before the manager deleted the session: its stream must not end cleanly.
				if (session.isClosed) directSocket.abort();
				else local.terminate(session, new SessionClosedError(reason));
			},
			dropped: (bytes) => session.policy.countDropped(session, bytes),
		});
		local.makeDirect(session, directSocket, isCatchingUp ? streams : undefined);
		this.#direct++;
		return true;
	}
}

/**
 * Returns true for the controller of a ReadableStream that is not a byte stream and has no `pull()`. A byte stream moves each
 * chunk to other memory, a `pull()` is called only while chunks pass through the stream, and other objects say nothing about
 * their queue.
 *
 * @param {unknown} controller
 */
function isSupportedController(controller) {
	if (!(controller instanceof ReadableStreamDefaultController)) return false;
	return Number.isFinite(controller.desiredSize) && !hasPull(controller);
}
