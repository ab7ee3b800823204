// This thread's membership in a hub that other threads share: the parts that all its managers in that hub use.

import { losesWakeUps } from '#platform';
import { BackplaneUnavailableError, invalidValue } from '../errors.js';
import { joinRedis, joinScope, requireNative } from '../native/binding.js';
import { onCollected } from '../native/on-collected.js';
import { Streams } from '../streams/streams.js';
import { Registrations } from '../subscriptions/registrations.js';
import { withoutContext } from '../util/async-context.js';
import { runEvery } from '../util/interval.js';
import { Mailbox } from './mailbox.js';
import { PendingRequests } from './pending-requests.js';
import { Reports } from './reports.js';

/** @import { NativeMailbox, NativeMembership } from '../native/binding.js' */

/** Default of the option `maxMailboxBytes`. */
const DEFAULT_MAX_MAILBOX_BYTES = 64 * 1024 * 1024;

/**
 * Interval of a timer that makes the event loop turn where wake-ups get lost: the longest time for which a message of another
 * thread waits because of that.
 */
const TURN_INTERVAL_MS = 20;

/** The flags on a runtime that cannot share memory with Rust. Both are set, so that the thread always calls Rust. */
const ALL_SET = Int32Array.of(1, 1);

/** @typedef {{ maxMailboxBytes?: number | undefined, sliceMs?: number | undefined }} MembershipOptions */

/** The memberships of this thread. @type {Map<string, WeakRef<Membership>>} */
const memberships = new Map();

/**
 * Returns this thread's membership in a scope. It ends when all managers that use it are garbage collected.
 *
 * @param {string} scope
 * @param {MembershipOptions} options
 * @param {string} className the class of the manager
 */
export function membershipInScope(scope, options, className) {
	requireNative(`${className}: the option "scope"`);
	const name = `scope ${JSON.stringify(scope)}`;
	const join = (/** @type {() => void} */ wake) => joinScope(scope, DEFAULT_MAX_MAILBOX_BYTES, wake);
	return membershipOf(name, name, join, options, className);
}

/**
 * Returns this thread's membership in the hub of a Redis server and a prefix. It ends when all managers that use it are
 * closed or garbage collected.
 *
 * @param {MembershipOptions & { url: string, prefix: string, settings: number[], tls: (string | undefined)[] }} options
 * @param {string} className the class of the manager
 */
export function membershipInRedis({ url, prefix, settings, tls, ...options }, className) {
	requireNative(className);
	const join = (/** @type {() => void} */ wake) =>
		joinRedis(url, prefix, settings, tls, DEFAULT_MAX_MAILBOX_BYTES, wake);
	// The URL is left out of the name, because it may contain a password.
	const name = `prefix ${JSON.stringify(prefix)}`;
	return membershipOf(`redis ${JSON.stringify([url, prefix])}`, name, join, options, className);
}

/**
 * Returns the membership of that key, and joins the hub if there is none.
 *
 * @param {string} key
 * @param {string} name for error messages
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
	/** The options that the managers have set so far. @type {MembershipOptions} */
	#agreed = {};
	#key;
	#name;
	#native;
	/** True when an entry was refused of a call that another call has interrupted. */
	isOuterRefused = false;
	/** Number of open managers that end the membership by `close()`. */
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
		// Native code calls the function in the context of this call.
		const native = withoutContext(() => join(wakeFunction(reference)));
		this.#native = native;
		const flags = native.flags ? new Int32Array(native.flags) : ALL_SET;
		this.streams = new Streams(native.streams, flags, this);
		this.info = native.info;
		this.backplane = native.backplane;
		this.registrations = new Registrations(native.subscriptions);
		this.requests = new PendingRequests(this);
		this.reports = new Reports();
		this.mailbox = new Mailbox(native.mailbox, this.streams, this.registrations, this.requests, this.reports);
		memberships.set(key, reference);
		onCollected(this, leaveFunction(key, reference, native.mailbox));
		if (losesWakeUps) runEvery(this, () => {}, TURN_INTERVAL_MS);
	}

	/** True while this thread processes messages of other threads. */
	get isCatchingUp() {
		return this.mailbox.isProcessing;
	}

	/** Processes messages of other threads. Returns true when some may be left. */
	catchUp() {
		return this.mailbox.catchUp();
	}

	/**
	 * Applies options that all managers of a membership share. Throws when a manager has set another value before.
	 *
	 * @param {MembershipOptions} options
	 * @param {string} className the class of the manager
	 */
	agreeOnOptions({ maxMailboxBytes, sliceMs }, className) {
		for (const [name, value] of Object.entries({ maxMailboxBytes, sliceMs })) {
			const agreed = this.#agreed[/** @type {keyof MembershipOptions} */ (name)];
			if (value === undefined || agreed === undefined || value === agreed) continue;
			throw invalidValue(
				`${className}: option "${name}" is ${value}, but another manager of this thread set ${agreed} for ${this.#name}; ` +
					'give all managers the same value, or set it in one only',
			);
		}
		if (maxMailboxBytes !== undefined) {
			this.#agreed.maxMailboxBytes = maxMailboxBytes;
			this.mailbox.setMaxBytes(maxMailboxBytes);
		}
		if (sliceMs !== undefined) {
			this.#agreed.sliceMs = sliceMs;
			this.streams.local.slice(sliceMs);
		}
	}

	/** Counts a manager that will call `release`. */
	use() {
		this.#users++;
	}

	/**
	 * Ends the use by one manager. The last one ends the membership. Resolves when all messages are sent, or when Redis has
	 * not accepted them in time.
	 */
	async release() {
		// An error is ignored, because the remaining managers send the rest later.
		const flush = () => this.mailbox.flush().catch(() => {});
		if (--this.#users > 0) return flush();
		// A manager that is created from now on gets a new membership.
		if (memberships.get(this.#key)?.deref() === this) memberships.delete(this.#key);
		this.registrations.cancelAll();
		const leaving = this.#native.backplane?.close() ?? 0;
		// 0: the process does not leave Redis, because other threads still use the connection.
		if (leaving === 0) await flush();
		await this.requests.replyKeepingAlive(leaving);
		const { local } = this.streams;
		while (local.isCatchingUp && this.catchUp());
		local.leave();
		this.#native.mailbox.leave();
		// No reply arrives any more.
		this.requests.fail(new BackplaneUnavailableError('closed before the reply arrived'));
	}
}

// Native code and the finalization registry hold the functions that are made here, so these must not hold the membership.
// V8 keeps the variables of all closures of a block together: each closure holds what any of them uses. So these closures
// are not made in the constructor, where `this` would be among the variables.

/**
 * Returns the function that native code calls when messages have arrived.
 *
 * @param {WeakRef<Membership>} reference
 */
function wakeFunction(reference) {
	return () => reference.deref()?.mailbox.wake();
}

/**
 * Returns the function that ends a membership after its garbage collection.
 *
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
