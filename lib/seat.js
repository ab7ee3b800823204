// This thread's seat in a hub that others share: what its managers there have in common.

import { whenCollected } from './collected.js';
import { invalidValue } from './errors.js';
import { Mailbox } from './mailbox.js';
import { joinRedis, joinScope } from './native.js';
import { Questions } from './questions.js';
import { Registrations } from './registrations.js';
import { Reports } from './reports.js';
import { Streams } from './streams.js';

/** @import { NativeMailbox, NativeSeat } from './native.js' */

/** How much a thread's mailbox holds unless told otherwise. */
const DEFAULT_MAX_MAILBOX_BYTES = 64 * 1024 * 1024;

/** Where the signs cannot be seen. */
const PERHAPS = Int32Array.of(1, 1);

/** @typedef {{ maxMailboxBytes?: number | undefined, sliceMs?: number | undefined }} SeatOptions */

/** @type {Map<string, WeakRef<Seat>>} */
const seats = new Map();

/**
 * The one seat of this thread in the scope. It is given up when all who asked for it are garbage collected.
 *
 * @param {string} scope
 * @param {SeatOptions} options
 * @param {string} who the class that asks for it
 */
export function seatIn(scope, options, who) {
	const name = `scope ${JSON.stringify(scope)}`;
	const join = (/** @type {() => void} */ wake) => joinScope(scope, DEFAULT_MAX_MAILBOX_BYTES, wake);
	return seatCalled(name, name, join, options, who);
}

/**
 * The one seat of this thread in the hub of a Redis server and a prefix, likewise.
 *
 * @param {SeatOptions & { url: string, prefix: string, settings: number[] }} options
 * @param {string} who the class that asks for it
 */
export function seatOn({ url, prefix, settings, ...options }, who) {
	const join = (/** @type {() => void} */ wake) => joinRedis(url, prefix, settings, DEFAULT_MAX_MAILBOX_BYTES, wake);
	// The URL has a password in it.
	const name = `prefix ${JSON.stringify(prefix)}`;
	return seatCalled(`redis ${JSON.stringify([url, prefix])}`, name, join, options, who);
}

/**
 * @param {string} key
 * @param {string} name
 * @param {(wake: () => void) => NativeSeat} join
 * @param {SeatOptions} options
 * @param {string} who
 */
function seatCalled(key, name, join, options, who) {
	const seat = seats.get(key)?.deref() ?? new Seat(key, name, join);
	seat.agreeOn(options, who);
	return seat;
}

class Seat {
	/** What somebody has said. @type {SeatOptions} */
	#agreed = {};
	#key;
	#name;
	#native;
	/** Of managers that may close it. */
	#users = 0;

	/**
	 * @param {string} key
	 * @param {string} name
	 * @param {(wake: () => void) => NativeSeat} join
	 */
	constructor(key, name, join) {
		this.#key = key;
		this.#name = name;
		const reference = new WeakRef(this);
		const native = join(wakerOf(reference));
		this.#native = native;
		const signs = native.signs ? new Int32Array(native.signs) : PERHAPS;
		this.streams = new Streams(native.streams, signs, this.catchUp.bind(this));
		this.info = native.info;
		this.backplane = native.backplane;
		this.registrations = new Registrations(native.subscriptions);
		this.questions = new Questions(this);
		this.reports = new Reports();
		this.mailbox = new Mailbox(native.mailbox, this.streams, this.registrations, this.questions, this.reports);
		seats.set(key, reference);
		whenCollected(this, leaverOf(key, reference, native.mailbox));
	}

	/** Deals with what others have left. */
	catchUp() {
		this.mailbox.catchUp();
	}

	/**
	 * All managers on it have these in common.
	 *
	 * @param {SeatOptions} options
	 * @param {string} who the class that was told so
	 */
	agreeOn({ maxMailboxBytes, sliceMs }, who) {
		for (const [name, value] of Object.entries({ maxMailboxBytes, sliceMs })) {
			const agreed = this.#agreed[/** @type {keyof SeatOptions} */ (name)];
			if (value === undefined || agreed === undefined || value === agreed) continue;
			throw invalidValue(
				`${who}: option "${name}" is ${value}, but this thread was told ${agreed} in ${this.#name}; ` +
					'give all managers the same, or only one',
			);
		}
		if (maxMailboxBytes !== undefined) {
			this.#agreed.maxMailboxBytes = maxMailboxBytes;
			this.mailbox.holdAtMost(maxMailboxBytes);
		}
		if (sliceMs !== undefined) {
			this.#agreed.sliceMs = sliceMs;
			this.streams.own.slice(sliceMs);
		}
	}

	/** Somebody uses it who will say when they do not any more. */
	use() {
		this.#users++;
	}

	/**
	 * Resolves when what they have sent is sent, or Redis has not taken it in time, and the seat is given up where nobody else
	 * uses it.
	 */
	async release() {
		// What is left is sent later, by those who stay.
		const flush = () => this.mailbox.flush().catch(() => {});
		if (--this.#users > 0) return flush();
		// Whoever wants a seat from now on gets another.
		if (seats.get(this.#key)?.deref() === this) seats.delete(this.#key);
		this.registrations.cancelAll();
		const left = this.#native.backplane?.close() ?? 0;
		// Other threads of this process are still there.
		if (left === 0) await flush();
		await this.questions.heldAnswerTo(left);
		this.#native.mailbox.leave();
	}
}

// What native code holds as long as the seat is taken must not hold the seat. Functions that are made in one place hold
// what any of them uses; so these are made here, where no seat is.

/** @param {WeakRef<Seat>} reference */
function wakerOf(reference) {
	return () => reference.deref()?.mailbox.wake();
}

/**
 * @param {string} key
 * @param {WeakRef<Seat>} reference
 * @param {NativeMailbox} mailbox
 */
function leaverOf(key, reference, mailbox) {
	return () => {
		if (seats.get(key) === reference) seats.delete(key);
		mailbox.leave();
	};
}
