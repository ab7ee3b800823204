// Messages to so many sessions that feeding them all at once would hold up the event loop: it is done in slices of a few
// milliseconds. What is sent meanwhile waits behind, so that each session gets all in order.

import timers from 'node:timers';

/** @import { Session } from '../session.js' */

/** @typedef {Uint8Array<ArrayBuffer> | undefined} Chunk nothing where it was lost */

/**
 * @typedef {object} Delivery
 * @property {(session: Session) => boolean} takes
 *   Takes a session out that is visited no more. Whether it was still to be fed.
 * @property {() => boolean} next does the next of it; whether there was any
 * @property {Chunk} chunk
 */

/** How many sessions are fed between two looks at the clock, which takes a tenth of feeding one. */
const AT_ONCE = 32;
/** Of a slice: there has to be an end to it. */
const MIN_DELIVERY_MS = 0.5;
/** What may wait: past it all of it is done at once, and whoever sends so fast is held up. */
const MAX_DELIVERIES = 1_024;
const MAX_BYTES = 16 * 1024 * 1024;

export class SlicedDelivery {
	/** Oldest first. @type {Delivery[]} */
	#deliveries = [];
	/** Of their chunks. */
	#bytes = 0;
	#isRunning = false;
	/** That whose `send` has not returned. @type {Delivery | undefined} */
	#sending;
	#isScheduled = false;
	#sliceMs;
	/** How much of a slice there is for feeding: behind it, clients that were waiting read. */
	#deliveryMs;
	#deliver;

	/**
	 * @param {number} sliceMs
	 * @param {(session: Session, chunk: Chunk) => void} deliver
	 */
	constructor(sliceMs, deliver) {
		this.#sliceMs = sliceMs;
		this.#deliveryMs = sliceMs;
		this.#deliver = deliver;
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
		return this.#deliveries.length > 0;
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
		let delivered = 0;
		this.#add({
			chunk,
			takes: ({ key }) => key > delivered && key <= until && but?.has(key) !== true,
			next: () => {
				const { value: session } = iterator.next();
				if (session === undefined || session.key > until) return false;
				delivered = session.key;
				if (but?.has(delivered) !== true && !session.isClosed) this.#deliver(session, chunk);
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
				if (!session.isClosed) this.#deliver(session, chunk);
				return true;
			},
		});
	}

	/** @param {() => void} callback called when all that waits now is done */
	whenDone(callback) {
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
		for (const delivery of this.#deliveries.filter((delivery) => delivery.takes(session))) {
			// Deleted by a controller that is being fed: it gets nothing more of this one, as without slices.
			if (delivery !== this.#sending && !session.isClosed) this.#deliver(session, delivery.chunk);
		}
	}

	/** Does all that waits. */
	finish() {
		if (!this.#isRunning) this.#run(Infinity);
	}

	/** @param {Delivery} delivery */
	#add(delivery) {
		this.#deliveries.push(delivery);
		this.#bytes += delivery.chunk?.length ?? 0;
		if (this.#isRunning) return;
		if (this.#deliveries.length === 1) this.#start(delivery);
		else if (this.#deliveries.length > MAX_DELIVERIES || this.#bytes > MAX_BYTES) this.finish();
	}

	/** @param {Delivery} delivery */
	#start(delivery) {
		this.#sending = delivery;
		this.#run(this.#deliveryMs);
		this.#sending = undefined;
	}

	/** @param {number} ms */
	#run(ms) {
		const begin = performance.now();
		const end = begin + ms;
		this.#isRunning = true;
		try {
			for (;;) {
				const [delivery] = this.#deliveries;
				if (delivery === undefined) return;
				for (let next = 0; next < AT_ONCE; next++) {
					if (delivery.next()) continue;
					this.#deliveries.shift();
					this.#bytes -= delivery.chunk?.length ?? 0;
					break;
				}
				if (this.#deliveries.length > 0 && performance.now() >= end) {
					this.#continueLater(begin);
					return;
				}
			}
		} finally {
			this.#isRunning = false;
		}
	}

	/** @param {number} begin when the slice did, by `performance.now()` */
	#continueLater(begin) {
		if (this.#isScheduled) return;
		this.#isScheduled = true;
		timers.setImmediate(() => {
			this.#isScheduled = false;
			if (this.#isRunning) return;
			this.#deliveryMs = this.#share(performance.now() - begin);
			this.#run(this.#deliveryMs);
		});
	}

	/**
	 * How much of the next slice is for feeding.
	 *
	 * @param {number} tookMs the last one, with all that came behind it
	 */
	#share(tookMs) {
		const share = (this.#deliveryMs * this.#sliceMs) / tookMs;
		return Math.min(this.#sliceMs, Math.max(share, this.#deliveryMs / 2, MIN_DELIVERY_MS));
	}
}
