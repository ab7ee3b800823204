// The options of one stream manager, and its timer, which sends keep-alives to idle streams and ends dead and old ones.

import { messageDropped } from '../../diagnostics.js';
import { SessionClosedError } from '../../errors.js';
import { inThisContext } from '../../util/async-context.js';
import { runEvery } from '../../util/interval.js';
import { encode } from '../encoder.js';
import { Session } from '../session.js';
import { MonitoredSession } from './monitored-session.js';

/** @import { SessionController } from '../../../index.js' */
/** @import { Burst } from '../coalescing.js' */
/** @import { policyOptions } from '../../options/policy-options.js' */
/** @import { LocalStreams } from '../local-streams.js' */

/** An SSE comment, which clients ignore (WHATWG HTML, "Server-sent events"). */
const KEEP_ALIVE = ': keepalive\n\n';
/** Ticks of the timer in `keepAliveMs`, and in `maxAgeMs`. */
const TICKS_PER_KEEP_ALIVE = 4;
const TICKS_PER_AGE = 50;
/** Fraction of `maxAgeMs` by which the ages of streams differ, so that streams opened together do not end together. */
const JITTER = 0.2;

export class Policy {
	/** Ticks of the timer since the manager was created. */
	now = 0;
	#options;
	#streams;
	#ticksUntilOld;
	#ticksUntilIdle;

	/**
	 * @param {ReturnType<typeof policyOptions>} options
	 * @param {LocalStreams} streams
	 */
	constructor(options, streams) {
		this.#options = options;
		this.#streams = streams;
		const { keepAliveMs, maxAgeMs, coalesce } = options;
		this.pool = options.pool;
		this.maxSessions = options.maxSessions;
		this.onSessionLimit = inThisContext(options.onSessionLimit);
		this.onClose = inThisContext(options.onClose);
		this.maxQueuedBytes = options.maxQueuedBytes;
		this.dropsForSlowClients = options.onSlowClient === 'drop';
		this.countsQueues = this.maxQueuedBytes !== Infinity || keepAliveMs > 0;
		this.coalescing = coalesce ? streams.coalescing : undefined;
		const shortestMs = Math.min((keepAliveMs || Infinity) / TICKS_PER_KEEP_ALIVE, maxAgeMs / TICKS_PER_AGE);
		const tickMs = Math.max(1, Math.floor(shortestMs));
		this.#ticksUntilOld = maxAgeMs === Infinity ? Infinity : maxAgeMs / tickMs;
		this.#ticksUntilIdle = Math.ceil(keepAliveMs / tickMs);
		this.isMonitored = this.countsQueues || coalesce || shortestMs !== Infinity;
		if (shortestMs !== Infinity) runEvery(/** @type {Policy} */ (this), (policy) => policy.#check(), tickMs);
	}

	/**
	 * Creates a session with these options. It is not registered yet.
	 *
	 * @param {string} id
	 * @param {SessionController} controller
	 */
	open(id, controller) {
		if (!this.isMonitored) return new Session(id, controller, this);
		const session = new MonitoredSession(id, controller, this);
		session.enqueuedAt = this.now;
		session.checkedAt = this.now;
		session.expiresAt = this.now + this.#randomAge();
		return session;
	}

	/** Returns a random age in ticks. Including the partial ticks at both ends it is at most `maxAgeMs`. */
	#randomAge() {
		if (this.#ticksUntilOld === Infinity) return Infinity;
		const min = this.#ticksUntilOld * (1 - JITTER) + 1;
		return min + Math.max(0, this.#ticksUntilOld - 1 - min) * Math.random();
	}

	/**
	 * Returns the limits and the keep-alive of a direct session, as `attachSocket` of `NativeStreams` takes them.
	 *
	 * @param {boolean} isChunked true when the body of the response is sent in chunks
	 */
	socketSettings(isChunked) {
		const { keepAliveMs, deadAfterKeepAlives } = this.#options;
		return Float64Array.of(
			isChunked ? 0 : 1,
			this.maxQueuedBytes,
			this.dropsForSlowClients ? 1 : 0,
			keepAliveMs,
			deadAfterKeepAlives,
		);
	}

	/**
	 * Counts and reports a message that was dropped for a session, or several for a direct session. Rust counts those of a direct
	 * session.
	 *
	 * @param {Session} session
	 * @param {number} bytes
	 */
	countDropped({ id, key, socket }, bytes) {
		if (socket === undefined) this.#streams.countDropped(bytes);
		if (messageDropped.hasSubscribers) messageDropped.publish({ id, key, bytes });
	}

	/**
	 * Ends a session whose stream has refused a burst that was already counted as sent.
	 *
	 * @param {Session} session
	 * @param {Burst} burst
	 * @param {unknown} error
	 */
	burstRefused(session, burst, error) {
		this.uncountBurst(burst);
		this.#streams.terminate(session, error);
	}

	/**
	 * Closes a session that cannot get a burst because a buffer was detached.
	 *
	 * @param {Session} session
	 * @param {Burst} burst
	 */
	burstLost(session, burst) {
		this.uncountBurst(burst);
		this.#streams.closeOverflowed(session);
	}

	/**
	 * Corrects the counters for a burst that was not enqueued after all.
	 *
	 * @param {Burst} burst
	 */
	uncountBurst({ messages, length }) {
		this.#streams.uncount(messages, length);
	}

	/** Checks all sessions of the manager: one tick of its timer. */
	#check() {
		const now = ++this.now;
		// While a delivery is under way, the sessions have a message coming and need no keep-alive.
		const { isDelivering } = this.#streams;
		const { keepAliveMs, deadAfterKeepAlives } = this.#options;
		const keepsAlive = keepAliveMs > 0;
		/** @type {Uint8Array<ArrayBuffer> | undefined} */
		let chunk;
		for (const session of this.#streams.of(this)) {
			if (now >= session.expiresAt) {
				this.#streams.forgetAndClose(session, 'expired');
				continue;
			}
			// Rust keeps direct sessions alive.
			if (!keepsAlive || session.socket !== undefined) continue;
			if (now - session.checkedAt >= this.#ticksUntilIdle) {
				session.checkedAt = now;
				session.stalledChecks = session.isStalled ? session.stalledChecks + 1 : 0;
				if (session.stalledChecks >= deadAfterKeepAlives) {
					this.#streams.terminate(session, new SessionClosedError('dead'));
					continue;
				}
			}
			// `>` and not `>=`: the last message may have been enqueued just before the end of its tick.
			if (now - session.enqueuedAt > this.#ticksUntilIdle && !isDelivering) {
				chunk ??= encode(KEEP_ALIVE);
				this.#keepAlive(session, chunk);
				// A keep-alive is enqueued at the start of its tick, so this tick counts in full.
				session.enqueuedAt = now - 1;
			}
		}
	}

	/**
	 * @param {MonitoredSession} session
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#keepAlive(session, chunk) {
		try {
			session.keepAlive(chunk);
		} catch (error) {
			this.#streams.terminate(session, error);
		}
	}
}
