// What Redis is told for a message to everyone: each command it counts while a few are sent, and while none are for as long.

import { setTimeout as wait } from 'node:timers/promises';
import { asciiTexts, makeIds } from '../harness/test-data.mjs';
import { untilSubscribed } from './upstream-failures.mjs';
import { Node } from './node-handle.mjs';
import { SIDES } from './implementations.mjs';

/** @typedef {import('../../__test__/support/redis.js').RedisServer} RedisServer */
/** @typedef {import('./implementations.mjs').RedisSide} RedisSide */
/** @typedef {Record<string, number>} Counts how often each command was done */
/** @typedef {{ during: Counts, idle: Counts, broadcasts: number }} Counted in a window with broadcasts, and in one without */

const NODES = 2;
const MOST_BROADCASTS = 50;
/** Two beats of a node of ours, and little enough that upstream's sessions, which live for 10 s, are still there. */
const WINDOW_MS = 6_000;
const QUICK_WINDOW_MS = 1_000;
const SHARE_OF_BROADCASTS = 0.6;
/** What waits in Redis for the next message to come: each node asks once more when it has come. */
const READS = ['xread'];
/** By which we see that a session is there. */
const ASKED_BY_US = 'pubsub|numsub';

const [text] = asciiTexts;

/** @param {number} sessions */
export function commandsName(sessions) {
	return `redis: commands for a broadcast to ${sessions.toLocaleString('en')} sessions on ${NODES} nodes`;
}

/**
 * @param {() => Promise<RedisServer>} startRedis a server of its own for each side, so that no other speaks to it
 * @param {{ quick: boolean, sessions: number }} size `sessions` of all nodes
 */
export async function measureCommands(startRedis, { quick, sessions }) {
	const windowMs = quick ? QUICK_WINDOW_MS : WINDOW_MS;
	const sides = [];
	for (const side of SIDES) sides.push(await measureSide(side, startRedis, sessions, windowMs));
	const [upstream, pubSub, ours] = sides;
	return {
		name: commandsName(sessions),
		sessions,
		nodes: NODES,
		windowMs,
		counts: { upstream, pubSub, ours },
	};
}

/**
 * How often Redis is told something for a broadcast, rounded since a beat more or less may have come in between.
 *
 * @param {Counted} counted
 */
export function commandsOfABroadcast(counted) {
	const told = Object.entries(perBroadcast(counted)).filter(([name]) => !READS.includes(name));
	return round(told.reduce((sum, [, count]) => sum + count, 0));
}

/**
 * The same by command, the reads too.
 *
 * @param {Counted} counted
 * @returns {Counts}
 */
export function perBroadcast({ during, idle, broadcasts }) {
	const each = Object.entries(during).map(([name, count]) => {
		return /** @type {const} */ ([name, round((count - (idle[name] ?? 0)) / broadcasts)]);
	});
	return Object.fromEntries(each.filter(([, count]) => count > 0));
}

/** @param {number} count */
function round(count) {
	return Math.round(count * 10) / 10;
}

/**
 * @param {RedisSide} side
 * @param {() => Promise<RedisServer>} startRedis
 * @param {number} sessions
 * @param {number} windowMs
 */
async function measureSide(side, startRedis, sessions, windowMs) {
	const redis = await startRedis();
	const nodes = await Promise.all(Array.from({ length: NODES }, () => Node.start(side, redis.url)));
	// Of the others, one that has sessions itself sends. Upstream's cannot, once it has one.
	const sender = side === 'upstream' ? await Node.start(side, redis.url) : nodes[0];
	if (!nodes.includes(sender)) await sender.call('open', []);
	try {
		const empty = await redis.commandCounts();
		const own = sessions / NODES;
		await Promise.all(
			nodes.map(async (node) => {
				const ids = makeIds(own);
				await node.call('open', ids);
				if (side === 'upstream') await untilSubscribed(redis, ids);
			}),
		);
		const opened = difference(await redis.commandCounts(), empty);
		let broadcasts = 0;
		const during = await inWindow(redis, windowMs, async () => {
			const end = performance.now() + windowMs * SHARE_OF_BROADCASTS;
			for (; broadcasts < MOST_BROADCASTS && performance.now() < end; broadcasts++) {
				const expected = { chunks: own, length: text.bytes.length };
				await Promise.all(nodes.map((node) => node.call('expect', expected)));
				const received = Promise.all(nodes.map((node) => node.call('received')));
				await Promise.all([received, sender.call('send', { texts: [text.value], count: 1, pace: { aTurn: 1 } })]);
			}
		});
		const idle = await inWindow(redis, windowMs, async () => {});
		for (const node of nodes) await node.call('expect', { texts: [] });
		return { opened, during, idle, broadcasts };
	} finally {
		await Promise.all([...new Set([...nodes, sender])].map((node) => node.stop()));
		await redis.end();
	}
}

/**
 * @param {RedisServer} redis
 * @param {number} ms
 * @param {() => Promise<void>} act
 */
async function inWindow(redis, ms, act) {
	const before = await redis.commandCounts();
	const over = wait(ms);
	await act();
	await over;
	return difference(await redis.commandCounts(), before);
}

/**
 * @param {Counts} after
 * @param {Counts} before
 * @returns {Counts}
 */
function difference(after, before) {
	const grown = Object.entries(after).map(
		([name, count]) => /** @type {const} */ ([name, count - (before[name] ?? 0)]),
	);
	return Object.fromEntries(grown.filter(([name, count]) => count > 0 && name !== ASKED_BY_US));
}
