// `keepAliveMs`: the CPU time of a manager with many idle sessions, whose periodic sweeps look for idle streams.

import { runProcess } from '../harness/child-process.mjs';
import { spread } from '../harness/stats.mjs';
import { sessionCount } from '../harness/test-data.mjs';

const MODULE = new URL('./keep-alive-process.mjs', import.meta.url);
/** The value that the docs recommend. */
const KEEP_ALIVE_MS = 15_000;

const FULL = { sessions: 10_000, periods: 60 };
const QUICK = { sessions: 1_000, periods: 5 };

/** @param {boolean} quick */
export function keepAliveName(quick) {
	return `options: keepAliveMs, ${sessionCount((quick ? QUICK : FULL).sessions)} that are idle`;
}

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureKeepAlive(quick, log) {
	const { sessions, periods } = quick ? QUICK : FULL;
	/** @type {import('./keep-alive-process.mjs').Sweeps} */
	const { perPeriod, idle, sending, readers } = await runProcess(MODULE, [KEEP_ALIVE_MS, sessions, periods]);
	const all = sending.map((ns, period) => ns + idle[period]);
	const row = {
		sessions,
		periods,
		keepAliveMs: KEEP_ALIVE_MS,
		/** Number of sweeps per `keepAliveMs`. One of them sends. */
		sweeps: perPeriod,
		/** CPU time. */
		ns: {
			/** Of a sweep in which no stream is due. */
			idle: spread(idle.map((ns) => ns / (perPeriod - 1))),
			/** Of the sweep that sends to all sessions. */
			sending: spread(sending),
			/** Of the benchmark's readers for these chunks. */
			readers: spread(readers),
		},
		/** Share of one core that the sweeps take. */
		share: spread(all.map((ns) => ns / (KEEP_ALIVE_MS * 1e6))),
	};
	const [idleUs, sendingMs] = [row.ns.idle.median / 1e3, row.ns.sending.median / 1e6];
	log(
		`${keepAliveName(quick)}: a sweep takes ${idleUs.toFixed(0)} µs, the sweep that sends ${sendingMs.toFixed(2)} ms`,
	);
	return row;
}
