// Messages to so many sessions that feeding them all at once would hold up the event loop: it is done in slices of a few
// milliseconds. What is sent meanwhile waits behind, so that each session gets all in order.

import timers from 'node:timers';

/** @import { Session } from './session.js' */

/** @typedef {Uint8Array<ArrayBuffer> | undefined} Chunk nothing where it was lost */

/**
 * @typedef {object} Round
 * @property {(session: Session) => boolean} takes
 *   Takes a session out that is visited no more. Whether it was still to be fed.
 * @property {() => boolean} next does the next of it; whether there was any
 * @property {Chunk} chunk
 */

/** How many sessions are fed between two looks at the clock, which takes a tenth of feeding one. */
const AT_ONCE = 32;
/** Of a slice: there has to be an end to it. */
const LEAST_FEEDING_MS = 0.5;
/** What may wait: past it all of it is done at once, and whoever sends so fast is held up. */
const MOST_ROUNDS = 1_024;
const MOST_BYTES = 16 * 1024 * 1024;

export class Rounds {
	/** Oldest first. @type {Round[]} */
	#rounds = [];
	/** Of their chunks. */
	#bytes = 0;
	#isGoing = false;
	/** That whose `send` has not returned. @type {Round | undefined} */
	#sending;
	#isScheduled = false;
	#sliceMs;
	/** How much of a slice there is for feeding: behind it, clients that were waiting read. */
	#feedingMs;
	#feed;

	/**
	 * @param {number} sliceMs
	 * @param {(session: Session, chunk: Chunk) => void} feed
	 */
	constructor(sliceMs, feed) {
		this.#sliceMs = sliceMs;
		this.#feedingMs = sliceMs;
		this.#feed = feed;
	}

	/**
	 * Whether a message to so many sessions is to be fed here.
	 *
	 * @param {number} sessions
	 */
	isFor(sessions) {
		return sessions > AT_ONCE || this.isUnderWay;
	}

	/** Whether something waits. */
	get isUnderWay() {
		return this.#rounds.length > 0;
	}

	/**
	 * Feeds those of the sessions whose key is at most `until`, and not one of `but`.
	 *
	 * @param {Map<number, Session>} sessions in the order of their keys
	 * @param {Chunk} chunk
	 * @param {number} until
	 * @param {Set<number>} [but]
	 */
	toAll(sessions, chunk, until, but) {
		// Goes along with changes: a session deleted meanwhile is not visited.
		const iterator = sessions.values();
		let fed = 0;
		this.#add({
			chunk,
			takes: ({ key }) => key > fed && key <= until && but?.has(key) !== true,
			next: () => {
				const { value: session } = iterator.next();
				if (session === undefined || session.key > until) return false;
				fed = session.key;
				if (but?.has(fed) !== true && !session.isOver) this.#feed(session, chunk);
				return true;
			},
		});
	}

	/**
	 * Feeds these sessions.
	 *
	 * @param {Session[]} sessions each once
	 * @param {Chunk} chunk
	 */
	toSome(sessions, chunk) {
		const left = new Set(sessions);
		this.#add({
			chunk,
			takes: (session) => left.delete(session),
			next: () => {
				const { value: session } = left.values().next();
				if (session === undefined) return false;
				left.delete(session);
				if (!session.isOver) this.#feed(session, chunk);
				return true;
			},
		});
	}

	/** @param {() => void} callback called when all that waits now is done */
	then(callback) {
		this.#add({
			chunk: undefined,
			takes: () => false,
			next: () => {
				callback();
				return false;
			},
		});
	}

	/**
	 * Feeds a session what it still has to get: it is about to be closed.
	 *
	 * @param {Session} session is not among the sessions any more
	 */
	settle(session) {
		for (const round of this.#rounds.filter((round) => round.takes(session))) {
			// Deleted by a controller that is being fed: it gets nothing more of this one, as without slices.
			if (round !== this.#sending && !session.isOver) this.#feed(session, round.chunk);
		}
	}

	/** Does all that waits. */
	finish() {
		if (!this.#isGoing) this.#go(Infinity);
	}

	/** @param {Round} round */
	#add(round) {
		this.#rounds.push(round);
		this.#bytes += round.chunk?.length ?? 0;
		if (this.#isGoing) return;
		if (this.#rounds.length === 1) this.#begin(round);
		else if (this.#rounds.length > MOST_ROUNDS || this.#bytes > MOST_BYTES) this.finish();
	}

	/** @param {Round} round */
	#begin(round) {
		this.#sending = round;
		this.#go(this.#feedingMs);
		this.#sending = undefined;
	}

	/** @param {number} ms */
	#go(ms) {
		const begin = performance.now();
		const end = begin + ms;
		this.#isGoing = true;
		try {
			for (;;) {
				const [round] = this.#rounds;
				if (round === undefined) return;
				for (let next = 0; next < AT_ONCE; next++) {
					if (round.next()) continue;
					this.#rounds.shift();
					this.#bytes -= round.chunk?.length ?? 0;
					break;
				}
				if (this.#rounds.length > 0 && performance.now() >= end) {
					this.#goOnLater(begin);
					return;
				}
			}
		} finally {
			this.#isGoing = false;
		}
	}

	/** @param {number} begin when the slice did, by `performance.now()` */
	#goOnLater(begin) {
		if (this.#isScheduled) return;
		this.#isScheduled = true;
		timers.setImmediate(() => {
			this.#isScheduled = false;
			if (this.#isGoing) return;
			this.#feedingMs = this.#share(performance.now() - begin);
			this.#go(this.#feedingMs);
		});
	}

	/**
	 * How much of the next slice is for feeding.
	 *
	 * @param {number} tookMs the last one, with all that came behind it
	 */
	#share(tookMs) {
		const share = (this.#feedingMs * this.#sliceMs) / tookMs;
		return Math.min(this.#sliceMs, Math.max(share, this.#feedingMs / 2, LEAST_FEEDING_MS));
	}
}
