// What becomes of upstream's Redis manager where it is meant to be used. None of it is ours to mend: it is why the rows that
// have it are few.

import { setTimeout as wait } from 'node:timers/promises';
import { makeIds } from '../harness/test-data.mjs';
import { Node } from './node-handle.mjs';

/** @typedef {import('../../__test__/support/redis.js').RedisServer} RedisServer */

/** Far longer than a message takes. */
const PATIENCE_MS = 1_000;
/** Its sessions live for 10 s, and are renewed every 10 s: this is after the second time. */
const AGE_MS = 25_000;
const AGED = 100;

const TEXT = 'text';

/**
 * @param {RedisServer} redis
 * @param {boolean} quick leaves out what takes long
 */
export async function tryUpstream(redis, quick) {
	const [sends, aged] = await Promise.all([sendWhereSessionsAre(redis), quick ? undefined : countAged(redis)]);
	return { sends, aged };
}

/**
 * Two nodes with a session each, of which one sends.
 *
 * @param {RedisServer} redis
 */
async function sendWhereSessionsAre(redis) {
	const attempts = [];
	for (const to of /** @type {const} */ (['its own session', "the other node's", 'everyone'])) {
		const [sender, other] = await Promise.all([1, 2].map(() => Node.start('upstream', redis.url)));
		const [own, others] = [makeIds(1), makeIds(1)];
		await Promise.all([sender.call('open', own), other.call('open', others)]);
		await untilSubscribed(redis, [...own, ...others]);
		const ids = { 'its own session': own, "the other node's": others, everyone: undefined }[to];
		const arrived = await countArrivals([sender, other], sender, ids);
		const { code, errors } = await sender.stop();
		await other.stop();
		attempts.push({ to, due: ids === undefined ? 2 : 1, arrived, code, error: errorIn(errors) });
	}
	return attempts;
}

/**
 * How many of a node's sessions another one knows when they are a little older than they live unless renewed.
 *
 * @param {RedisServer} redis
 */
async function countAged(redis) {
	const [asked, other] = await Promise.all([1, 2].map(() => Node.start('upstream', redis.url)));
	const ids = makeIds(AGED);
	await asked.call('open', []);
	// One after the other, as clients come.
	for (const id of ids) await other.call('open', [id]);
	await wait(AGE_MS);
	const has = await Promise.all(ids.map((id) => asked.call('has', id)));
	await Promise.all([asked.stop(), other.stop()]);
	return { sessions: AGED, afterMs: AGE_MS, known: has.filter(Boolean).length };
}

/**
 * @param {Node[]} nodes with a session each
 * @param {Node} sender
 * @param {string[] | undefined} ids
 */
async function countArrivals(nodes, sender, ids) {
	let arrived = 0;
	const counted = nodes.map(async (node) => {
		await node.call('expect', { chunks: 1, length: TEXT.length });
		await node.call('received');
		arrived++;
	});
	const sent = sender.call('send', { ids, texts: [TEXT], count: 1, pace: { aTurn: 1 } });
	const patience = new AbortController();
	await Promise.race([
		Promise.allSettled([sent, ...counted]),
		wait(PATIENCE_MS, undefined, { signal: patience.signal }),
	]);
	patience.abort();
	// What is still awaited fails when its node is stopped.
	Promise.allSettled([sent, ...counted]);
	return arrived;
}

/**
 * Its `create` does not wait for what it tells Redis.
 *
 * @param {RedisServer} redis
 * @param {string[]} ids
 */
export async function untilSubscribed(redis, ids) {
	const channels = ids.map((id) => `delete:session:${id}`);
	for (;;) {
		/** @type {(string | number)[]} each channel, and behind it how many have subscribed to it */
		const answer = await redis.command('PUBSUB', 'NUMSUB', ...channels);
		const counts = answer.filter((_, index) => index % 2 === 1);
		if (counts.every((count) => Number(count) > 0)) return;
		await wait(10);
	}
}

/** @param {string} errors that a process has printed */
function errorIn(errors) {
	return errors.match(/^.*Error: .*$/m)?.[0] ?? '';
}
