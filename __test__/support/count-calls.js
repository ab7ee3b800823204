// Counts the calls of a built-in method, as a measure of work that does not depend on the speed of the machine.

/**
 * Returns the number of calls of a method while a function runs.
 *
 * @param {Record<string, any>} prototype such as `Map.prototype`
 * @param {string} method
 * @param {() => unknown} act may return a promise
 */
export async function countCalls(prototype, method, act) {
	const { [method]: original } = prototype;
	let calls = 0;
	prototype[method] = function (/** @type {unknown[]} */ ...args) {
		calls++;
		return original.apply(this, args);
	};
	try {
		await act();
	} finally {
		prototype[method] = original;
	}
	return calls;
}
