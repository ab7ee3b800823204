// A collection of garbage when a test asks for one, on every runtime; and waiting for one that takes something along.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @type {() => void} */
const collectGarbage = 'Bun' in globalThis ? () => /** @type {any} */ (globalThis).Bun.gc(true) : ofV8();

function ofV8() {
	setFlagsFromString('--expose-gc');
	return runInNewContext('gc');
}

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
