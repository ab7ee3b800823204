// Calls a user's callback so that its failure affects nothing else.

/**
 * Calls the callback and discards what it returns, throws or rejects with.
 *
 * @param {() => unknown} callback
 */
export function callSafely(callback) {
	try {
		const result = /** @type {any} */ (callback());
		// The rejection of an `async` callback must not end the process.
		if (typeof result?.then === 'function') result.then(undefined, () => {});
	} catch {}
}
