// Counts the commands that clients send to Redis, with MONITOR. `INFO commandstats` also counts those in scripts.

import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';

/** @typedef {Record<string, number>} Counts number of calls of each command */

/** The time, the database, and the client or `lua`; then the command and its arguments. */
const LINE = /^\S+ \[\d+ (\S+)[^\]]*\] "([^"]+)"(?: "([^"]*)")?/;
/** The benchmark's own commands: the end of a count, and {@link untilSubscribed} of upstream-failures.mjs. */
const OWN = ['echo', 'pubsub'];

/**
 * Begins to count.
 *
 * @param {import('./redis-server.mjs').RedisServer} redis
 */
export async function monitorCommands(redis) {
	const client = createClient({ url: redis.url });
	// The error also rejects the command.
	client.on('error', () => {});
	await client.connect();
	/** @type {Counts} */
	const counts = {};
	/** @type {Map<string, () => void>} */
	const ends = new Map();
	await client.monitor((line) => {
		const [, from, command, argument] = LINE.exec(String(line)) ?? [];
		const name = command?.toLowerCase();
		if (name === undefined || from === 'lua') return;
		if (name === 'echo') ends.get(argument)?.();
		if (!OWN.includes(name)) counts[name] = (counts[name] ?? 0) + 1;
	});
	return {
		/** Returns the number of commands up to now. */
		async counts() {
			const end = randomUUID();
			const seen = new Promise((resolve) => ends.set(end, () => resolve(undefined)));
			await redis.command('ECHO', end);
			await seen;
			return { ...counts };
		},
		stop: () => client.destroy(),
	};
}
