// A collection of garbage when a test asks for one, on every runtime.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @type {() => void} */
export const collectGarbage = 'Bun' in globalThis ? () => /** @type {any} */ (globalThis).Bun.gc(true) : ofV8();

function ofV8() {
	setFlagsFromString('--expose-gc');
	return runInNewContext('gc');
}
