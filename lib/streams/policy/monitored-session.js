// A session whose manager was told more than to feed it: to keep it alive, to count what is queued, to send in bursts.

import { SessionClosedError } from '../../errors.js';
import { Session } from '../session.js';
import { StreamQueue } from './stream-queue.js';

/** @import { SessionController } from '../../../index.js' */
/** @import { Burst } from './coalescing.js' */
/** @import { Policy } from './policy.js' */

/** After so many messages in a row that were dropped for a client, one is not: to see whether its stream is still open. */
const DROPS_UNTIL_ASKED = 64;

export class MonitoredSession extends Session {
	/** What this turn of the event loop has sent to it. @type {Burst | undefined} */
	waiting;
	/** Tick of its policy: when it was last fed. */
	enqueuedAt = 0;
	/** Likewise: when its queue was last looked at. */
	checkedAt = 0;
	/** Likewise: when it is to be closed. */
	expiresAt = Infinity;
	/** How often in a row its queue was found to stand still. */
	stalledChecks = 0;
	/** How many messages were not fed to it since the last that was. */
	#droppedInARow = 0;
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
	 * @override
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	enqueue(chunk) {
		const { policy } = this;
		if (policy.maxQueuedBytes !== Infinity && this.#isTooMuch(chunk.length)) {
			if (!policy.dropsForSlowClients) throw new SessionClosedError('slow');
			this.#droppedInARow++;
			// Otherwise one whose client has left would be here for ever.
			const asks = this.#droppedInARow % DROPS_UNTIL_ASKED === 0 && this.#hasPerhapsEnded;
			if (!asks) {
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
	 * To be fed beside what is sent: only while nothing is queued, as far as can be seen.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	keepAlive(chunk) {
		if (this.#queue === undefined || this.#queue.isEmpty || this.#hasPerhapsEnded) this.#enqueueNow(chunk);
	}

	/** Whether its client has perhaps left, and nobody has said so. */
	get #hasPerhapsEnded() {
		return this.waiting === undefined && (this.#queue?.hasPerhapsEnded ?? false);
	}

	/** @override */
	flush() {
		const { waiting } = this;
		if (waiting === undefined || this.isClosed) return;
		this.waiting = undefined;
		const { chunk } = waiting;
		// Taken away by a stream that was fed before.
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

	/** @param {Uint8Array<ArrayBuffer>} chunk */
	#enqueueNow(chunk) {
		const local = this.exclusive ? chunk.slice() : chunk;
		if (this.#queue === undefined) this.controller.enqueue(local);
		else this.#queue.enqueue(local);
	}

	/**
	 * Whether there would be more queued than its manager allows. A single message is not, whatever its length: no client
	 * could ever get it.
	 *
	 * @param {number} length
	 */
	#isTooMuch(length) {
		const queued = this.queuedBytes;
		return this.#queue !== undefined && queued > 0 && queued + length > this.policy.maxQueuedBytes;
	}

	/** @override */
	get queuedBytes() {
		return (this.#queue?.bytes ?? 0) + (this.waiting?.length ?? 0);
	}

	/** @override */
	get isDrained() {
		return this.#queue?.isEmpty ?? super.isDrained;
	}

	/** Whether nothing has left its queue since this was last asked. */
	get isStalled() {
		return this.#queue?.hasStalled() ?? false;
	}
}
