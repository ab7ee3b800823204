// What is asked of an answer that an implementation gives at once, or promises.

import assert from 'node:assert/strict';

/**
 * Asserts that a method has answered nothing: `undefined`, or a promise of it where the implementation promises.
 *
 * @param {unknown} answer
 * @param {{ promises?: boolean }} implementation
 */
export async function assertNothing(answer, { promises = false }) {
	assert.equal(answer instanceof Promise, promises);
	assert.equal(await answer, undefined);
}
