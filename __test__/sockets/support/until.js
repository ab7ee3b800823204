// Waits for a state that no event announces, and gives up with a description of the state instead of hanging.

import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

const DEADLINE_MS = 10_000;

/**
 * Resolves when the condition is true, which is asked in each turn of the event loop.
 *
 * @param {() => boolean} condition
 * @param {string} wanted
 */
export async function until(condition, wanted) {
	const start = performance.now();
	for (let turns = 0; !condition(); turns++) {
		if (performance.now() - start > DEADLINE_MS) throw new Error(`not after ${DEADLINE_MS} ms: ${wanted}`);
		// The machine has other work to do, too.
		await (turns < 100 ? turn() : delay(5));
	}
}

/**
 * Returns what the promise resolves to. Rejects with a description when it does not settle.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {() => string} wanted
 * @returns {Promise<T>}
 */
export async function within(promise, wanted) {
	const abort = new AbortController();
	const late = delay(DEADLINE_MS, undefined, { signal: abort.signal }).then(
		() => {
			throw new Error(`not after ${DEADLINE_MS} ms: ${wanted()}`);
		},
		() => /** @type {T} */ (undefined),
	);
	try {
		return await Promise.race([promise, late]);
	} finally {
		abort.abort();
	}
}
