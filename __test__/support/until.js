// Waits for conditions that no event reports.

import { setImmediate as turn } from 'node:timers/promises';

/**
 * Resolves when a condition is true that no event reports.
 *
 * @param {() => unknown} condition checked once in each turn of the event loop
 */
export async function until(condition) {
	while (!(await condition())) await turn();
}
