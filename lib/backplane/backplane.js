// One manager's use of the backplane: its membership, its state (open, closing, closed), and its failures.

import { BackplaneUnavailableError, backplaneUnavailable, managerClosed } from '../errors.js';
import { checkSettings, checkSharedTls } from '../options/options.js';
import { membershipInRedis } from '../threads/membership.js';

/** @import { BackplaneStats } from '../../redis.js' */
/** @import { redisSubscriptionOptions } from '../options/options.js' */
/** @import { NativeBackplane } from '../native/binding.js' */

export class Backplane {
	#isClosing = false;
	#isClosed = false;
	/** @type {Promise<void> | undefined} */
	#closing;
	/** Removes the callbacks of the manager; `undefined` when they are removed. @type {(() => void) | undefined} */
	#removeCallbacks;
	#native;
	#className;

	/**
	 * @param {ReturnType<typeof redisSubscriptionOptions>} options
	 * @param {string} className the class of the manager
	 */
	constructor(options, className) {
		this.#className = className;
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

	/** Throws when the manager is closed. */
	checkOpen() {
		if (this.#isClosed) throw managerClosed(this.#className);
	}

	/** Throws when `close()` was called, even if it has not finished yet. */
	checkAccepting() {
		if (this.#isClosing) throw managerClosed(this.#className);
	}

	/**
	 * Runs a call of a method. Resolves when its entries were accepted for sending, and rejects when they were refused.
	 *
	 * @param {string} method
	 * @param {unknown[]} args
	 * @param {() => void} run
	 * @returns {Promise<void>} a promise whose rejection is handled already
	 */
	accepted(method, args, run) {
		// A callback of the user may call this during another call, whose entries may have been refused already.
		const isOuterRefused = this.#takeRefusal();
		let isRefused = false;
		try {
			run();
		} finally {
			isRefused = this.#takeRefusal();
			this.membership.isOuterRefused = isOuterRefused;
		}
		return isRefused ? this.#handleFailure(Promise.reject(this.#refused(method, args))) : ACCEPTED;
	}

	/** Returns true when an entry of the call under way was refused. */
	#takeRefusal() {
		const { isOuterRefused } = this.membership;
		this.membership.isOuterRefused = false;
		return this.#native.wasRefused() || isOuterRefused;
	}

	/**
	 * Sends a request to Redis.
	 *
	 * @param {(native: NativeBackplane) => number} ask
	 * @returns {Promise<any>} the reply, or `undefined` when there is nothing to request; its rejection is handled already
	 */
	ask(ask) {
		return this.#handleFailure(this.membership.requests.replyKeepingAlive(ask(this.#native)));
	}

	/** Resolves when Redis has every message that this thread has sent. */
	flush() {
		return this.#handleFailure(this.membership.mailbox.flush());
	}

	/** Resolves when messages of other nodes reach this process. */
	ready() {
		return this.ask((native) => native.ready());
	}

	/**
	 * Returns the counters of this process.
	 *
	 * @returns {BackplaneStats}
	 */
	stats() {
		const [connected, pendingBytes, sent, received, duplicates, gaps, missed, malformed, reconnects] =
			this.#native.stats();
		return {
			connected: connected === 1,
			pendingBytes,
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
		if (before !== undefined) await before();
		this.#isClosed = true;
		try {
			await this.membership.release();
		} finally {
			this.#removeCallbacks?.();
			this.#removeCallbacks = undefined;
		}
	}

	/**
	 * Returns the error for a call whose entries were refused.
	 *
	 * @param {string} method
	 * @param {unknown[]} args
	 */
	#refused(method, args) {
		const cause = JSON.parse(this.#native.problem() ?? 'null');
		const why = cause === null ? '' : ` (${cause.message})`;
		const message = `${method}: not sent to other machines: the queue for Redis has reached "maxPendingBytes"${why}; wait for flush(), or raise the limit`;
		return backplaneUnavailable({ message, cause }, { method, args });
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

const ACCEPTED = Promise.resolve();

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
