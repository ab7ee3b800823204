// Waits for the garbage collector.

import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = /** @type {() => void} */ (runInNewContext('gc'));

/**
 * Settles when it has been collected; if it never is, the test runner's time limit says so.
 *
 * @param {WeakRef<object>} reference
 */
export async function collected(reference) {
	while (reference.deref() !== undefined) {
		await turn();
		collectGarbage();
	}
}
