// How long a broadcast to very many sessions holds up the event loop, and how long it takes until all have it: in one go, and
// in slices. Each in processes of its own.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { spread } from '../harness/stats.mjs';

/** @typedef {'whole' | 'sliced'} Way */
/** @typedef {'waiting' | 'none'} Readers whether a reader waits for each chunk, or nobody reads meanwhile */
/** @typedef {{ stall: number, withoutGc: number, until: number }} Broadcast in nanoseconds */

/** As is recommended. */
export const SLICE_MS = 8;
const CHILD = fileURLToPath(new URL('./event-loop-delay-process.mjs', import.meta.url));
/** @type {Way[]} */
const WAYS = ['whole', 'sliced'];
/** @type {Readers[]} */
const READERS = ['waiting', 'none'];

/** Of each way: so many processes, and so many broadcasts in each. */
const FULL = { sessions: 100_000, processes: 2, broadcasts: 5 };
const QUICK = { sessions: 10_000, processes: 1, broadcasts: 3 };

/** @param {boolean} quick */
export function stallName(quick) {
	return `options: the longest stall of a broadcast to ${(quick ? QUICK : FULL).sessions.toLocaleString('en')}`;
}

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureStalls(quick, log) {
	const { sessions, processes, broadcasts } = quick ? QUICK : FULL;
	const rows = [];
	for (const readers of READERS) {
		/** @type {Record<Way, Broadcast[]>} */
		const samples = { whole: [], sliced: [] };
		for (let times = 0; times < processes; times++) {
			for (const way of WAYS) samples[way].push(...(await runChild(way, readers, sessions, broadcasts)));
		}
		const row = { readers, ns: { whole: spreadOf(samples.whole), sliced: spreadOf(samples.sliced) } };
		const [whole, sliced] = WAYS.map((way) => `${(row.ns[way].stall.median / 1e6).toFixed(1)} ms`);
		log(`${stallName(quick)}, readers: ${readers}: ${whole}, in slices ${sliced}`);
		rows.push(row);
	}
	return { sessions, sliceMs: SLICE_MS, broadcasts: processes * broadcasts, rows };
}

/** @param {Broadcast[]} broadcasts */
function spreadOf(broadcasts) {
	return {
		stall: spread(broadcasts.map(({ stall }) => stall)),
		/** The same, less the garbage that was collected meanwhile. */
		withoutGc: spread(broadcasts.map(({ withoutGc }) => withoutGc)),
		/** Until all have it. */
		until: spread(broadcasts.map(({ until }) => until)),
	};
}

/**
 * @param {Way} way
 * @param {Readers} readers
 * @param {number} sessions
 * @param {number} broadcasts
 * @returns {Promise<Broadcast[]>}
 */
async function runChild(way, readers, sessions, broadcasts) {
	const sliceMs = way === 'sliced' ? SLICE_MS : 0;
	const child = fork(CHILD, [readers, ...[sliceMs, sessions, broadcasts].map(String)]);
	const exited = once(child, 'exit');
	const [samples] = await Promise.race([once(child, 'message'), exited.then(() => [])]);
	const [code] = await exited;
	if (code !== 0 || !samples) throw new Error(`the process that measures stalls ended with ${code}`);
	return samples;
}
