// The end of a thread's streams in good order.

import { setImmediate, setTimeout } from 'node:timers/promises';
import { SessionClosedError } from './errors.js';

/** @import { Session } from './session.js' */
/** @import { OwnStreams } from './own-streams.js' */

/** How many are closed in one turn of the event loop: their clients come back, to this server or another, and not all at once. */
const AT_ONCE = 128;
/** How often it is looked whether clients have read all. */
const LOOK_MS = 20;

/**
 * @param {OwnStreams} streams
 * @returns {Promise<void>} resolves when what was sent is in their queues
 */
export function flushed(streams) {
	return new Promise((resolve) => {
		streams.whenFed(resolve);
	});
}

/**
 * Closes all streams of this thread, those first whose clients have read all. Without `drainMs`, behind what is queued; with
 * it, those whose clients have not read that after so long are cut.
 *
 * @param {OwnStreams} streams
 * @param {number | undefined} drainMs
 */
export async function closeAll(streams, drainMs) {
	const end = drainMs === undefined ? Infinity : performance.now() + drainMs;
	if (streams.isBehind) await flushed(streams);
	for (;;) {
		await closeThose(streams, (session) => drainMs === undefined || session.isDrained, 'shutdown', end);
		if (streams.count === 0 || performance.now() >= end) break;
		await setTimeout(Math.min(LOOK_MS, end - performance.now()));
	}
	await closeThose(streams, () => true, new SessionClosedError('shutdown'), end);
}

/**
 * @param {OwnStreams} streams
 * @param {(session: Session) => boolean} goes
 * @param {'shutdown' | SessionClosedError} how behind what is queued, or at once
 * @param {number} end by `performance.now()`: when it is time to hurry
 */
async function closeThose(streams, goes, how, end) {
	let closed = 0;
	for (const session of streams.all()) {
		if (!goes(session)) continue;
		if (how === 'shutdown') streams.end(session, how);
		else streams.lose(session, how);
		if (++closed % AT_ONCE === 0 && performance.now() < end) await setImmediate();
	}
}
