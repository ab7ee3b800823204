// This thread's seat in a hub that others share: what its managers there have in common.

import { invalidValue } from '../errors.js';
import { joinRedis, joinScope } from '../native/binding.js';
import { onCollected } from '../native/on-collected.js';
import { Streams } from '../streams/streams.js';
import { Registrations } from '../subscriptions/registrations.js';
import { Mailbox } from './mailbox.js';
import { PendingRequests } from './pending-requests.js';
import { Reports } from './reports.js';

/** @import { NativeMailbox, NativeMembership } from '../native/binding.js' */

/** How much a thread's mailbox holds unless told otherwise. */
const DEFAULT_MAX_MAILBOX_BYTES = 64 * 1024 * 1024;

/** Where the signs cannot be seen. */
const ALL_SET = Int32Array.of(1, 1);

/** @typedef {{ maxMailboxBytes?: number | undefined, sliceMs?: number | undefined }} MembershipOptions */

/** @type {Map<string, WeakRef<Membership>>} */
const memberships = new Map();

/**
 * The one seat of this thread in the scope. It is given up when all who asked for it are garbage collected.
 *
 * @param {string} scope
 * @param {MembershipOptions} options
 * @param {string} className the class that asks for it
 */
export function membershipInScope(scope, options, className) {
	const name = `scope ${JSON.stringify(scope)}`;
	const join = (/** @type {() => void} */ wake) => joinScope(scope, DEFAULT_MAX_MAILBOX_BYTES, wake);
	return membershipOf(name, name, join, options, className);
}

/**
 * The one seat of this thread in the hub of a Redis server and a prefix, likewise.
 *
 * @param {MembershipOptions & { url: string, prefix: string, settings: number[] }} options
 * @param {string} className the class that asks for it
 */
export function membershipInRedis({ url, prefix, settings, ...options }, className) {
	const join = (/** @type {() => void} */ wake) => joinRedis(url, prefix, settings, DEFAULT_MAX_MAILBOX_BYTES, wake);
	// The URL has a password in it.
	const name = `prefix ${JSON.stringify(prefix)}`;
	return membershipOf(`redis ${JSON.stringify([url, prefix])}`, name, join, options, className);
}

/**
 * @param {string} key
 * @param {string} name
 * @param {(wake: () => void) => NativeMembership} join
 * @param {MembershipOptions} options
 * @param {string} className
 */
function membershipOf(key, name, join, options, className) {
	const membership = memberships.get(key)?.deref() ?? new Membership(key, name, join);
	membership.agreeOnOptions(options, className);
	return membership;
}

class Membership {
	/** What somebody has said. @type {MembershipOptions} */
	#agreed = {};
	#key;
	#name;
	#native;
	/** Of managers that may close it. */
	#users = 0;

	/**
	 * @param {string} key
	 * @param {string} name
	 * @param {(wake: () => void) => NativeMembership} join
	 */
	constructor(key, name, join) {
		this.#key = key;
		this.#name = name;
		const reference = new WeakRef(this);
		const native = join(wakeFunction(reference));
		this.#native = native;
		const flags = native.signs ? new Int32Array(native.signs) : ALL_SET;
		this.streams = new Streams(native.streams, flags, this.catchUp.bind(this));
		this.info = native.info;
		this.backplane = native.backplane;
		this.registrations = new Registrations(native.subscriptions);
		this.requests = new PendingRequests(this);
		this.reports = new Reports();
		this.mailbox = new Mailbox(native.mailbox, this.streams, this.registrations, this.requests, this.reports);
		memberships.set(key, reference);
		onCollected(this, leaveFunction(key, reference, native.mailbox));
	}

	/** Deals with what others have left. */
	catchUp() {
		this.mailbox.catchUp();
	}

	/**
	 * All managers on it have these in common.
	 *
	 * @param {MembershipOptions} options
	 * @param {string} className the class that was told so
	 */
	agreeOnOptions({ maxMailboxBytes, sliceMs }, className) {
		for (const [name, value] of Object.entries({ maxMailboxBytes, sliceMs })) {
			const agreed = this.#agreed[/** @type {keyof MembershipOptions} */ (name)];
			if (value === undefined || agreed === undefined || value === agreed) continue;
			throw invalidValue(
				`${className}: option "${name}" is ${value}, but this thread was told ${agreed} in ${this.#name}; ` +
					'give all managers the same, or only one',
			);
		}
		if (maxMailboxBytes !== undefined) {
			this.#agreed.maxMailboxBytes = maxMailboxBytes;
			this.mailbox.holdAtMost(maxMailboxBytes);
		}
		if (sliceMs !== undefined) {
			this.#agreed.sliceMs = sliceMs;
			this.streams.local.slice(sliceMs);
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
		if (memberships.get(this.#key)?.deref() === this) memberships.delete(this.#key);
		this.registrations.cancelAll();
		const left = this.#native.backplane?.close() ?? 0;
		// Other threads of this process are still there.
		if (left === 0) await flush();
		await this.requests.replyKeepingAlive(left);
		this.#native.mailbox.leave();
	}
}

// What native code holds as long as the seat is taken must not hold the seat. Functions that are made in one place hold
// what any of them uses; so these are made here, where no seat is.

/** @param {WeakRef<Membership>} reference */
function wakeFunction(reference) {
	return () => reference.deref()?.mailbox.wake();
}

/**
 * @param {string} key
 * @param {WeakRef<Membership>} reference
 * @param {NativeMailbox} mailbox
 */
function leaveFunction(key, reference, mailbox) {
	return () => {
		if (memberships.get(key) === reference) memberships.delete(key);
		mailbox.leave();
	};
}
