// Memory per session, with many sessions: each implementation in processes of its own.

import { runProcess } from '../harness/child-process.mjs';
import { spread } from '../harness/stats.mjs';

/** @typedef {'old' | 'upstream' | 'ours'} Implementation */
/** @typedef {{ rss: number, js: number }} Bytes per session; `js`: V8's heap and buffers, `rss`: memory of the process */
/** @typedef {{ streams: Bytes, manager: Bytes }} Sample */

const MODULE = new URL('./memory-process.mjs', import.meta.url);

/** @type {Implementation[]} */
const IMPLEMENTATIONS = ['old', 'upstream', 'ours'];

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureMemory(quick, log) {
	const sessions = quick ? 10_000 : 100_000;
	const processes = quick ? 1 : 5;
	/** @type {Record<Implementation, Sample[]>} */
	const samples = { old: [], upstream: [], ours: [] };
	for (let times = 0; times < processes; times++) {
		for (const implementation of IMPLEMENTATIONS) {
			samples[implementation].push(await runProcess(MODULE, [implementation, sessions], { execArgv: ['--expose-gc'] }));
		}
	}
	const managers = {
		old: spreadOf(samples.old.map(({ manager }) => manager)),
		upstream: spreadOf(samples.upstream.map(({ manager }) => manager)),
		ours: spreadOf(samples.ours.map(({ manager }) => manager)),
	};
	const streams = spreadOf(IMPLEMENTATIONS.flatMap((name) => samples[name].map(({ streams }) => streams)));
	log(`memory: ${managers.ours.rss.median.toFixed(0)} bytes per session in addition to its stream`);
	return { sessions, processes, streams, managers };
}

/** @param {Bytes[]} samples */
function spreadOf(samples) {
	return { rss: spread(samples.map(({ rss }) => rss)), js: spread(samples.map(({ js }) => js)) };
}
