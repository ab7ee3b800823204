// Assertions on return values, for implementations that return a value and for those that return a promise of it.

import assert from 'node:assert/strict';

/**
 * Asserts that a method returned `undefined`, or a promise of it if the implementation returns promises.
 *
 * @param {unknown} result
 * @param {{ promises?: boolean }} implementation
 */
export async function assertReturnedNothing(result, { promises = false }) {
	assert.equal(result instanceof Promise, promises);
	assert.equal(await result, undefined);
}
