// Garbage collection between turns, so that no implementation pays for the garbage of another.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** @type {(options?: { type: 'minor' }) => void} */
const gc = runInNewContext('gc');

/**
 * Collects the young generation. That is enough after small chunks.
 *
 * A collection frees buffers on another thread, and the next collection waits for that thread. The second call waits here,
 * so that the next turn does not.
 */
export function collectYoung() {
	gc({ type: 'minor' });
	gc({ type: 'minor' });
}

/** Collects both generations, and waits until their buffers are freed. */
export function collectAll() {
	gc();
	gc({ type: 'minor' });
}
