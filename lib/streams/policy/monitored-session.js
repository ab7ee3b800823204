// A session with limits, keep-alive or coalescing. A manager without these options uses plain sessions, which cost less.

import { SessionClosedError } from '../../errors.js';
import { currentTurn, waitForNextTurn } from '../../util/turns.js';
import { Session } from '../session.js';
import { StreamQueue } from './stream-queue.js';

/** @import { SessionController } from '../../../index.js' */
/** @import { Burst } from '../coalescing.js' */
/** @import { Policy } from './policy.js' */

/** One of this many dropped messages is enqueued nevertheless if the stream may have ended: only `enqueue` shows it. */
const DROPS_PER_PROBE = 64;

/**
 * Maximum number of bytes above which no more is queued in the same turn, if `maxQueuedBytes` is lower. It bounds the memory
 * that code can fill without letting the client read. As large as the default of `maxMailboxBytes`, which bounds what code of
 * another thread can send in one turn.
 */
const MAX_BYTES_IN_ONE_TURN = 64 * 1024 * 1024;

export class MonitoredSession extends Session {
	/** Chunks that are enqueued at the end of this turn of the event loop. @type {Burst | undefined} */
	waiting;
	/** Tick of the policy at the last message or keep-alive. */
	enqueuedAt = 0;
	/** Tick of the policy at the last check of the queue. */
	checkedAt = 0;
	/** Tick of the policy at which the session expires. */
	expiresAt = Infinity;
	/** Number of checks in a row at which nothing had left the queue. */
	stalledChecks = 0;
	/** Number of messages dropped since the last one that was enqueued. */
	#droppedInARow = 0;
	/** The turn of the event loop in which the queue has last exceeded `maxQueuedBytes`. */
	#exceededIn = -1;
	#queue;

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 * @param {Policy} policy
	 */
	constructor(id, controller, policy) {
		super(id, controller, policy);
		this.#queue = policy.countsQueues ? StreamQueue.of(controller) : undefined;
	}

	/**
	 * Enqueues a chunk, now or at the end of the turn. When the client is too slow for it, it drops the chunk, or throws, so
	 * that the session is closed. The option `onSlowClient` decides.
	 *
	 * @override
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	enqueue(chunk) {
		const { policy } = this;
		if (policy.maxQueuedBytes !== Infinity && this.#isTooSlowFor(chunk.length)) {
			if (!policy.dropsForSlowClients) throw new SessionClosedError('slow');
			this.#droppedInARow++;
			// Without the probe, the session of a client that left unnoticed would never end.
			const isProbe = this.#droppedInARow % DROPS_PER_PROBE === 0 && this.#mayHaveEnded;
			if (!isProbe) {
				policy.countDropped(this, chunk.length);
				return;
			}
		} else {
			this.#droppedInARow = 0;
		}
		this.enqueuedAt = policy.now;
		if (policy.coalescing === undefined) this.#enqueueNow(chunk);
		else policy.coalescing.add(this, chunk);
	}

	/**
	 * Enqueues a keep-alive comment, unless the client still has something to read. A stream that may have ended gets it as
	 * well, because only `enqueue` shows that it has ended.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	keepAlive(chunk) {
		if (this.#queue === undefined || this.#queue.isEmpty || this.#mayHaveEnded) this.#enqueueNow(chunk);
	}

	/** True when the client may have left without closing its stream. */
	get #mayHaveEnded() {
		return this.waiting === undefined && (this.#queue?.mayHaveEnded ?? false);
	}

	/** @override */
	flush() {
		const { waiting } = this;
		if (waiting === undefined || this.isClosed) return;
		this.waiting = undefined;
		const { chunk } = waiting;
		// A stream that got one of the chunks earlier has detached its buffer.
		if (chunk.length !== waiting.length) return this.policy.burstLost(this, waiting);
		try {
			this.#enqueueNow(chunk);
		} catch (error) {
			this.policy.burstRefused(this, waiting, error);
		}
	}

	/**
	 * @override
	 * @param {Error} error
	 */
	abort(error) {
		if (this.waiting !== undefined) this.policy.uncountBurst(this.waiting);
		this.waiting = undefined;
		super.abort(error);
	}

	/**
	 * Enqueues a chunk in the stream.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#enqueueNow(chunk) {
		const own = this.own(chunk);
		if (this.#queue === undefined) this.controller.enqueue(own);
		else this.#queue.enqueue(own);
	}

	/**
	 * Returns true when the client had a turn of the event loop to read, and has left more than `maxQueuedBytes` unread. Before
	 * that, it could not have read more, so the messages that exceed the limit are accepted.
	 *
	 * @param {number} length of the next message
	 */
	#isTooSlowFor(length) {
		if (this.#queue === undefined) return false;
		const { maxQueuedBytes } = this.policy;
		const queued = this.queuedBytes;
		if (queued + length <= maxQueuedBytes) return false;
		if (this.#exceededIn === currentTurn()) return queued > Math.max(maxQueuedBytes, MAX_BYTES_IN_ONE_TURN);
		if (queued > maxQueuedBytes) return true;
		this.#exceededIn = currentTurn();
		waitForNextTurn();
		return false;
	}

	/** @override */
	get hasWaitingChunks() {
		return this.waiting !== undefined;
	}

	/** @override */
	get queuedBytes() {
		if (this.socket !== undefined) return super.queuedBytes;
		return (this.#queue?.bytes ?? 0) + (this.waiting?.length ?? 0);
	}

	/** @override */
	get isDrained() {
		if (this.socket !== undefined) return super.isDrained;
		return this.#queue?.isEmpty ?? super.isDrained;
	}

	/** True when chunks were queued at the last check and none has left the queue since. Each read is a check. */
	get isStalled() {
		return this.#queue?.hasStalled() ?? false;
	}
}
