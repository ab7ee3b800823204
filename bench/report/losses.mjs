// The rows in which this package is slower, or uses more, than one of the implementations that it is compared with.

import { channelTitlesOf, deliveryTitlesOf, redisTitlesOf, titlesOf } from '../harness/versions.mjs';
import { nodeTitles } from './all-rows/nodes.mjs';

/** @typedef {import('./results.mjs').Measured} Measured */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */

/**
 * @typedef {object} Loss
 * @property {string} name
 * @property {string} against the other implementation
 * @property {number} ratio its value divided by ours: below 1
 * @property {boolean} withinNoise true when the quartiles of the ratio span 1
 */

/** Suffix of the rows for the time within `send`. */
export const TIME_IN_SEND = 'time in `send`';

/**
 * @param {Measured} measured
 * @returns {Loss[]}
 */
export function findLosses({ about, sends, operations, threads, options, redis, nodes, delivery, memory, endToEnd }) {
	const titles = titlesOf(about);
	const channels = channelTitlesOf(about);
	const losses = [...sends, ...operations].flatMap(({ name, vsUpstream, vsOld }) => [
		...lossIn(name, titles.upstream, vsUpstream),
		...(vsOld ? lossIn(name, titles.old, vsOld) : []),
	]);
	for (const { name, vsBroadcastChannel, vsMessagePort, sending } of threads) {
		const timeInSend = `${name}: ${TIME_IN_SEND}`;
		losses.push(
			...lossIn(name, channels.broadcastChannel, vsBroadcastChannel),
			...lossIn(name, channels.messagePort, vsMessagePort),
			...lossIn(timeInSend, channels.broadcastChannel, sending.vsBroadcastChannel),
			...lossIn(timeInSend, channels.messagePort, sending.vsMessagePort),
		);
	}
	for (const { name, vsUpstream } of options?.bursts ?? []) {
		losses.push(...lossIn(`${name}: CPU time of the server per message`, titles.upstream, vsUpstream));
	}
	const { pubSub } = redisTitlesOf(redis?.about ?? about);
	for (const { name, vsPubSub } of redis?.traffic ?? []) {
		const { p50, p99, cpu } = vsPubSub;
		losses.push(
			...lossIn(`redis: ${name}: latency, p50`, pubSub, p50),
			...lossIn(`redis: ${name}: latency, p99`, pubSub, p99),
			...lossIn(`redis: ${name}: CPU time of the sender's main thread`, pubSub, cpu.sender),
			...lossIn(`redis: ${name}: CPU time of the sender, all threads`, pubSub, cpu.senderWhole),
			...lossIn(`redis: ${name}: CPU time of the receiver's main thread`, pubSub, cpu.receiver),
			...lossIn(`redis: ${name}: CPU time of the receiver, all threads`, pubSub, cpu.receiverWhole),
			...lossIn(`redis: ${name}: CPU time of Redis`, pubSub, cpu.redis),
		);
	}
	for (const { name, vsPubSub } of redis?.backlogs ?? []) losses.push(...lossIn(`redis: ${name}`, pubSub, vsPubSub));
	if (nodes) losses.push(...nodeLosses(nodes));
	if (delivery) losses.push(...deliveryLosses(delivery, deliveryTitlesOf(delivery.about)));
	if (memory) {
		const { ours, upstream, old } = memory.managers;
		losses.push(...memoryLoss(titles.upstream, upstream.rss, ours.rss), ...memoryLoss(titles.old, old.rss, ours.rss));
	}
	if (endToEnd) {
		losses.push(...lossIn('end to end: CPU time of the server per message', titles.upstream, endToEnd.vsUpstream));
	}
	return losses;
}

/**
 * Compares with the other implementations, not with this package at an earlier commit.
 *
 * @param {NonNullable<Measured['nodes']>} nodes
 */
function nodeLosses(nodes) {
	const titles = nodeTitles(nodes);
	return /** @type {const} */ (['pubSub', 'streamsAdapter']).flatMap((other) => [
		...nodes.traffic.flatMap(({ name, pace, vs }) => [
			...lossIn(`${name}: CPU time of the sender's main thread`, titles[other], vs[other].sender),
			...lossIn(`${name}: CPU time of the receiver's main thread`, titles[other], vs[other].receiver),
			...lossIn(`${name}: CPU time of Redis`, titles[other], vs[other].redis),
			...(pace === 'single' ? lossIn(`${name}: latency, p50`, titles[other], vs[other].p50) : []),
		]),
		...nodes.has.flatMap(({ name, vs }) => lossIn(name, titles[other], vs[other])),
		...nodes.bursts.flatMap(({ name, vs }) => lossIn(name, titles[other], vs[other])),
		...nodes.storms.flatMap(({ name, vs }) => [
			...lossIn(`${name}: all registered`, titles[other], vs[other].ns),
			...lossIn(`${name}: latency, p99`, titles[other], vs[other].p99),
		]),
	]);
}

/**
 * @param {NonNullable<Measured['delivery']>} delivery
 * @param {ReturnType<typeof deliveryTitlesOf>} titles
 */
function deliveryLosses({ cpu, turns, requests }, titles) {
	const rows = [
		...cpu.map(({ name, vs }) => ({ name: `${name}: CPU time of the server per message`, vs })),
		...turns.map(({ name, vs }) => ({ name, vs })),
		...requests.map(({ name, vs }) => ({ name: `${name}, p99`, vs })),
	];
	return rows.flatMap(({ name, vs }) =>
		Object.entries(vs).flatMap(([own, others]) =>
			Object.entries(others).flatMap(([other, ratio]) =>
				// Two servers with this package are not compared.
				other in vs
					? []
					: lossIn(`${name}, ${own === 'native' ? 'with' : 'without'} native delivery`, titleOf(other, titles), ratio),
			),
		),
	);
}

/**
 * @param {string} name
 * @param {Record<string, string>} titles
 */
function titleOf(name, titles) {
	return titles[name];
}

/**
 * @param {string} name
 * @param {string} against
 * @param {Spread} ratio of their value to ours
 * @returns {Loss[]}
 */
function lossIn(name, against, { median, p75 }) {
	return median < 1 ? [{ name, against, ratio: median, withinNoise: p75 >= 1 }] : [];
}

/**
 * @param {string} against
 * @param {Spread} theirs
 * @param {Spread} ours
 * @returns {Loss[]}
 */
function memoryLoss(against, theirs, ours) {
	return lossIn('memory of a session in addition to its stream (RSS)', against, {
		median: theirs.median / ours.median,
		p25: theirs.p25 / ours.p75,
		p75: theirs.p75 / ours.p25,
	});
}
