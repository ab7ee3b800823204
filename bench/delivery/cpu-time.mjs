// The CPU time of another process, of Node.js or not, without a question to it. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

/** @typedef {{ main: number, total: number }} CpuTime nanoseconds of the main thread, and of all threads */

/** Returns true when {@link cpuTimeOf} works here. */
export function canReadCpuTime() {
	try {
		return cpuTimeOf(process.pid).main > 0;
	} catch {
		return false;
	}
}

/**
 * Returns the CPU time since the process started. It is exact for threads that sleep, and up to a tick of the kernel's clock
 * (1 to 10 ms) too low for one that runs. Threads that have ended do not count.
 *
 * @param {number} pid
 * @returns {CpuTime}
 */
export function cpuTimeOf(pid) {
	const threads = readdirSync(`/proc/${pid}/task`);
	const times = threads.map((thread) =>
		Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
	);
	return { main: times[threads.indexOf(String(pid))], total: times.reduce((sum, time) => sum + time, 0) };
}
