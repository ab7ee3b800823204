// The expected results of operations on subscriptions that threads run one after the other, by a registry simple enough to be
// obviously correct.

import assert from 'node:assert/strict';

import { matchesSubscription } from 'upstream';

/** @import { JSONRPCRequest, SubscriptionFilter } from '@tmcp-native/session-manager' */
/** @import { SubscriptionDriverProxy } from './subscription-driver.js' */

/** @typedef {'closed' | 'cancelled'} Reason */
/**
 * @typedef {{ do: 'create', thread: number, origin: string, id: string | number, filters: SubscriptionFilter }
 *   | { do: 'send', thread: number, method: string, uri?: string | undefined }
 *   | { do: 'close', thread: number, origin: string, id: string | number, reason: Reason }
 *   | { do: 'closeAll', thread: number, args: [origin?: string, reason?: Reason] }
 *   | { do: 'end', thread: number }
 *   | { do: 'nothing' }} Operation
 */
/** @typedef {{ origin: string, id: string | number, filters: SubscriptionFilter, thread: number, calls: unknown[] }} Registration */

export class SubscriptionModel {
	/** The open registrations. @type {Registration[]} */
	#open = [];
	/** All registrations that each thread has tried to create. @type {Registration[][]} */
	#made;
	#sent = 0;
	#replace;

	/**
	 * @param {SubscriptionDriverProxy[]} threads
	 * @param {(thread: number) => Promise<SubscriptionDriverProxy>} replace ends a thread and starts another
	 */
	constructor(threads, replace) {
		this.threads = threads;
		this.#made = threads.map(() => []);
		this.#replace = replace;
	}

	/**
	 * Runs an operation in its thread, and asserts that the result is that of the model.
	 *
	 * @param {Operation} operation
	 */
	async perform(operation) {
		if (operation.do === 'nothing') return;
		const thread = this.threads[operation.thread];
		switch (operation.do) {
			case 'create': {
				const { origin, id, filters } = operation;
				const made = { origin, id, filters, thread: operation.thread, calls: /** @type {unknown[]} */ ([]) };
				const granted = this.#find(origin, id) === undefined;
				if (granted) {
					made.calls.push('acknowledge');
					this.#open.push(made);
				}
				this.#made[operation.thread].push(made);
				return assert.deepEqual(await thread.do('create', id, { origin, filters }), { resolved: granted });
			}
			case 'send': {
				const n = this.#sent++;
				const { method, uri } = operation;
				/** @type {JSONRPCRequest} */
				const notification = { jsonrpc: '2.0', method, params: uri === undefined ? { n } : { n, uri } };
				for (const { filters, calls } of this.#open) {
					if (matchesSubscription(/** @type {any} */ (filters), notification)) calls.push(n);
				}
				return assert.deepEqual(await thread.do('send', notification), { resolved: undefined });
			}
			case 'close': {
				const { origin, id, reason } = operation;
				const open = this.#find(origin, id);
				if (open !== undefined) this.#close(open, reason);
				return assert.deepEqual(await thread.do('close', id, reason, origin), { resolved: open !== undefined });
			}
			case 'closeAll': {
				const [origin, reason = 'cancelled'] = operation.args;
				for (const open of [...this.#open]) {
					if (origin === undefined || open.origin === origin) this.#close(open, reason);
				}
				return assert.deepEqual(await thread.do('closeAll', ...operation.args), { resolved: undefined });
			}
			case 'end':
				this.#open = this.#open.filter((open) => open.thread !== operation.thread);
				this.#made[operation.thread] = [];
				this.threads[operation.thread] = await this.#replace(operation.thread);
		}
	}

	/** Asserts that each registration has received the expected calls, and nothing else. */
	async finish() {
		for (const [index, thread] of this.threads.entries()) {
			const names = new Map(this.#made[index].map(({ origin, id }) => [JSON.stringify([origin, id]), { origin, id }]));
			for (const { origin, id } of names.values()) {
				const expected = this.#made[index].filter((made) => made.origin === origin && made.id === id);
				assert.deepEqual(
					await thread.do('calls', id, origin),
					expected.map(({ calls }) => calls),
					`${JSON.stringify([origin, id])} of thread ${index}`,
				);
			}
			if (index > 0) assert.deepEqual(await thread.thread.do('uncaught'), []);
		}
	}

	/**
	 * @param {string} origin
	 * @param {string | number} id
	 */
	#find(origin, id) {
		return this.#open.find((open) => open.origin === origin && open.id === id);
	}

	/**
	 * @param {Registration} registration
	 * @param {Reason} reason
	 */
	#close(registration, reason) {
		registration.calls.push(`close: ${reason}`);
		this.#open.splice(this.#open.indexOf(registration), 1);
	}
}
