// One manager's use of the backplane: its membership, its state (open, closing, closed), and its failures.
//
// The option `onUnavailable` decides here what a failure means. With 'degrade', calls take effect in this process, and their
// promises do not reject because of Redis or `close()`. With 'reject', they do.

import { BackplaneUnavailableError, backplaneUnavailable, managerClosed } from '../errors.js';
import { checkSettings } from '../options/options.js';
import { checkSharedTls } from '../options/tls-options.js';
import { membershipInRedis } from '../threads/membership.js';

/** @import { BackplaneStats } from '../../redis.js' */
/** @import { redisSubscriptionOptions } from '../options/options.js' */
/** @import { NativeBackplane } from '../native/binding.js' */

export class Backplane {
	#isClosing = false;
	#isClosed = false;
	/** @type {Promise<void> | undefined} */
	#closing;
	/** What {@link published} returns until its request is made. @type {Promise<void> | undefined} */
	#publishing;
	/** Removes the callbacks of the manager; `undefined` when they are removed. @type {(() => void) | undefined} */
	#removeCallbacks;
	#native;
	#className;
	#degrades;

	/**
	 * @param {ReturnType<typeof redisSubscriptionOptions>} options
	 * @param {string} className the class of the manager
	 */
	constructor(options, className) {
		this.#className = className;
		this.#degrades = options.onUnavailable === 'degrade';
		this.membership = membershipInRedis(options, className);
		this.#native = /** @type {NativeBackplane} */ (this.membership.backplane);
		checkSettings(options.settings, this.#native.settings(), className);
		checkSharedTls(options.tls, (tls) => this.#native.usesTls(tls), className);
		this.membership.use();
		const { onGap, onError } = options;
		const { reports } = this.membership;
		reports.add(onGap, onError);
		this.#removeCallbacks = () => reports.remove(onGap, onError);
	}

	/** True when `close()` has closed the streams or subscriptions of the manager. */
	get isClosed() {
		return this.#isClosed;
	}

	/** True when `close()` was called, even if it has not finished yet. */
	get isClosing() {
		return this.#isClosing;
	}

	/** True while Redis replies but refuses changes of this process, because it is full or read-only. They wait. */
	get refusesChanges() {
		return !this.#isClosed && this.#native.refusesChanges();
	}

	/**
	 * Returns a promise that rejects because the manager is closed.
	 *
	 * @returns {Promise<never>} a promise whose rejection is handled already
	 */
	closed() {
		return handled(Promise.reject(managerClosed(this.#className)));
	}

	/**
	 * Runs a call of a method. Resolves when its entries are queued for other nodes.
	 *
	 * Entries that do not fit in the queue are dropped. That is reported to `onError`, and rejects the promise with
	 * `onUnavailable: 'reject'`.
	 *
	 * @param {string} method
	 * @param {unknown[]} args
	 * @param {() => void} run not called when the manager is closed
	 * @returns {Promise<void>} a promise whose rejection is handled already
	 */
	accepted(method, args, run) {
		if (this.#isClosed) return this.#degrades ? DONE : this.closed();
		// A callback of the user may call this during another call, whose entries may have been refused already.
		const isOuterRefused = this.#takeRefusal();
		let isRefused = false;
		try {
			run();
		} finally {
			isRefused = this.#takeRefusal();
			this.membership.isOuterRefused = isOuterRefused;
		}
		return isRefused ? this.#refused(method, args) : DONE;
	}

	/**
	 * Returns the promise for a call whose entries were refused.
	 *
	 * @param {string} method
	 * @param {unknown[]} args
	 */
	#refused(method, args) {
		const cause = JSON.parse(this.#native.problem() ?? 'null');
		const why = cause === null ? '' : ` (${cause.message})`;
		const message = `${method}: not sent to other machines: the queue for Redis has reached "maxPendingBytes"${why}; wait for flush(), or raise the limit`;
		const error = backplaneUnavailable({ message, cause }, { method, args });
		if (!this.#degrades) return this.#handleFailure(Promise.reject(error));
		this.membership.reports.error(error);
		return DONE;
	}

	/** Returns true when an entry of the call under way was refused. */
	#takeRefusal() {
		const { isOuterRefused } = this.membership;
		this.membership.isOuterRefused = false;
		return this.#native.wasRefused() || isOuterRefused;
	}

	/**
	 * Asks Redis a question.
	 *
	 * @template Answer
	 * @param {(native: NativeBackplane) => number} ask makes the request; not called when the manager is closed
	 * @param {() => Answer} localAnswer
	 *   returns what this process knows: the answer with `onUnavailable: 'degrade'` while Redis does not answer
	 * @param {Answer} unknown the answer of a closed manager, and the one about ids and URIs that are not strings
	 * @returns {Promise<Answer>} a promise whose rejection is handled already
	 */
	ask(ask, localAnswer, unknown) {
		if (this.#isClosed) return this.#degrades ? Promise.resolve(unknown) : this.closed();
		if (this.#degrades && this.#native.isAway()) return Promise.resolve(localAnswer());
		const reply = this.#reply(ask).then((value) => value ?? unknown);
		return this.#degrades ? reply.catch((error) => this.#degrade(error, localAnswer)) : this.#handleFailure(reply);
	}

	/**
	 * Makes a change in Redis. With `onUnavailable: 'degrade'`, the change takes effect in the copy of this process at once, and
	 * waits while Redis does not answer.
	 *
	 * @param {string} method
	 * @param {unknown[]} args
	 * @param {(native: NativeBackplane, isKept: boolean) => number} change
	 *   makes the request; not called when the manager is closed
	 * @returns {Promise<void>} a promise whose rejection is handled already
	 */
	change(method, args, change) {
		if (this.#isClosed) return this.#degrades ? DONE : this.closed();
		if (!this.#degrades) return this.#handleFailure(this.#reply((native) => change(native, false)));
		let request = 0;
		const accepted = this.accepted(method, args, () => {
			request = change(this.#native, true);
		});
		if (request === 0) return accepted;
		return this.#reply(() => request).catch((error) => this.#degrade(error, () => {}));
	}

	/**
	 * Returns a promise that ignores failures of Redis and `close()` with `onUnavailable: 'degrade'`.
	 *
	 * @template Value
	 * @param {Promise<Value>} promise
	 * @param {Value} value in place of a failure
	 */
	tolerated(promise, value) {
		return this.#degrades ? promise.catch((error) => this.#degrade(error, () => value)) : promise;
	}

	/** @param {(native: NativeBackplane) => number} ask */
	#reply(ask) {
		return this.membership.requests.replyKeepingAlive(ask(this.#native));
	}

	/**
	 * Reports a failure of Redis, and answers in its place.
	 *
	 * @template Answer
	 * @param {unknown} error
	 * @param {() => Answer} localAnswer
	 */
	#degrade(error, localAnswer) {
		if (!(error instanceof BackplaneUnavailableError)) throw error;
		this.membership.reports.error(error);
		return localAnswer();
	}

	/**
	 * Resolves when Redis has what this process has sent. Also resolves when Redis cannot be used, or has not accepted it within
	 * `commandTimeoutMs`: it is sent later. The calls of one turn share one request.
	 *
	 * @returns {Promise<void>}
	 */
	published() {
		this.#publishing ??= DONE.then(() => {
			this.#publishing = undefined;
			return this.#isClosed ? undefined : this.#reply((native) => native.published()).catch(() => {});
		});
		return this.#publishing;
	}

	/** Resolves when messages of other nodes reach this process. Rejects when Redis is not reachable, or after `close()`. */
	ready() {
		if (this.#isClosed) return this.closed();
		return this.#handleFailure(this.#reply((native) => native.ready()));
	}

	/**
	 * Resolves when the other threads of this process and Redis have everything that this thread has sent. With
	 * `onUnavailable: 'degrade'`, also when nothing was sent for `commandTimeoutMs`, or after `close()`.
	 */
	flush() {
		if (this.#isClosed) return this.#degrades ? DONE : this.closed();
		const flushed = this.membership.mailbox.flush(this.#degrades);
		return this.#degrades ? flushed.catch((error) => this.#degradeUnlessClosed(error)) : this.#handleFailure(flushed);
	}

	/** @param {unknown} error */
	#degradeUnlessClosed(error) {
		if (!this.#isClosed) this.#degrade(error, () => {});
	}

	/**
	 * Returns the counters of this process.
	 *
	 * @returns {BackplaneStats}
	 */
	stats() {
		const [connected, pendingBytes, sent, received, duplicates, gaps, missed, malformed, reconnects, dropped] =
			this.#native.stats();
		return {
			node: this.#native.node(),
			connected: connected === 1,
			pendingBytes,
			dropped,
			sent,
			received,
			duplicates,
			gaps,
			missed,
			malformed,
			reconnects,
			lastError: JSON.parse(this.#native.lastError() ?? 'null'),
		};
	}

	/**
	 * Sends the waiting entries, and ends the membership unless another manager of this thread uses it.
	 *
	 * @param {() => Promise<void>} [before] runs while other nodes can still be reached
	 */
	close(before) {
		this.#isClosing = true;
		this.#closing ??= this.#handleFailure(this.#close(before));
		return this.#closing;
	}

	/** @param {(() => Promise<void>) | undefined} before */
	async #close(before) {
		try {
			await before?.();
		} finally {
			this.#isClosed = true;
			try {
				await this.membership.release();
			} finally {
				this.#removeCallbacks?.();
				this.#removeCallbacks = undefined;
			}
		}
	}

	/**
	 * Handles the rejection of a promise by a report to `onError`, for callers that do not await it.
	 *
	 * @template Value
	 * @param {Promise<Value>} promise
	 */
	#handleFailure(promise) {
		promise.catch((error) => {
			if (error instanceof BackplaneUnavailableError) this.membership.reports.error(error);
		});
		return promise;
	}
}

const DONE = Promise.resolve();

/**
 * Marks the rejection of a promise as handled, for callers that do not await it.
 *
 * @template Value
 * @param {Promise<Value>} promise
 */
export function handled(promise) {
	promise.catch(() => {});
	return promise;
}
