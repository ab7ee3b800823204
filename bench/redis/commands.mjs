// The commands that nodes send to Redis for a broadcast: those during some broadcasts, less those in an equally long time without
// any.

import { setTimeout as wait } from 'node:timers/promises';
import { asciiTexts, makeIds, sessionCount } from '../harness/test-data.mjs';
import { IMPLEMENTATIONS } from './implementations.mjs';
import { monitorCommands } from './monitor.mjs';
import { NodeHandle } from './node-handle.mjs';
import { untilSubscribed } from './upstream-failures.mjs';

/** @typedef {import('./redis-server.mjs').RedisServer} RedisServer */
/** @typedef {import('./implementations.mjs').RedisImplementation} RedisImplementation */
/** @typedef {import('./monitor.mjs').Counts} Counts */

/**
 * @typedef {object} Counted
 * @property {Counts} during a window with broadcasts
 * @property {Counts} idle a window without any
 * @property {number} broadcasts
 */

const NODES = 2;
const MAX_BROADCASTS = 50;
/** Two heartbeats of our nodes, and less than the 10 s after which upstream's keys expire. */
const WINDOW_MS = 6_000;
const QUICK_WINDOW_MS = 1_000;
const BROADCASTS_SHARE = 0.6;
/** Blocking reads: each node repeats its read after each message. */
const READS = ['xread'];

const [text] = asciiTexts;

/** @param {number} sessions */
export function commandsName(sessions) {
	return `commands for a broadcast to ${sessionCount(sessions)} on ${NODES} nodes`;
}

/**
 * @param {() => Promise<RedisServer>} startRedis a separate server for each implementation
 * @param {{ quick: boolean, sessions: number }} size `sessions` of all nodes
 */
export async function measureCommands(startRedis, { quick, sessions }) {
	const windowMs = quick ? QUICK_WINDOW_MS : WINDOW_MS;
	const counted = [];
	for (const implementation of IMPLEMENTATIONS) {
		counted.push(await countCommands(implementation, startRedis, sessions, windowMs));
	}
	const [upstream, pubSub, ours] = counted;
	return { name: commandsName(sessions), sessions, nodes: NODES, windowMs, counts: { upstream, pubSub, ours } };
}

/**
 * Returns the number of commands per broadcast, without the blocking reads.
 *
 * @param {Counted} counted
 */
export function commandsPerBroadcast(counted) {
	const commands = Object.entries(countsPerBroadcast(counted)).filter(([name]) => !READS.includes(name));
	return round(commands.reduce((sum, [, count]) => sum + count, 0));
}

/**
 * Returns the number of calls per broadcast of each command, with the blocking reads.
 *
 * @param {Counted} counted
 * @returns {Counts}
 */
export function countsPerBroadcast({ during, idle, broadcasts }) {
	const each = Object.entries(during).map(([name, count]) => {
		return /** @type {const} */ ([name, round((count - (idle[name] ?? 0)) / broadcasts)]);
	});
	return Object.fromEntries(each.filter(([, count]) => count > 0));
}

/**
 * Rounds to a tenth: one window may have had a heartbeat more than the other.
 *
 * @param {number} count
 */
function round(count) {
	return Math.round(count * 10) / 10;
}

/**
 * @param {RedisImplementation} implementation
 * @param {() => Promise<RedisServer>} startRedis
 * @param {number} sessions
 * @param {number} windowMs
 */
async function countCommands(implementation, startRedis, sessions, windowMs) {
	const redis = await startRedis();
	const nodes = await Promise.all(Array.from({ length: NODES }, () => NodeHandle.start(implementation, redis.url)));
	// A node with sessions sends. Upstream's cannot send once it has a session.
	const sender = implementation === 'upstream' ? await NodeHandle.start(implementation, redis.url) : nodes[0];
	if (!nodes.includes(sender)) await sender.call('open', []);
	const monitor = await monitorCommands(redis);
	try {
		const empty = await monitor.counts();
		const perNode = sessions / NODES;
		await Promise.all(
			nodes.map(async (node) => {
				const ids = makeIds(perNode);
				await node.call('open', ids);
				if (implementation === 'upstream') await untilSubscribed(redis, ids);
			}),
		);
		const opened = difference(await monitor.counts(), empty);
		let broadcasts = 0;
		const during = await countInWindow(monitor, windowMs, async () => {
			const end = performance.now() + windowMs * BROADCASTS_SHARE;
			for (; broadcasts < MAX_BROADCASTS && performance.now() < end; broadcasts++) {
				const expected = { chunks: perNode, length: text.bytes.length };
				await Promise.all(nodes.map((node) => node.call('expect', expected)));
				const received = Promise.all(nodes.map((node) => node.call('received')));
				const sending = { texts: [text.value], count: 1, pace: { perTurn: 1 } };
				await Promise.all([received, sender.call('send', sending)]);
			}
		});
		const idle = await countInWindow(monitor, windowMs, async () => {});
		for (const node of nodes) await node.call('expect', { texts: [] });
		return { opened, during, idle, broadcasts };
	} finally {
		monitor.stop();
		await Promise.all([...new Set([...nodes, sender])].map((node) => node.stop()));
		await redis.end();
	}
}

/**
 * @param {Awaited<ReturnType<typeof monitorCommands>>} monitor
 * @param {number} ms
 * @param {() => Promise<void>} act
 */
async function countInWindow(monitor, ms, act) {
	const before = await monitor.counts();
	const windowEnd = wait(ms);
	await act();
	await windowEnd;
	return difference(await monitor.counts(), before);
}

/**
 * @param {Counts} after
 * @param {Counts} before
 * @returns {Counts}
 */
function difference(after, before) {
	const increases = Object.entries(after).map(
		([name, count]) => /** @type {const} */ ([name, count - (before[name] ?? 0)]),
	);
	return Object.fromEntries(increases.filter(([, count]) => count > 0));
}
