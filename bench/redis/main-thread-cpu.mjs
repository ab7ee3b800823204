// The CPU time of a process's main thread alone: this package does most of its Redis work on another thread.

import { readFileSync } from 'node:fs';

const SCHEDULER_STATISTICS = `/proc/self/task/${process.pid}/schedstat`;

/**
 * Returns true on Node.js 23.9 or later, and on Linux. Their resolution is a microsecond or better for a thread that was idle
 * just before, and otherwise a tick of the kernel's clock (1 to 10 ms).
 */
export function canMeasureMainThread() {
	try {
		return mainThreadNs() > 0;
	} catch {
		return false;
	}
}

/** Returns nanoseconds since the process started. Call it in the main thread. */
export function mainThreadNs() {
	const { threadCpuUsage } = /** @type {any} */ (process);
	if (threadCpuUsage === undefined) return Number(readFileSync(SCHEDULER_STATISTICS, 'utf8').split(' ')[0]);
	const { user, system } = threadCpuUsage();
	return (user + system) * 1e3;
}
