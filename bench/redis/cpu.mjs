// The CPU time of a process's main thread alone, since the work is meant to be done elsewhere.

import { readFileSync } from 'node:fs';

const STATISTICS = `/proc/self/task/${process.pid}/schedstat`;

/**
 * Where it can be told: Node.js 23.9 or later, or Linux. Both know it to the nanosecond or microsecond for a thread that has
 * been idle a moment before, and else to the last tick of the kernel's clock (1 to 10 ms).
 */
export function canTellMainThread() {
	try {
		return mainThreadNs() > 0;
	} catch {
		return false;
	}
}

/** In nanoseconds since the process began; to be called in its main thread. */
export function mainThreadNs() {
	const { threadCpuUsage } = /** @type {any} */ (process);
	if (threadCpuUsage === undefined) return Number(readFileSync(STATISTICS, 'utf8').split(' ')[0]);
	const { user, system } = threadCpuUsage();
	return (user + system) * 1e3;
}
