// Waits for the garbage collector.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = /** @type {() => void} */ (runInNewContext('gc'));

/**
 * Settles when it has been collected.
 *
 * @param {WeakRef<object>} reference
 */
export async function collected(reference) {
	for (let collections = 0; reference.deref() !== undefined; collections++) {
		assert.ok(collections < 200, 'it is still held after 200 collections');
		await turn();
		collectGarbage();
	}
}
