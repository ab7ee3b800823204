// The async context of callbacks: `AsyncLocalStorage` of Node.js, Bun and Deno.
//
// A callback of the user runs in the context in which it was given. What other threads, Redis and timers cause runs in no
// context: it must not see the store of some other request, nor keep it alive.

import { AsyncLocalStorage } from '#platform';

/** Runs a function in the context in which this module was loaded: usually in none. */
const outside = AsyncLocalStorage.snapshot();

/**
 * Returns a function that calls the callback in the current context.
 *
 * @template {(...args: any[]) => unknown} Callback
 * @param {Callback | undefined} callback
 * @returns {Callback | undefined}
 */
export function inThisContext(callback) {
	return callback && /** @type {Callback} */ (AsyncLocalStorage.bind(callback));
}

/**
 * Returns a function that runs other functions in the current context.
 *
 * @returns {<Result>(run: () => Result) => Result}
 */
export function captureContext() {
	return AsyncLocalStorage.snapshot();
}

/**
 * Runs a function in no context.
 *
 * @template Result
 * @param {() => Result} run
 * @returns {Result}
 */
export function withoutContext(run) {
	return outside(run);
}
