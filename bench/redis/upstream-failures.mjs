// Shows what upstream's Redis manager cannot do when several nodes have sessions, and so why few rows include it.

import { setTimeout as wait } from 'node:timers/promises';
import { makeIds } from '../harness/test-data.mjs';
import { NodeHandle } from './node-handle.mjs';

/** @typedef {import('./redis-server.mjs').RedisServer} RedisServer */

/** Much longer than the delivery of a message takes. */
const MAX_WAIT_MS = 1_000;
/** Upstream's keys expire after 10 s and are renewed every 10 s. This is after the second renewal. */
const AGE_MS = 25_000;
const AGED_SESSIONS = 100;

const TEXT = 'text';

/**
 * @param {RedisServer} redis
 * @param {boolean} quick leaves out the part that takes 25 s
 */
export async function tryUpstream(redis, quick) {
	const [sends, aged] = await Promise.all([
		sendFromNodeWithSession(redis),
		quick ? undefined : countKnownAfterExpiry(redis),
	]);
	return { sends, aged };
}

/**
 * Sends from one of two nodes with a session each.
 *
 * @param {RedisServer} redis
 */
async function sendFromNodeWithSession(redis) {
	const attempts = [];
	for (const to of /** @type {const} */ (['its own session', "the other node's session", 'all sessions'])) {
		const [sender, other] = await Promise.all([1, 2].map(() => NodeHandle.start('upstream', redis.url)));
		const [ownIds, otherIds] = [makeIds(1), makeIds(1)];
		await Promise.all([sender.call('open', ownIds), other.call('open', otherIds)]);
		await untilSubscribed(redis, [...ownIds, ...otherIds]);
		const ids = { 'its own session': ownIds, "the other node's session": otherIds, 'all sessions': undefined }[to];
		const arrived = await countArrivals([sender, other], sender, ids);
		const { code, stderr } = await sender.stop();
		await other.stop();
		attempts.push({ to, expected: ids === undefined ? 2 : 1, arrived, code, error: errorIn(stderr) });
	}
	return attempts;
}

/**
 * Counts how many sessions of another node a node knows after their keys have expired and were renewed.
 *
 * @param {RedisServer} redis
 */
async function countKnownAfterExpiry(redis) {
	const [asked, other] = await Promise.all([1, 2].map(() => NodeHandle.start('upstream', redis.url)));
	const ids = makeIds(AGED_SESSIONS);
	await asked.call('open', []);
	// One after the other, like the sessions of real clients.
	for (const id of ids) await other.call('open', [id]);
	await wait(AGE_MS);
	const has = await Promise.all(ids.map((id) => asked.call('has', id)));
	await Promise.all([asked.stop(), other.stop()]);
	return { sessions: AGED_SESSIONS, afterMs: AGE_MS, known: has.filter(Boolean).length };
}

/**
 * @param {NodeHandle[]} nodes with a session each
 * @param {NodeHandle} sender
 * @param {string[] | undefined} ids
 */
async function countArrivals(nodes, sender, ids) {
	let arrived = 0;
	const counted = nodes.map(async (node) => {
		await node.call('expect', { chunks: 1, length: TEXT.length });
		await node.call('received');
		arrived++;
	});
	const sent = sender.call('send', { ids, texts: [TEXT], count: 1, pace: { perTurn: 1 } });
	const all = Promise.allSettled([sent, ...counted]);
	const timeout = new AbortController();
	await Promise.race([all, wait(MAX_WAIT_MS, undefined, { signal: timeout.signal }).catch(() => {})]);
	timeout.abort();
	// Calls that are still pending reject when their node is stopped; `allSettled` handles them.
	return arrived;
}

/**
 * Resolves when Redis has the sessions' subscriptions. Upstream's `create` does not wait for them.
 *
 * @param {RedisServer} redis
 * @param {string[]} ids
 */
export async function untilSubscribed(redis, ids) {
	const channels = ids.map((id) => `delete:session:${id}`);
	for (;;) {
		/** @type {(string | number)[]} each channel, followed by its number of subscribers */
		const reply = await redis.command('PUBSUB', 'NUMSUB', ...channels);
		const counts = reply.filter((_, index) => index % 2 === 1);
		if (counts.every((count) => Number(count) > 0)) return;
		await wait(10);
	}
}

/** @param {string} stderr of a process */
function errorIn(stderr) {
	return stderr.match(/^.*Error: .*$/m)?.[0] ?? '';
}
