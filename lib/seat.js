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

/** @type {Map<string, WeakRef<Seat>>} */
const seats = new Map();

/**
 * The one seat of this thread in the scope. It is given up when all who asked for it are garbage collected.
 *
 * @param {string} scope
 * @param {number | undefined} maxMailboxBytes
 * @param {string} who the class that asks for it
 */
export function seatIn(scope, maxMailboxBytes, who) {
	const name = `scope ${JSON.stringify(scope)}`;
	const join = (/** @type {() => void} */ wake) => joinScope(scope, DEFAULT_MAX_MAILBOX_BYTES, wake);
	return seatCalled(name, name, join, maxMailboxBytes, who);
}

/**
 * The one seat of this thread in the hub of a Redis server and a prefix, likewise.
 *
 * @param {{ url: string, prefix: string, settings: number[], maxMailboxBytes: number | undefined }} options
 * @param {string} who the class that asks for it
 */
export function seatOn({ url, prefix, settings, maxMailboxBytes }, who) {
	const join = (/** @type {() => void} */ wake) => joinRedis(url, prefix, settings, DEFAULT_MAX_MAILBOX_BYTES, wake);
	// The URL has a password in it.
	const name = `prefix ${JSON.stringify(prefix)}`;
	return seatCalled(`redis ${JSON.stringify([url, prefix])}`, name, join, maxMailboxBytes, who);
}

/**
 * @param {string} key
 * @param {string} name
 * @param {(wake: () => void) => NativeSeat} join
 * @param {number | undefined} maxMailboxBytes
 * @param {string} who
 */
function seatCalled(key, name, join, maxMailboxBytes, who) {
	const seat = seats.get(key)?.deref() ?? new Seat(key, name, join);
	if (maxMailboxBytes !== undefined) seat.holdAtMost(maxMailboxBytes, who);
	return seat;
}

class Seat {
	/** Once somebody has said so. @type {number | undefined} */
	#maxMailboxBytes;
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
		this.mailbox.wake();
	}

	/**
	 * @param {number} maxMailboxBytes
	 * @param {string} who the class that was told so
	 */
	holdAtMost(maxMailboxBytes, who) {
		this.#maxMailboxBytes ??= maxMailboxBytes;
		if (this.#maxMailboxBytes !== maxMailboxBytes) {
			throw invalidValue(
				`${who}: option "maxMailboxBytes" is ${maxMailboxBytes}, but this thread's mailbox in ${this.#name} was ` +
					`told to hold ${this.#maxMailboxBytes}; give all managers the same, or only one`,
			);
		}
		this.mailbox.holdAtMost(maxMailboxBytes);
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
	return () => reference.deref()?.catchUp();
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
