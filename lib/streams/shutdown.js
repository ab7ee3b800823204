// The end of a thread's streams in good order.

import { setImmediate, setTimeout } from 'node:timers/promises';
import { SessionClosedError } from '../errors.js';

/** @import { Session } from './session.js' */
/** @import { LocalStreams } from './local-streams.js' */

/** How many are closed in one turn of the event loop: their clients come back, to this server or another, and not all at once. */
const AT_ONCE = 128;
/** How often it is looked whether clients have read all. */
const LOOK_MS = 20;

/**
 * Closes all streams of this thread, those first whose clients have read all. Without `drainMs`, behind what is queued; with
 * it, those whose clients have not read that after so long are cut.
 *
 * @param {LocalStreams} streams
 * @param {number | undefined} drainMs
 */
export async function closeAll(streams, drainMs) {
	const end = drainMs === undefined ? Infinity : performance.now() + drainMs;
	// Those that others create meanwhile stay.
	const last = streams.newest;
	// What is left then each gets before it is closed.
	if (streams.isDelivering) await within(streams.delivered(), drainMs);
	for (;;) {
		const left = await closeEach(streams, last, (session) => {
			if (drainMs !== undefined && !session.isDrained) return false;
			streams.forgetAndClose(session, 'shutdown');
			return true;
		});
		if (left === 0) return;
		if (performance.now() >= end) break;
		await setTimeout(Math.min(LOOK_MS, end - performance.now()));
	}
	const error = new SessionClosedError('shutdown');
	await closeEach(streams, last, (session) => {
		streams.terminate(session, error);
		return true;
	});
}

/**
 * @param {LocalStreams} streams
 * @param {number} last the key of the last of them
 * @param {(session: Session) => boolean} close whether it does
 * @returns how many are left
 */
async function closeEach(streams, last, close) {
	let closed = 0;
	let left = 0;
	for (const session of streams.all()) {
		if (session.key > last) break;
		if (!close(session)) left++;
		else if (++closed % AT_ONCE === 0) await setImmediate();
	}
	return left;
}

/**
 * @param {Promise<void>} promise
 * @param {number | undefined} ms no matter how long where it is nothing
 */
export async function within(promise, ms) {
	if (ms === undefined) return promise;
	const enough = new AbortController();
	try {
		await Promise.race([promise, setTimeout(ms, undefined, { signal: enough.signal })]);
	} finally {
		enough.abort();
	}
}
