// Random operations of one thread on the subscriptions of a scope, while other threads run theirs, and the check of the
// reports of all threads.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

import { subscription } from '../subscriptions.js';
import { outcome } from './outcome.js';
import { randomNumbers } from './random-numbers.js';

/** @import { InMemorySubscriptionManager, JSONRPCRequest } from '@tmcp-native/session-manager' */
/** @import { Outcome } from './outcome.js' */

/** Maximum number of pending operations. */
const MAX_PENDING = 20;

/**
 * @typedef {object} WorkloadOptions
 * @property {number} thread
 * @property {number} operations
 * @property {number} seed
 * @property {number} names number of registration names, which all threads open and close repeatedly
 */
/**
 * A registration.
 *
 * @typedef {object} Seen
 * @property {string | number} id
 * @property {boolean} lasting true for a registration that is open before the run and is never closed
 * @property {boolean} created result of `create`
 * @property {unknown[]} calls in order: `'acknowledge'`, `[sender, number]` for a `send`, and `'close'`
 */
/** @typedef {{ sent: number, problems: string[], seen: Seen[] }} Report */

export class SubscriptionWorkload {
	/** @type {Seen[]} */
	#seen = [];
	/** @type {string[]} */
	#problems = [];
	#sent = 0;
	#manager;
	#options;
	#random;

	/**
	 * @param {InMemorySubscriptionManager} manager
	 * @param {WorkloadOptions} options
	 */
	constructor(manager, options) {
		this.#manager = manager;
		this.#options = options;
		this.#random = randomNumbers(options.seed);
	}

	prepare() {
		return Promise.all([0, 1].map((n) => this.#create(`lasting ${this.#options.thread} ${n}`, 'lasting')));
	}

	async run() {
		/** @type {Set<Promise<void>>} */
		const underWay = new Set();
		for (let n = 0; n < this.#options.operations; n++) {
			const operation = this.#operation().then(() => {
				underWay.delete(operation);
			});
			underWay.add(operation);
			if (underWay.size >= MAX_PENDING) await Promise.race(underWay);
		}
		await Promise.all(underWay);
	}

	/** @returns {Report} */
	report() {
		return { sent: this.#sent, problems: this.#problems, seen: this.#seen };
	}

	async #operation() {
		const id = this.#random(this.#options.names);
		const kind = this.#random(100);
		if (kind < 50) return this.#send();
		if (kind < 75) return this.#create(id, 'passing');
		if (kind < 99) return this.#expect('close', this.#manager.close(id, 'passing', 'closed'), [true, false]);
		return this.#expect('closeAll', this.#manager.closeAll('passing'), [undefined]);
	}

	async #send() {
		const params = { from: this.#options.thread, n: this.#sent++ };
		const sent = await outcome(
			this.#manager.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params }),
		);
		if ('resolved' in sent) {
			if (sent.resolved !== undefined) this.#problems.push(`send resolved to ${sent.resolved}`);
		} else if (sent.error?.message !== failureOf(params.from, params.n)) {
			this.#problems.push(`send ${params.n} rejected with ${sent.error?.stack ?? sent.rejected}`);
		}
	}

	/**
	 * @param {string | number} id
	 * @param {string} origin
	 */
	async #create(id, origin) {
		/** @type {Seen} */
		const seen = { id, lasting: origin === 'lasting', created: false, calls: [] };
		this.#seen.push(seen);
		const slow = this.#random(3) === 0;
		const failing = this.#random(10) === 0;
		const callbacks = {
			async acknowledge() {
				seen.calls.push('acknowledge');
				if (slow) await turn();
			},
			/** @param {JSONRPCRequest} notification */
			async send({ params: { from, n } }) {
				seen.calls.push([from, n]);
				if (slow) await turn();
				if (failing && n % 7 === 0) throw new Error(failureOf(from, n));
			},
			async close() {
				seen.calls.push('close');
				if (slow) await turn();
			},
		};
		const creating = this.#manager.create(subscription(id, origin), callbacks);
		await this.#expect('create', creating, [true, false]);
		seen.created = await creating;
	}

	/**
	 * @param {string} what
	 * @param {Promise<unknown>} promise
	 * @param {unknown[]} expected
	 */
	async #expect(what, promise, expected) {
		/** @type {Outcome} */
		const came = await outcome(promise);
		if (!('resolved' in came) || !expected.includes(came.resolved)) {
			this.#problems.push(`${what}: ${JSON.stringify(came)}`);
		}
	}
}

/**
 * @param {number} from
 * @param {number} n
 */
function failureOf(from, n) {
	return `failed on ${n} of ${from}`;
}

/**
 * Checks the reports of all threads, when all passing registrations are closed.
 *
 * @param {Report[]} reports
 */
export function assertConsistent(reports) {
	for (const { problems, seen } of reports) {
		assert.deepEqual(problems, []);
		for (const { id, lasting, created, calls } of seen) {
			const what = `${id}: ${JSON.stringify(calls).slice(0, 2_000)}`;
			if (!created) {
				assert.deepEqual(calls, [], what);
				continue;
			}
			assert.equal(calls[0], 'acknowledge', what);
			assert.equal(calls.lastIndexOf('acknowledge'), 0, what);
			const sends = calls.slice(1, lasting ? calls.length : -1);
			if (!lasting) assert.equal(calls.at(-1), 'close', what);
			assert.ok(
				sends.every((call) => Array.isArray(call)),
				what,
			);
			for (const [sender, { sent }] of reports.entries()) {
				/** @type {number[]} */
				const got = /** @type {[number, number][]} */ (sends).filter(([from]) => from === sender).map(([, n]) => n);
				if (lasting) assert.equal(got.length, sent, what);
				// Without a gap, without a duplicate, in order.
				for (const [index, n] of got.entries()) assert.equal(n, (lasting ? 0 : got[0]) + index, what);
			}
		}
	}
}
