// Closes the streams of this thread for a shutdown.

import { timers } from '#platform';
import { SessionClosedError } from '../errors.js';

/** @import { Session } from './session.js' */
/** @import { LocalStreams } from './local-streams.js' */

/** Maximum number of streams closed in one turn of the event loop, so that not all clients reconnect at the same moment. */
const STREAMS_PER_TURN = 128;
/** Interval between two checks for clients that have read everything. */
const CHECK_INTERVAL_MS = 20;

/**
 * Closes all streams of this thread. Without `drainMs`, each stream is closed after its queued chunks. With `drainMs`, a
 * stream is closed when its client has read everything; the streams left after `drainMs` are ended with an error.
 *
 * @param {LocalStreams} streams
 * @param {number | undefined} drainMs
 */
export async function closeAll(streams, drainMs) {
	const end = drainMs === undefined ? Infinity : performance.now() + drainMs;
	// Sessions that other managers create from now on stay open.
	const last = streams.newest;
	// A message that a stream has not got by the end of `drainMs` is delivered when the stream is closed.
	if (streams.isDelivering) await within(streams.delivered(), drainMs);
	for (;;) {
		const left = await closeEach(streams, last, (session) => {
			if (drainMs !== undefined && !session.isDrained) return false;
			streams.forgetAndClose(session, 'shutdown');
			return true;
		});
		if (left === 0) return;
		if (performance.now() >= end) break;
		await sleep(Math.min(CHECK_INTERVAL_MS, end - performance.now()));
	}
	const error = new SessionClosedError('shutdown');
	await closeEach(streams, last, (session) => {
		streams.terminate(session, error);
		return true;
	});
}

/**
 * Closes sessions up to a key.
 *
 * @param {LocalStreams} streams
 * @param {number} last the key of the newest session to close
 * @param {(session: Session) => boolean} close returns false to leave a session open
 * @returns the number of sessions left open
 */
async function closeEach(streams, last, close) {
	let closed = 0;
	let left = 0;
	for (const session of streams.all()) {
		if (session.key > last) continue;
		if (!close(session)) left++;
		else if (++closed % STREAMS_PER_TURN === 0) await nextTurn();
	}
	return left;
}

/**
 * Waits for a promise, but at most `ms` milliseconds.
 *
 * @param {Promise<unknown>} promise
 * @param {number | undefined} ms `undefined` for no limit
 * @returns {Promise<unknown>}
 */
export async function within(promise, ms) {
	if (ms === undefined) return promise;
	let timer;
	const limit = new Promise((resolve) => {
		timer = timers.setTimeout(resolve, ms);
	});
	try {
		await Promise.race([promise, limit]);
	} finally {
		timers.clearTimeout(timer);
	}
}

/** @param {number} ms */
function sleep(ms) {
	return new Promise((resolve) => {
		timers.setTimeout(resolve, ms);
	});
}

/** Resolves in the next turn of the event loop. */
function nextTurn() {
	return new Promise((resolve) => {
		timers.setImmediate(resolve);
	});
}
