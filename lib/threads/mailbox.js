// What other threads have left for this one in a scope, and what is done with it.

import timers from 'node:timers';
import { BackplaneUnavailableError } from '../errors.js';
import { isUnloaded } from '../native/environment.js';
import { drained, OUTCOME, OVERFLOWED, ROW } from './drained-messages.js';
import { describeFailure } from './failure.js';

/** @import { NativeMailbox } from '../native/binding.js' */
/** @import { PendingRequests } from './pending-requests.js' */
/** @import { Reports } from './reports.js' */
/** @import { Registrations } from '../subscriptions/registrations.js' */
/** @import { Streams } from '../streams/streams.js' */

/** How often it is drained for one wake, so that the thread gets to its other work. */
const DRAINS_A_WAKE = 32;

/** Whether what stands in the inbox is being dealt with: a callback may run the event loop. */
let isProcessing = false;

export class Mailbox {
	/** Whether it goes on when streams have what they are to get. */
	#isWaiting = false;
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

	/** How many bytes wait in it. */
	get bytes() {
		return this.#native.bytes();
	}

	/** @param {number} maxBytes how many may from now on */
	holdAtMost(maxBytes) {
		this.#native.holdAtMost(maxBytes);
	}

	/** Resolves when all that this thread has sent, and left for others, is dealt with. */
	async flush() {
		await Promise.all([this.#requests.replyKeepingAlive(this.#native.flush()), this.#streams.local.delivered()]);
	}

	/** Others have left something. It is taken when all that was taken before is in the queues of the streams. */
	wake() {
		if (this.#streams.local.isDelivering) this.#continueWhenDelivered();
		else this.catchUp();
	}

	/** Deals with what others have left. */
	catchUp() {
		if (isUnloaded()) return;
		if (isProcessing) return this.#continueLater();
		isProcessing = true;
		let rows;
		try {
			for (let drain = 0; drain < DRAINS_A_WAKE; drain++) {
				rows = drained.fillFrom(this.#native);
				if (rows === OVERFLOWED) this.#overflow();
				else if (rows > 0) this.#process(rows);
				else return;
				// As long as it has not found that there is nothing, others know that it is not done.
				if (this.#streams.local.isDelivering) return;
			}
		} finally {
			isProcessing = false;
			// Nobody else wakes this thread before it has seen that there is nothing.
			if (rows !== 0) this.#continueLater();
		}
	}

	#continueWhenDelivered() {
		if (this.#isWaiting) return;
		this.#isWaiting = true;
		this.#streams.local.whenDelivered(() => {
			this.#isWaiting = false;
			this.#continueLater();
		});
	}

	/** Behind the other work of the thread: Node calls a function that was woken from within itself at once, many times. */
	#continueLater() {
		timers.setImmediate(() => this.wake());
	}

	/** More was sent than it holds, and is lost. No stream goes on with a gap in it. */
	#overflow() {
		this.#streams.local.closeAllOverflowed(drained.number());
		this.#registrations.cancelAll();
	}

	/** @param {number} rows */
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
					const { node, missed, error } = JSON.parse(this.#native.text());
					if (error === undefined) this.#reports.gap({ node, missed });
					else this.#reports.error(new BackplaneUnavailableError(error));
					break;
				}
			}
		}
	}

	/**
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
