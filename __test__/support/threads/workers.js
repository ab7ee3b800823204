// What all tests with worker threads of threads.js begin with: two workers, and tests with a timeout.

import { after, afterEach, test as testOf } from 'node:test';

import { releaseAll, Thread } from './threads.js';

/**
 * Starts two workers for the tests of a file. Workers that a test has left blocked are released after the test, and both
 * workers are terminated after the last test.
 */
export function startWorkers() {
	const workers = [new Thread(), new Thread()];
	after(() => Promise.all(workers.map((worker) => worker.terminate())));
	afterEach(releaseAll);
	return workers;
}

/**
 * Defines a test with a timeout, so that a test that waits forever fails alone.
 *
 * @param {string} name
 * @param {() => unknown} what
 * @param {number} [timeout] in milliseconds
 */
export const test = (name, what, timeout = 30_000) => testOf(name, { timeout }, what);
