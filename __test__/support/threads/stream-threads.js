// Threads with a stream manager of one scope for the tests of a file: the main thread and two workers.

import { newScope, openHere } from './threads.js';
import { startWorkers } from './workers.js';

/** @import { StreamDriverProxy } from './threads.js' */

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
		const [one, two] = await Promise.all(workers.map((worker) => worker.open({ scope, ...options })));
		return { here: openHere({ scope, ...options }), one, two, scope };
	}

	return { workers, inOneScope };
}

/** @param {StreamDriverProxy[]} threads */
export const flush = (...threads) => Promise.all(threads.map((thread) => thread.do('flush')));

/** An open stream as a driver reports it. @param {string[]} messages */
export const open = (...messages) => ({ messages, closed: 0 });

/** A stream that was closed once. @param {string[]} messages */
export const closed = (...messages) => ({ messages, closed: 1 });

/** Returns `${prefix}0`, `${prefix}1`, and so on. @param {number} count @param {string} prefix */
export const numbered = (count, prefix = '') => Array.from({ length: count }, (_, number) => `${prefix}${number}`);
