// Delivers messages to many sessions in time slices (option `sliceMs`), so that a broadcast does not block the event loop.
// Messages that are sent meanwhile wait, so that each session gets all messages in order.

import { timers } from '#platform';
import { withoutContext } from '../util/async-context.js';
import { countSlab } from './slabs.js';

/** @import { Session } from './session.js' */

/** @typedef {Uint8Array<ArrayBuffer> | undefined} Chunk `undefined` when its buffer was detached */

/**
 * A message on its way to several sessions.
 *
 * @typedef {object} Delivery
 * @property {(session: Session) => boolean} takeOut
 *   Takes out a session that was deleted from the map of sessions. Returns true when it has not got the message yet.
 * @property {() => boolean} next delivers to the next session; returns false when there was none
 * @property {Chunk} chunk
 */

/** Number of sessions served between two reads of the clock. One read costs a tenth of one `enqueue`. */
const SESSIONS_PER_CLOCK_READ = 32;
/** Minimum time for delivery in a slice, so that a broadcast ends. */
const MIN_DELIVERY_MS = 0.5;
/** Limits of what may wait. Above them, everything is delivered at once, which slows the sender down. */
const MAX_DELIVERIES = 1_024;
const MAX_BYTES = 16 * 1024 * 1024;

export class SlicedDelivery {
	/** Oldest first. @type {Delivery[]} */
	#deliveries = [];
	/** Bytes of their chunks. */
	#bytes = 0;
	#isRunning = false;
	/** The delivery whose `send` has not returned yet. @type {Delivery | undefined} */
	#sending;
	#isScheduled = false;
	#sliceMs;
	/** Time for delivery in a slice. The rest of the slice is for the readers that the delivery wakes. */
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
	 * Returns true when a message to this number of sessions is delivered in slices.
	 *
	 * @param {number} sessions
	 */
	isFor(sessions) {
		return sessions > SESSIONS_PER_CLOCK_READ || this.isUnderWay;
	}

	/** True while messages wait to be delivered. */
	get isUnderWay() {
		return this.#deliveries.length > 0;
	}

	/**
	 * Delivers to the sessions with a key of at most `last`, except those in `except`.
	 *
	 * @param {Map<number, Session>} sessions in the order of their keys
	 * @param {Chunk} chunk
	 * @param {number} last
	 * @param {Set<number>} [except]
	 */
	toAll(sessions, chunk, last, except) {
		// A Map's iterator follows changes: it does not visit a session that is deleted meanwhile.
		const iterator = sessions.values();
		let reached = 0;
		this.#add({
			chunk,
			takeOut: ({ key }) => key > reached && key <= last && except?.has(key) !== true,
			next: () => {
				const { value: session } = iterator.next();
				if (session === undefined || session.key > last) return false;
				reached = session.key;
				if (except?.has(reached) !== true && !session.isClosed) this.#deliver(session, chunk);
				return true;
			},
		});
	}

	/**
	 * Delivers to these sessions.
	 *
	 * @param {Session[]} sessions each once
	 * @param {Chunk} chunk
	 */
	toSome(sessions, chunk) {
		const left = new Set(sessions);
		// One iterator for all: a new one would pass the elements that were deleted before.
		const iterator = left.values();
		this.#add({
			chunk,
			takeOut: (session) => left.delete(session),
			next: () => {
				const { value: session } = iterator.next();
				if (session === undefined) return false;
				left.delete(session);
				if (!session.isClosed) this.#deliver(session, chunk);
				return true;
			},
		});
	}

	/**
	 * Registers a callback for the time when everything that waits now is delivered.
	 *
	 * @param {() => void} callback
	 */
	whenDone(callback) {
		this.#add({
			chunk: undefined,
			takeOut: () => false,
			next: () => {
				callback();
				return false;
			},
		});
	}

	/**
	 * Delivers to a session that is about to be closed all messages that still wait for it.
	 *
	 * @param {Session} session no longer in the map of sessions
	 */
	settle(session) {
		for (const delivery of this.#deliveries.filter((delivery) => delivery.takeOut(session))) {
			// While `send` runs, a controller may delete a session. Without slices, that session would not get the message either.
			if (delivery !== this.#sending && !session.isClosed) this.#deliver(session, delivery.chunk);
		}
	}

	/** Delivers everything that waits. */
	finish() {
		if (!this.#isRunning) this.#run(Infinity);
	}

	/**
	 * Adds a delivery behind those that wait, and starts it when no other waits.
	 *
	 * @param {Delivery} delivery
	 */
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

	/**
	 * Delivers until the time is over, and then schedules the next slice.
	 *
	 * @param {number} ms
	 */
	#run(ms) {
		const begin = performance.now();
		const end = begin + ms;
		this.#isRunning = true;
		try {
			for (;;) {
				const [delivery] = this.#deliveries;
				if (delivery === undefined) return;
				for (let next = 0; next < SESSIONS_PER_CLOCK_READ; next++) {
					if (delivery.next()) continue;
					this.#deliveries.shift();
					this.#bytes -= delivery.chunk?.length ?? 0;
					this.#countSlabOfNext(delivery.chunk);
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

	/**
	 * Counts the slab of the next delivery as a new one, so that sessions check their queues: while the message waited, other
	 * slabs may have been allocated.
	 *
	 * @param {Chunk} previous
	 */
	#countSlabOfNext(previous) {
		const buffer = this.#deliveries[0]?.chunk?.buffer;
		if (buffer !== undefined && buffer !== previous?.buffer) countSlab(buffer.byteLength);
	}

	/**
	 * Schedules the next slice.
	 *
	 * @param {number} begin start of this slice, by `performance.now()`
	 */
	#continueLater(begin) {
		if (this.#isScheduled) return;
		this.#isScheduled = true;
		const continueNow = () => {
			this.#isScheduled = false;
			if (this.#isRunning) return;
			this.#deliveryMs = this.#share(performance.now() - begin);
			this.#run(this.#deliveryMs);
		};
		withoutContext(() => timers.setImmediate(continueNow));
	}

	/**
	 * Returns the time for delivery in the next slice, so that delivery and readers together take `sliceMs`.
	 *
	 * @param {number} tookMs duration of the last slice, with the work of the readers it woke
	 */
	#share(tookMs) {
		const share = (this.#deliveryMs * this.#sliceMs) / tookMs;
		return Math.min(this.#sliceMs, Math.max(share, this.#deliveryMs / 2, MIN_DELIVERY_MS));
	}
}
