// Processes the messages that other threads have posted to this one (`src/threads/mailbox.rs`).

import { timers } from '#platform';
import { backplaneUnavailable } from '../errors.js';
import { isUnloaded } from '../native/environment.js';
import { withoutContext } from '../util/async-context.js';
import { drained, OUTCOME, OVERFLOWED, ROW } from './drained-messages.js';
import { describeFailure } from './failure.js';

/** @import { NativeMailbox } from '../native/binding.js' */
/** @import { PendingRequests } from './pending-requests.js' */
/** @import { Reports } from './reports.js' */
/** @import { Registrations } from '../subscriptions/registrations.js' */
/** @import { Streams } from '../streams/streams.js' */

/** Maximum number of drains in one turn of the event loop, so that the thread gets to its other work. */
const DRAINS_PER_TURN = 32;
/** After this number of bytes of messages, the rest waits for the next turn, so that clients can read them. */
const BYTES_PER_TURN = 256 * 1024;

/** True while drained messages are processed. A callback may run the event loop and cause a second call. */
let isProcessing = false;

export class Mailbox {
	/** True while it waits for a delivery in slices to end. */
	#isWaiting = false;
	/** True while a later turn of the event loop is scheduled to continue. */
	#isScheduled = false;
	#native;
	#streams;
	#registrations;
	#requests;
	#reports;

	/**
	 * @param {NativeMailbox} native
	 * @param {Streams} streams
	 * @param {Registrations} registrations
	 * @param {PendingRequests} requests
	 * @param {Reports} reports
	 */
	constructor(native, streams, registrations, requests, reports) {
		this.#native = native;
		this.#streams = streams;
		this.#registrations = registrations;
		this.#requests = requests;
		this.#reports = reports;
	}

	/** True while this thread processes drained messages of any mailbox. */
	get isProcessing() {
		return isProcessing;
	}

	/** Bytes that wait in the mailbox. */
	get bytes() {
		return this.#native.bytes();
	}

	/**
	 * Sets the maximum number of bytes that may wait.
	 *
	 * @param {number} maxBytes
	 */
	setMaxBytes(maxBytes) {
		this.#native.setMaxBytes(maxBytes);
	}

	/**
	 * Resolves when other threads have processed all messages of this thread, and its own streams have got theirs. With Redis, also
	 * waits until it has everything, and rejects after `commandTimeoutMs`.
	 *
	 * @param {boolean} [isPatient] true to reject only when nothing was sent for `commandTimeoutMs`
	 */
	async flush(isPatient = false) {
		const flushed = this.#requests.replyKeepingAlive(this.#native.flush(isPatient));
		await Promise.all([flushed, this.#streams.local.delivered()]);
	}

	/** Called when messages have arrived. They wait while a delivery in slices is under way. */
	wake() {
		if (this.#streams.local.isDelivering) this.#continueWhenDelivered();
		else this.catchUp();
	}

	/**
	 * Processes messages of other threads, as many as one turn may. Returns true when some may be left, and a later turn
	 * processes them.
	 */
	catchUp() {
		if (isUnloaded()) return false;
		if (!isProcessing) return withoutContext(() => this.#drain());
		this.#continueLater();
		return false;
	}

	/** Returns true when the mailbox may not be empty. */
	#drain() {
		isProcessing = true;
		let bytes = 0;
		let rows;
		try {
			for (let drain = 0; drain < DRAINS_PER_TURN; drain++) {
				rows = drained.fillFrom(this.#native);
				if (rows === OVERFLOWED) this.#overflow();
				else if (rows > 0) this.#process(rows);
				else return false;
				bytes += drained.bytes;
				// The other messages wait for the delivery in slices that has begun. `finally` schedules their processing.
				if (bytes >= BYTES_PER_TURN || this.#streams.local.isDelivering) break;
			}
			return true;
		} finally {
			isProcessing = false;
			// No other thread wakes this one before a drain has found the mailbox empty.
			if (rows !== 0) this.#continueLater();
		}
	}

	/** Continues after the delivery in slices that is under way. */
	#continueWhenDelivered() {
		if (this.#isWaiting) return;
		this.#isWaiting = true;
		this.#streams.local.whenDelivered(() => {
			this.#isWaiting = false;
			this.#continueLater();
		});
	}

	/**
	 * Continues in a later turn of the event loop. A thread-safe function that wakes itself is called again at once, up to
	 * 1,000 times, and other work would have to wait.
	 */
	#continueLater() {
		if (this.#isScheduled) return;
		this.#isScheduled = true;
		const wake = () => {
			this.#isScheduled = false;
			this.wake();
		};
		withoutContext(() => timers.setImmediate(wake));
	}

	/** Closes all streams and registrations: the mailbox was full, and messages for them are lost. */
	#overflow() {
		this.#streams.local.closeAllOverflowed(drained.number());
		this.#registrations.cancelAll();
	}

	/**
	 * Processes drained messages.
	 *
	 * @param {number} rows
	 */
	#process(rows) {
		for (; rows > 0; rows--) {
			switch (drained.number()) {
				case ROW.UNICAST: {
					const chunk = drained.chunk(drained.number());
					this.#streams.local.deliverTo(drained.number(), chunk);
					break;
				}
				case ROW.MULTICAST: {
					const chunk = drained.chunk(drained.number());
					const keys = drained.numbers(drained.number());
					this.#streams.local.deliverToSome(keys, keys.length, chunk);
					break;
				}
				case ROW.BROADCAST: {
					const chunk = drained.chunk(drained.number());
					this.#streams.local.deliverUpTo(drained.number(), chunk);
					break;
				}
				case ROW.CLOSE: {
					const reason = drained.number() === 1 ? 'replaced' : 'deleted';
					this.#streams.closeEvicted(drained.number(), reason);
					break;
				}
				case ROW.CAUGHT_UP: {
					this.#streams.local.caughtUp(drained.number());
					break;
				}
				case ROW.FLUSH: {
					const completion = drained.number();
					this.#streams.local.whenDelivered(() => this.#native.settle(completion));
					break;
				}
				case ROW.NOTIFY: {
					const completion = drained.number();
					const keys = drained.numbers(drained.number());
					this.#settle(completion, this.#registrations.deliver(keys, this.#native.text()));
					break;
				}
				case ROW.CLOSE_REGISTRATIONS: {
					const reason = drained.number() === 1 ? 'cancelled' : 'closed';
					const completion = drained.number();
					this.#settle(completion, this.#registrations.closeByKeys(drained.numbers(drained.number()), reason));
					break;
				}
				case ROW.REPLY: {
					const request = drained.number();
					const outcome = drained.number();
					this.#requests.settle(request, outcome, outcome === OUTCOME.DONE ? '' : this.#native.text());
					break;
				}
				case ROW.REPORT: {
					const { node, missed, error, isLoss } = JSON.parse(this.#native.text());
					if (error === undefined) this.#reports.gap({ node, missed });
					else this.#reports.error(backplaneUnavailable(error), isLoss);
					break;
				}
			}
		}
	}

	/**
	 * Reports the end of some work to the thread that waits for it.
	 *
	 * @param {number} completion
	 * @param {Promise<unknown>} work
	 */
	#settle(completion, work) {
		work.then(
			() => this.#native.settle(completion),
			(error) => this.#native.settle(completion, describeFailure(error)),
		);
	}
}
