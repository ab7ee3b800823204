// `sliceMs`: how long a broadcast to very many sessions blocks the event loop, and when all sessions have it. Compares a
// broadcast in one go with one in slices, each in processes of its own.

import { runProcess } from '../harness/child-process.mjs';
import { spread } from '../harness/stats.mjs';
import { sessionCount } from '../harness/test-data.mjs';

/** @typedef {'whole' | 'sliced'} Delivery */
/** @typedef {'waiting' | 'none'} Readers `waiting`: a reader waits for each chunk; `none`: nothing is read during the broadcast */

/**
 * Times of one broadcast, in nanoseconds.
 *
 * @typedef {object} Broadcast
 * @property {number} longestTurn of the event loop
 * @property {number} withoutGc the longest turn, less the garbage collections in it
 * @property {number} allDelivered time until all sessions have the message
 */

/** The value that the docs recommend. */
const SLICE_MS = 8;
const MODULE = new URL('./event-loop-delay-process.mjs', import.meta.url);
/** @type {Delivery[]} */
const DELIVERIES = ['whole', 'sliced'];
/** @type {Readers[]} */
const READERS = ['waiting', 'none'];

/** `processes` for each kind of delivery, with `broadcasts` in each process. */
const FULL = { sessions: 100_000, processes: 2, broadcasts: 5 };
const QUICK = { sessions: 10_000, processes: 1, broadcasts: 3 };

/** @param {boolean} quick */
export function eventLoopDelayName(quick) {
	const { sessions } = quick ? QUICK : FULL;
	return `options: sliceMs, longest turn of the event loop in a broadcast to ${sessionCount(sessions)}`;
}

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureEventLoopDelay(quick, log) {
	const { sessions, processes, broadcasts } = quick ? QUICK : FULL;
	const rows = [];
	for (const readers of READERS) {
		/** @type {Record<Delivery, Broadcast[]>} */
		const samples = { whole: [], sliced: [] };
		for (let times = 0; times < processes; times++) {
			for (const delivery of DELIVERIES) {
				const sliceMs = delivery === 'sliced' ? SLICE_MS : 0;
				samples[delivery].push(...(await runProcess(MODULE, [readers, sliceMs, sessions, broadcasts])));
			}
		}
		const row = { readers, ns: { whole: spreadOf(samples.whole), sliced: spreadOf(samples.sliced) } };
		const [whole, sliced] = DELIVERIES.map((delivery) => (row.ns[delivery].longestTurn.median / 1e6).toFixed(1));
		log(`${eventLoopDelayName(quick)}, readers ${readers}: ${whole} ms, in slices ${sliced} ms`);
		rows.push(row);
	}
	return { sessions, sliceMs: SLICE_MS, broadcasts: processes * broadcasts, rows };
}

/** @param {Broadcast[]} broadcasts */
function spreadOf(broadcasts) {
	return {
		longestTurn: spread(broadcasts.map(({ longestTurn }) => longestTurn)),
		withoutGc: spread(broadcasts.map(({ withoutGc }) => withoutGc)),
		allDelivered: spread(broadcasts.map(({ allDelivered }) => allDelivered)),
	};
}
