// Calls what a user gave to be told of something: there is nobody to catch what it throws, and it disturbs nothing.

/**
 * @param {() => unknown} callback
 */
export function callSafely(callback) {
	try {
		const result = /** @type {any} */ (callback());
		// Of an `async` function: what it rejects with must not end the process.
		if (typeof result?.then === 'function') result.then(undefined, () => {});
	} catch {}
}
