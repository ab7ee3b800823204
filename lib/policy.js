// What a stream manager was told to do with its streams, and what it does while nothing is sent: it keeps them alive, and
// closes those that are dead or too old.

import { messageDropped } from './diagnostics.js';
import { encode } from './encoder.js';
import { SessionClosedError } from './errors.js';
import { Session } from './session.js';
import { sweepRegularly } from './sweep.js';
import { TendedSession } from './tended-session.js';

/** @import { SessionController } from '../index.js' */
/** @import { Burst } from './coalescing.js' */
/** @import { policyOptions } from './policy-options.js' */
/** @import { OwnStreams } from './own-streams.js' */

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
	 * @param {OwnStreams} streams
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
	hasDropped({ id, key }, bytes) {
		this.#streams.hasDropped(bytes);
		if (messageDropped.hasSubscribers) messageDropped.publish({ id, key, bytes });
	}

	/**
	 * It has not taken what it was fed, as came out later.
	 *
	 * @param {Session} session
	 * @param {Burst} burst
	 * @param {unknown} error
	 */
	hasRefused(session, burst, error) {
		this.takesBack(burst);
		this.#streams.lose(session, error);
	}

	/**
	 * What it was to be fed is no more.
	 *
	 * @param {Session} session
	 * @param {Burst} burst
	 */
	hasLost(session, burst) {
		this.takesBack(burst);
		this.#streams.giveUp(session);
	}

	/** @param {Burst} burst was not fed after all */
	takesBack({ messages, length }) {
		this.#streams.takeBack(messages, length);
	}

	#tend() {
		const now = ++this.now;
		// Then its sessions have something coming.
		const { isBehind } = this.#streams;
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
			if (now - session.lookedAt >= this.#ticksUntilIdle) {
				session.lookedAt = now;
				session.stoodStill = session.standsStill ? session.stoodStill + 1 : 0;
				if (session.stoodStill >= deadAfterKeepAlives) {
					this.#streams.lose(session, new SessionClosedError('dead'));
					continue;
				}
			}
			// More than it has ticks: it was perhaps fed at the end of the first.
			if (now - session.fedAt > this.#ticksUntilIdle && !isBehind) {
				chunk ??= encode(KEEP_ALIVE);
				this.#keepAlive(session, chunk);
				session.fedAt = now - 1;
			}
		}
	}

	/**
	 * @param {TendedSession} session
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	#keepAlive(session, chunk) {
		try {
			session.keepAlive(chunk);
		} catch (error) {
			this.#streams.lose(session, error);
		}
	}
}
