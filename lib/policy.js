// What a stream manager was told to do with its streams, and what it does while nothing is sent: it keeps them alive, and
// closes those that are dead or too old.

import { attempt } from './attempt.js';
import { messageDropped } from './diagnostics.js';
import { encode } from './encoder.js';
import { SessionClosedError } from './errors.js';
import { Session } from './session.js';
import { sweepRegularly } from './sweep.js';
import { TendedSession } from './tended-session.js';

/** @import { SessionCloseReason, SessionController } from '../index.js' */
/** @import { policyOptions } from './policy-options.js' */
/** @import { OwnStreams } from './own-streams.js' */

/** A comment, which no client takes for an event (WHATWG HTML, "Server-sent events"). */
const KEEP_ALIVE = ': keepalive\n\n';
/** How often in each of its times a manager looks. */
const TICKS = 4;
/** By how much the age of streams differs, so that those which came at once do not go at once. */
const JITTER = 0.2;

export class Policy {
	/** How often it has looked. */
	now = 0;
	#options;
	#streams;
	#ticksUntilOld;

	/**
	 * @param {ReturnType<typeof policyOptions>} options
	 * @param {OwnStreams} streams
	 */
	constructor(options, streams) {
		this.#options = options;
		this.#streams = streams;
		const { keepAliveMs, maxAgeMs, coalesce } = options;
		this.pool = options.pool;
		this.maxSessions = options.maxSessions;
		this.maxQueuedBytes = options.maxQueuedBytes;
		this.dropsForSlowClients = options.onSlowClient === 'drop';
		this.countsQueues = this.maxQueuedBytes !== Infinity || keepAliveMs > 0;
		this.coalescing = coalesce ? streams.coalescing : undefined;
		const shortestMs = Math.min(keepAliveMs || Infinity, maxAgeMs);
		const tickMs = Math.max(1, Math.floor(shortestMs / TICKS));
		this.#ticksUntilOld = maxAgeMs === Infinity ? Infinity : maxAgeMs / tickMs;
		this.isTended = this.countsQueues || coalesce || shortestMs !== Infinity;
		if (shortestMs !== Infinity) sweepRegularly(/** @type {Policy} */ (this), (policy) => policy.#tend(), tickMs);
	}

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 */
	open(id, controller) {
		if (!this.isTended) return new Session(id, controller, this);
		const session = new TendedSession(id, controller, this);
		session.fedAt = this.now;
		session.lookedAt = this.now;
		session.expiresAt = this.now + this.#ticksUntilOld * (1 - JITTER * Math.random());
		return session;
	}

	/**
	 * @param {Session} session
	 * @param {SessionCloseReason} reason
	 */
	hasClosed({ id }, reason) {
		const { onClose } = this.#options;
		if (onClose !== undefined) attempt(() => onClose(id, reason));
	}

	/**
	 * A message was not fed to it.
	 *
	 * @param {Session} session
	 * @param {number} bytes
	 */
	hasDropped({ id, key }, bytes) {
		this.#streams.hasDropped(bytes);
		if (messageDropped.hasSubscribers) messageDropped.publish({ id, key, bytes });
	}

	/**
	 * It could not be fed, when it was no more asked to be.
	 *
	 * @param {Session} session
	 * @param {unknown} error
	 */
	hasFailed(session, error) {
		this.#streams.lose(session, error);
	}

	#tend() {
		const now = ++this.now;
		// Its sessions have something coming.
		if (this.#streams.isBehind) return;
		const { keepAliveMs, deadAfterKeepAlives } = this.#options;
		const looks = keepAliveMs > 0;
		/** @type {Uint8Array<ArrayBuffer> | undefined} */
		let chunk;
		for (const session of this.#streams.of(this)) {
			if (now >= session.expiresAt) {
				this.#streams.end(session, 'expired');
				continue;
			}
			if (!looks) continue;
			if (now - session.lookedAt >= TICKS) {
				session.lookedAt = now;
				session.stoodStill = session.standsStill ? session.stoodStill + 1 : 0;
				if (session.stoodStill >= deadAfterKeepAlives) {
					this.#attempt(session, () => {
						session.assertOpen();
						throw new SessionClosedError('dead');
					});
					continue;
				}
			}
			// More than it has ticks: it was perhaps fed at the end of the first.
			if (now - session.fedAt > TICKS) {
				const keepAlive = (chunk ??= encode(KEEP_ALIVE));
				this.#attempt(session, () => session.keepAlive(keepAlive));
				session.fedAt = now - 1;
			}
		}
	}

	/**
	 * @param {Session} session is lost when that fails
	 * @param {() => void} what
	 */
	#attempt(session, what) {
		try {
			what();
		} catch (error) {
			this.#streams.lose(session, error);
		}
	}
}
