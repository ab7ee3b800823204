// What other threads have left for this one in a scope, and what is done with it.

import timers from 'node:timers';
import { BackplaneUnavailableError } from './errors.js';
import { describeFailure } from './failure.js';
import { inbox, OUTCOME, OVERFLOWED, ROW } from './inbox.js';
import { isUnloaded } from './unload.js';

/** @import { NativeMailbox } from './native.js' */
/** @import { Questions } from './questions.js' */
/** @import { Reports } from './reports.js' */
/** @import { Registrations } from './registrations.js' */
/** @import { Streams } from './streams.js' */

/** How often it is drained for one wake, so that the thread gets to its other work. */
const DRAINS_A_WAKE = 32;

/** Whether what stands in the inbox is being dealt with: a callback may run the event loop. */
let isDealing = false;

export class Mailbox {
	/** Whether it goes on when streams have what they are to get. */
	#isWaiting = false;
	#native;
	#streams;
	#registrations;
	#questions;
	#reports;

	/**
	 * @param {NativeMailbox} native
	 * @param {Streams} streams
	 * @param {Registrations} registrations
	 * @param {Questions} questions
	 * @param {Reports} reports
	 */
	constructor(native, streams, registrations, questions, reports) {
		this.#native = native;
		this.#streams = streams;
		this.#registrations = registrations;
		this.#questions = questions;
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
		await Promise.all([this.#questions.heldAnswerTo(this.#native.flush()), this.#streams.own.fed()]);
	}

	/** Others have left something. It is taken when all that was taken before is in the queues of the streams. */
	wake() {
		if (this.#streams.own.isBehind) this.#goOnWhenFed();
		else this.catchUp();
	}

	/** Deals with what others have left. */
	catchUp() {
		if (isUnloaded()) return;
		if (isDealing) return this.#goOnLater();
		isDealing = true;
		let rows;
		try {
			for (let drain = 0; drain < DRAINS_A_WAKE; drain++) {
				rows = inbox.fillFrom(this.#native);
				if (rows === OVERFLOWED) this.#overflow();
				else if (rows > 0) this.#deal(rows);
				else return;
				// As long as it has not found that there is nothing, others know that it is not done.
				if (this.#streams.own.isBehind) return;
			}
		} finally {
			isDealing = false;
			// Nobody else wakes this thread before it has seen that there is nothing.
			if (rows !== 0) this.#goOnLater();
		}
	}

	#goOnWhenFed() {
		if (this.#isWaiting) return;
		this.#isWaiting = true;
		this.#streams.own.whenFed(() => {
			this.#isWaiting = false;
			this.#goOnLater();
		});
	}

	/** Behind the other work of the thread: Node calls a function that was woken from within itself at once, many times. */
	#goOnLater() {
		timers.setImmediate(() => this.wake());
	}

	/** More was sent than it holds, and is lost. No stream goes on with a gap in it. */
	#overflow() {
		this.#streams.own.closeOverflown(inbox.number());
		this.#registrations.cancelAll();
	}

	/** @param {number} rows */
	#deal(rows) {
		for (; rows > 0; rows--) {
			switch (inbox.number()) {
				case ROW.MESSAGE: {
					const chunk = inbox.chunk(inbox.number());
					this.#streams.own.feed(inbox.number(), chunk);
					break;
				}
				case ROW.MULTICAST: {
					const chunk = inbox.chunk(inbox.number());
					const keys = inbox.numbers(inbox.number());
					this.#streams.own.feedSome(keys, keys.length, chunk);
					break;
				}
				case ROW.BROADCAST: {
					const chunk = inbox.chunk(inbox.number());
					this.#streams.own.feedUntil(inbox.number(), chunk);
					break;
				}
				case ROW.CLOSE: {
					const reason = inbox.number() === 1 ? 'replaced' : 'deleted';
					this.#streams.closeEvicted(inbox.number(), reason);
					break;
				}
				case ROW.FLUSH: {
					const receipt = inbox.number();
					this.#streams.own.whenFed(() => this.#native.settle(receipt));
					break;
				}
				case ROW.NOTIFY: {
					const receipt = inbox.number();
					const keys = inbox.numbers(inbox.number());
					this.#settle(receipt, this.#registrations.deliver(keys, this.#native.text()));
					break;
				}
				case ROW.END: {
					const reason = inbox.number() === 1 ? 'cancelled' : 'closed';
					const receipt = inbox.number();
					this.#settle(receipt, this.#registrations.end(inbox.numbers(inbox.number()), reason));
					break;
				}
				case ROW.ANSWER: {
					const question = inbox.number();
					const outcome = inbox.number();
					this.#questions.answered(question, outcome, outcome === OUTCOME.DONE ? '' : this.#native.text());
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
	 * @param {number} receipt
	 * @param {Promise<unknown>} work
	 */
	#settle(receipt, work) {
		work.then(
			() => this.#native.settle(receipt),
			(error) => this.#native.settle(receipt, describeFailure(error)),
		);
	}
}
