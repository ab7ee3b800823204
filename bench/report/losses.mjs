// Where upstream, either of the two, is the better one.

import { titles as overRedis } from '../redis/implementations.mjs';
import { titles } from '../harness/implementations.mjs';
import { titles as ways } from '../threads/channels.mjs';

/** @typedef {import('../run.mjs').Results} Results */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */
/** @typedef {{ name: string, against: string, ratio: number, withinNoise: boolean }} Loss */

export const SENDERS_PART = "the sender's part";

/**
 * @param {Results} results
 * @returns {Loss[]}
 */
export function losses({ sends, operations, threads, options, redis, memory, endToEnd }) {
	const found = [...sends, ...operations].flatMap(({ name, vsUpstream, vsOld }) => [
		...lost(name, titles.upstream, vsUpstream),
		...(vsOld ? lost(name, titles.old, vsOld) : []),
	]);
	for (const { name, vsBroadcastChannel, vsMessagePort, sending } of threads) {
		const sender = `${name}: ${SENDERS_PART}`;
		found.push(
			...lost(name, ways.broadcastChannel, vsBroadcastChannel),
			...lost(name, ways.messagePort, vsMessagePort),
			...lost(sender, ways.broadcastChannel, sending.vsBroadcastChannel),
			...lost(sender, ways.messagePort, sending.vsMessagePort),
		);
	}
	for (const { name, vsUpstream } of options?.bursts ?? []) {
		found.push(...lost(`${name}, with coalesce: server CPU a message`, titles.upstream, vsUpstream));
	}
	for (const { name, vsPubSub } of redis?.traffic ?? []) {
		const { p50, p99, cpu } = vsPubSub;
		found.push(
			...lost(`${name}: latency, p50`, overRedis.pubSub, p50),
			...lost(`${name}: latency, p99`, overRedis.pubSub, p99),
			...lost(`${name}: CPU of the sender's main thread`, overRedis.pubSub, cpu.sender),
			...lost(`${name}: CPU of the sender`, overRedis.pubSub, cpu.senderWhole),
			...lost(`${name}: CPU of the receiver's main thread`, overRedis.pubSub, cpu.receiver),
			...lost(`${name}: CPU of the receiver`, overRedis.pubSub, cpu.receiverWhole),
			...lost(`${name}: CPU of Redis`, overRedis.pubSub, cpu.redis),
		);
	}
	for (const { name, vsPubSub } of redis?.backlogs ?? []) found.push(...lost(name, overRedis.pubSub, vsPubSub));
	if (memory) {
		const { ours, upstream, old } = memory.managers;
		found.push(...lostMemory(titles.upstream, upstream.rss, ours.rss), ...lostMemory(titles.old, old.rss, ours.rss));
	}
	if (endToEnd) found.push(...lost('end to end, server CPU a message', titles.upstream, endToEnd.vsUpstream));
	return found;
}

/**
 * @param {string} name
 * @param {string} against
 * @param {Spread} ratio theirs to ours
 * @returns {Loss[]}
 */
function lost(name, against, { median, p75 }) {
	return median < 1 ? [{ name, against, ratio: median, withinNoise: p75 >= 1 }] : [];
}

/**
 * @param {string} against
 * @param {Spread} theirs
 * @param {Spread} ours
 * @returns {Loss[]}
 */
function lostMemory(against, theirs, ours) {
	const name = 'memory of a session beside its stream (RSS)';
	return lost(name, against, {
		median: theirs.median / ours.median,
		p25: theirs.p25 / ours.p75,
		p75: theirs.p75 / ours.p25,
	});
}
