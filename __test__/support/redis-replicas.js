// What the tests of Redis Cluster and of Sentinel need to know about replicas.

import { setTimeout as pass } from 'node:timers/promises';

/** @import { RedisServer } from './redis.js' */

/** Time between two checks of a condition. Each costs some milliseconds of CPU time. */
const POLL_MS = 100;

/** Arguments of a server that lets replicas sync at once. By default, it waits 5 s for more of them. */
export const SYNC_AT_ONCE = ['--repl-diskless-sync-delay', '0'];

/**
 * Resolves when a replica has the data of its master.
 *
 * @param {RedisServer} replica
 */
export function isInSync(replica) {
	const isUp = async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up');
	return until(isUp, 'a replica is not in sync');
}

/**
 * Resolves when a condition is true that no event reports.
 *
 * @param {() => Promise<boolean>} condition
 * @param {string} problem the message of the error after 30 s
 */
export async function until(condition, problem) {
	const end = performance.now() + 30_000;
	while (!(await condition())) {
		if (performance.now() > end) throw new Error(problem);
		await pass(POLL_MS);
	}
}
