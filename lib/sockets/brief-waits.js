// Waits of the event loop for Rust. Each takes less than 0.1 ms, unless Rust is busy. Then this file limits their sum.

/** Length of the time in which waits are summed up. */
const WINDOW_MS = 1_000;
/** Maximum sum of the waits in that time, and of those for a connection that is closed afterwards. */
const MAX_WAIT_MS = 30;
const MAX_LAST_WAIT_MS = 300;

/** When the present window began, by `performance.now()`, and the sum of its waits. */
let windowBegin = 0;
let waitedMs = 0;

/**
 * Calls a function that waits for Rust, unless this thread has waited too long already.
 *
 * @param {() => boolean} wait
 * @param {boolean} isLast true when nothing can be done later, because the connection is closed
 * @returns {boolean} what the function has returned; false when it was not called
 */
export function waitBriefly(wait, isLast) {
	const begin = performance.now();
	if (begin - windowBegin > WINDOW_MS) {
		windowBegin = begin;
		waitedMs = 0;
	}
	if (waitedMs > (isLast ? MAX_LAST_WAIT_MS : MAX_WAIT_MS)) return false;
	const result = wait();
	waitedMs += performance.now() - begin;
	return result;
}
