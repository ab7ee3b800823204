// The priority of a process.

import { spawnSync } from 'node:child_process';
import { setPriority } from 'node:os';

const LOWEST = 19;

/**
 * Lets other processes run whenever they can. Threads that start later inherit it.
 *
 * A low priority is not enough on Linux: since version 6.6, a thread keeps its core for some milliseconds even if a thread with a
 * higher priority wakes up. With the policy SCHED_IDLE it does not.
 */
export function yieldToOthers() {
	const { status } = spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)]);
	if (status !== 0) setPriority(LOWEST);
}
