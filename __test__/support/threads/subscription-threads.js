// Threads with a subscription manager of one scope for the tests of a file: the main thread and two workers.

import { notification } from '../subscriptions.js';
import { driveSubscriptionsHere, driveSubscriptionsIn } from './subscription-driver.js';
import { block, newScope, Thread } from './threads.js';
import { startWorkers } from './workers.js';

/** @import { SubscriptionDriverProxy } from './subscription-driver.js' */

/** Starts two workers for the tests of a file. */
export function startThreads() {
	const workers = startWorkers();

	/**
	 * Managers of one new scope in the main thread and in the two workers.
	 *
	 * @param {any} [options]
	 */
	async function inOneScope(options) {
		const scope = newScope();
		const [one, two] = await Promise.all(workers.map((worker) => driveSubscriptionsIn(worker, { scope, ...options })));
		return { here: driveSubscriptionsHere({ scope, ...options }), one, two, scope };
	}

	return { workers, inOneScope };
}

/**
 * A manager in this thread, and one of the same scope in a worker that the test may end.
 *
 * @param {any} [options]
 */
export async function withWorker(options) {
	const scope = newScope();
	const worker = new Thread();
	const there = await driveSubscriptionsIn(worker, { scope, ...options });
	return { here: driveSubscriptionsHere({ scope }), there, worker, scope };
}

/** @param {number} n */
export const changed = (n) => notification('notifications/tools/list_changed', { n });

/** @param {number} count */
export const numbers = (count) => Array.from({ length: count }, (_, n) => n);

export const resolved = { resolved: undefined };
export const PROMPTS = { promptsListChanged: true };

/**
 * Settles when each of the threads has drained its mailbox, and the replies have arrived.
 *
 * @param {SubscriptionDriverProxy[]} threads
 */
export async function caughtUp(...threads) {
	// Twice: the replies to the first flush are sent before the second.
	for (const _ of [1, 2]) {
		for (const [id, thread] of threads.entries()) {
			await thread.do('create', id, { origin: 'caught up', filters: { resourcesListChanged: true } });
		}
		await Promise.all(threads.map((thread) => thread.do('send', notification('notifications/resources/list_changed'))));
	}
}

/**
 * Blocks a thread like {@link block}, and runs a function there on release, before the thread drains its mailbox.
 *
 * @param {SubscriptionDriverProxy} thread
 * @param {(driver: any) => any} then must not use anything from its scope
 * @returns {Promise<{ release: () => Promise<any> }>} `release` settles with what `then` returns
 */
export function blockBefore(thread, then) {
	/** @type {SubscriptionDriverProxy['run']} */
	const waitThenRun = (wait, flags) =>
		thread.run(
			(driver, wait, then, flags) => {
				const [waits, thens] = [wait, then].map((source) => Function(`return (${source})`)());
				waits(driver, flags);
				return thens(driver);
			},
			wait.toString(),
			then.toString(),
			flags,
		);
	return block(/** @type {any} */ ({ run: waitThenRun }));
}
