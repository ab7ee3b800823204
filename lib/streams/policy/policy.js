// What a stream manager was told to do with its streams, and what it does while nothing is sent: it keeps them alive, and
// closes those that are dead or too old.

import { messageDropped } from '../../diagnostics.js';
import { SessionClosedError } from '../../errors.js';
import { runEvery } from '../../util/interval.js';
import { encode } from '../encoder.js';
import { Session } from '../session.js';
import { MonitoredSession } from './monitored-session.js';

/** @import { SessionController } from '../../../index.js' */
/** @import { Burst } from './coalescing.js' */
/** @import { policyOptions } from '../../options/policy-options.js' */
/** @import { LocalStreams } from '../local-streams.js' */

/** A comment, which no client takes for an event (WHATWG HTML, "Server-sent events"). */
const KEEP_ALIVE = ': keepalive\n\n';
/** How often a manager looks in `keepAliveMs`, and in `maxAgeMs`. */
const TICKS_A_KEEP_ALIVE = 4;
const TICKS_AN_AGE = 50;
/** By how much the age of streams differs, so that those which came at once do not go at once. */
const JITTER = 0.2;

export class Policy {
	/** How often it has looked. */
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
		this.onClose = options.onClose;
		this.maxQueuedBytes = options.maxQueuedBytes;
		this.dropsForSlowClients = options.onSlowClient === 'drop';
		this.countsQueues = this.maxQueuedBytes !== Infinity || keepAliveMs > 0;
		this.coalescing = coalesce ? streams.coalescing : undefined;
		const shortestMs = Math.min((keepAliveMs || Infinity) / TICKS_A_KEEP_ALIVE, maxAgeMs / TICKS_AN_AGE);
		const tickMs = Math.max(1, Math.floor(shortestMs));
		this.#ticksUntilOld = maxAgeMs === Infinity ? Infinity : maxAgeMs / tickMs;
		this.#ticksUntilIdle = Math.ceil(keepAliveMs / tickMs);
		this.isMonitored = this.countsQueues || coalesce || shortestMs !== Infinity;
		if (shortestMs !== Infinity) runEvery(/** @type {Policy} */ (this), (policy) => policy.#check(), tickMs);
	}

	/**
	 * @param {string} id
	 * @param {SessionController} controller
	 */
	open(id, controller) {
		if (!this.isMonitored) return new Session(id, controller, this);
		const session = new MonitoredSession(id, controller, this);
		session.enqueuedAt = this.now;
		session.checkedAt = this.now;
		session.expiresAt = this.now + this.#age();
		return session;
	}

	/** In ticks, so that with the parts of ticks at both ends it is no more than `maxAgeMs`, and no less than it should. */
	#age() {
		if (this.#ticksUntilOld === Infinity) return Infinity;
		const least = this.#ticksUntilOld * (1 - JITTER) + 1;
		return least + Math.max(0, this.#ticksUntilOld - 1 - least) * Math.random();
	}

	/**
	 * A message was not fed to it.
	 *
	 * @param {Session} session
	 * @param {number} bytes
	 */
	countDropped({ id, key }, bytes) {
		this.#streams.countDropped(bytes);
		if (messageDropped.hasSubscribers) messageDropped.publish({ id, key, bytes });
	}

	/**
	 * It has not taken what it was fed, as came out later.
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
	 * What it was to be fed is no more.
	 *
	 * @param {Session} session
	 * @param {Burst} burst
	 */
	burstLost(session, burst) {
		this.uncountBurst(burst);
		this.#streams.closeOverflowed(session);
	}

	/** @param {Burst} burst was not fed after all */
	uncountBurst({ messages, length }) {
		this.#streams.uncount(messages, length);
	}

	#check() {
		const now = ++this.now;
		// Then its sessions have something coming.
		const { isDelivering } = this.#streams;
		const { keepAliveMs, deadAfterKeepAlives } = this.#options;
		const looks = keepAliveMs > 0;
		/** @type {Uint8Array<ArrayBuffer> | undefined} */
		let chunk;
		for (const session of this.#streams.of(this)) {
			if (now >= session.expiresAt) {
				this.#streams.forgetAndClose(session, 'expired');
				continue;
			}
			if (!looks) continue;
			if (now - session.checkedAt >= this.#ticksUntilIdle) {
				session.checkedAt = now;
				session.stalledChecks = session.isStalled ? session.stalledChecks + 1 : 0;
				if (session.stalledChecks >= deadAfterKeepAlives) {
					this.#streams.terminate(session, new SessionClosedError('dead'));
					continue;
				}
			}
			// More than it has ticks: it was perhaps fed at the end of the first.
			if (now - session.enqueuedAt > this.#ticksUntilIdle && !isDelivering) {
				chunk ??= encode(KEEP_ALIVE);
				this.#keepAlive(session, chunk);
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
