// What keep-alive takes while nothing is sent: the sweeps of a manager, most of which find nothing to do.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { spread } from '../harness/stats.mjs';

const CHILD = fileURLToPath(new URL('./keep-alive-process.mjs', import.meta.url));
/** As is recommended. */
export const KEEP_ALIVE_MS = 15_000;

const FULL = { sessions: 10_000, times: 60 };
const QUICK = { sessions: 1_000, times: 5 };

/** @param {boolean} quick */
export function keepAliveName(quick) {
	return `options: keep-alive with ${(quick ? QUICK : FULL).sessions.toLocaleString('en')} idle sessions`;
}

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureKeepAlive(quick, log) {
	const { sessions, times } = quick ? QUICK : FULL;
	const child = fork(CHILD, [String(KEEP_ALIVE_MS), String(sessions), String(times)]);
	const exited = once(child, 'exit');
	/** @type {[import('./keep-alive-process.mjs').Sweeps | undefined]} */
	const [sweeps] = /** @type {any} */ (await Promise.race([once(child, 'message'), exited.then(() => [])]));
	const [code] = await exited;
	if (code !== 0 || !sweeps) throw new Error(`the process that measures keep-alive ended with ${code}`);
	const { aTime, idle, sending, readers } = sweeps;
	const all = sending.map((ns, time) => ns + idle[time]);
	const row = {
		sessions,
		times,
		keepAliveMs: KEEP_ALIVE_MS,
		/** How many sweeps there are in that time. */
		sweeps: aTime,
		ns: {
			/** CPU time of one that finds nothing to do. */
			idle: spread(idle.map((ns) => ns / (aTime - 1))),
			/** Of one that sends to all. */
			sending: spread(sending),
			/** Of the readers that get it, in the benchmark. */
			readers: spread(readers),
		},
		/** Of one core, with the sweeps alone. */
		share: spread(all.map((ns) => ns / (KEEP_ALIVE_MS * 1e6))),
	};
	const { idle: least, sending: most } = row.ns;
	log(
		`${keepAliveName(quick)}: a sweep takes ${(least.median / 1e3).toFixed(0)} µs, one that sends ${(most.median / 1e6).toFixed(2)} ms`,
	);
	return row;
}
