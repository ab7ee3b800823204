// Garbage collection on demand, on every runtime.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @type {() => void} */
const collectGarbage = 'Bun' in globalThis ? () => /** @type {any} */ (globalThis).Bun.gc(true) : gcOfV8();

function gcOfV8() {
	setFlagsFromString('--expose-gc');
	return runInNewContext('gc');
}

/**
 * Resolves when the object has been collected.
 *
 * @param {WeakRef<object>} reference
 */
export async function collected(reference) {
	for (let collections = 0; reference.deref() !== undefined; collections++) {
		assert.ok(collections < 200, 'the object is still reachable after 200 collections');
		await turn();
		collectGarbage();
	}
}
