// A manager's part in what joins this process to others: its seat, what it may still say, and what comes of it.

import { BackplaneUnavailableError, managerClosed } from '../errors.js';
import { checkSettings } from '../options/options.js';
import { membershipInRedis } from '../threads/membership.js';

/** @import { BackplaneStats } from '../../redis.js' */
/** @import { redisSubscriptionOptions } from '../options/options.js' */
/** @import { NativeBackplane } from '../native/binding.js' */

export class Backplane {
	#isClosing = false;
	#isClosed = false;
	/** @type {Promise<void> | undefined} */
	#closing;
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
		this.membership.use();
		this.membership.reports.add(options.onGap, options.onError);
	}

	/** Throws when it was closed. */
	check() {
		if (this.#isClosed) throw managerClosed(this.#className);
	}

	/** Throws from when it begins to be. */
	checkAccepting() {
		if (this.#isClosing) throw managerClosed(this.#className);
	}

	/**
	 * Resolves, unless what a call has just said to other machines was not taken.
	 *
	 * @param {string} method
	 * @param {unknown[]} args
	 * @returns {Promise<void>} one that nobody has to handle
	 */
	accepted(method, args) {
		return this.#native.wasRefused() ? this.#told(Promise.reject(refused(method, args))) : accepted;
	}

	/**
	 * Puts a question to Redis.
	 *
	 * @param {(native: NativeBackplane) => number} ask
	 * @returns {Promise<any>} `undefined` where there is nothing to ask for; one that nobody has to handle
	 */
	ask(ask) {
		return this.#told(this.membership.requests.replyKeepingAlive(ask(this.#native)));
	}

	/** Resolves when what others send reaches this process. */
	ready() {
		return this.ask((native) => native.ready());
	}

	/** @returns {BackplaneStats} */
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
		};
	}

	/**
	 * Resolves when all is sent that was said. The seat is given up where no other manager of this thread uses it.
	 *
	 * @param {() => Promise<void>} [before] what is to be done while others can still be reached
	 */
	close(before) {
		this.#isClosing = true;
		this.#closing ??= this.#told(this.#close(before));
		return this.#closing;
	}

	/** @param {(() => Promise<void>) | undefined} before */
	async #close(before) {
		if (before !== undefined) await before();
		this.#isClosed = true;
		await this.membership.release();
	}

	/**
	 * Whoever does not wait for it hears of a failure by `onError`.
	 *
	 * @template Value
	 * @param {Promise<Value>} promise
	 */
	#told(promise) {
		promise.catch((error) => {
			if (error instanceof BackplaneUnavailableError) this.membership.reports.error(error);
		});
		return promise;
	}
}

const accepted = Promise.resolve();

/**
 * @template Value
 * @param {Promise<Value>} promise one that nobody has to handle
 */
export function handled(promise) {
	promise.catch(() => {});
	return promise;
}

/**
 * @param {string} method
 * @param {unknown[]} args
 */
function refused(method, args) {
	const why = 'more waits for Redis than "maxPendingBytes"; wait for flush(), or raise the limit';
	return new BackplaneUnavailableError(`${method}: not sent to other machines: ${why}`, { method, args });
}
