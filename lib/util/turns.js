// The turns of this thread's event loop. Between two turns, clients can read what was sent to them.

import { timers } from '#platform';
import { withoutContext } from './async-context.js';

/** Number of turns that were waited for. All managers of the thread share it. */
let turns = 0;
let isScheduled = false;

/** Returns a number that changes in the next turn, if `waitForNextTurn` was called in this one. */
export function currentTurn() {
	return turns;
}

/** Makes the number of `currentTurn` change in the next turn. */
export function waitForNextTurn() {
	if (isScheduled) return;
	isScheduled = true;
	withoutContext(() => timers.setImmediate(beginTurn));
}

function beginTurn() {
	isScheduled = false;
	turns++;
}
