// Messages from one node to another at a steady pace: the latency of each, and the CPU time per message of nodes and Redis.

import { interleave } from '../harness/interleave.mjs';
import { mapKeys } from '../harness/map-keys.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { asciiTexts, sessionCount } from '../harness/test-data.mjs';
import { aboveFloor, CONSUMERS, cpuOf } from './cpu-time.mjs';
import { IMPLEMENTATIONS_OF_TRAFFIC, implementationsFor } from './implementations.mjs';
import { latenciesOf, quantile } from './latencies.mjs';

/** @typedef {import('./cpu-time.mjs').Cpu} Cpu */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */
/** @typedef {import('./node-group.mjs').NodeGroup} NodeGroup */
/** @typedef {import('./node-handle.mjs').NodeHandle} NodeHandle */
/** @typedef {import('./implementations.mjs').FewNodes} FewNodes */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {'one' | 'all'} kind
 * @property {number} perMs number of messages per millisecond
 */

/** @typedef {{ cpu: Cpu[], p50: number[], p99: number[], rate: number[] }} Samples one of each per round */

const [text] = asciiTexts;

/**
 * @param {number} sessions of the receiver
 * @returns {Cell[]}
 */
export function trafficCells(sessions) {
	return [cell('one', sessions, 1), cell('one', sessions, 10), cell('all', sessions, 1)];
}

/**
 * @param {Cell['kind']} kind
 * @param {number} sessions
 * @param {number} perMs
 * @returns {Cell}
 */
function cell(kind, sessions, perMs) {
	const pace = `${(perMs * 1_000).toLocaleString('en')} messages per second`;
	return { name: `${text.name} to ${kind} of ${sessionCount(sessions)} in another process, ${pace}`, kind, perMs };
}

/**
 * @param {Cell} cell
 * @param {Record<FewNodes, NodeGroup>} groups
 * @param {{ floor: NodeHandle, threadWakeup: NodeHandle }} baselines nodes without a manager; `floor` keeps the pace in every
 *   turn, and does nothing else
 * @param {{ ms: number, rounds: number }} size
 */
export async function measureTraffic({ name, kind, perMs }, groups, { floor, threadWakeup }, { ms, rounds }) {
	const traffic = { kind, count: ms * perMs, text, pace: { perMs } };
	const pace = { texts: [text.value], count: traffic.count, pace: traffic.pace };
	// A broadcast is for all nodes, so it has no bystander.
	const implementations = kind === 'one' ? IMPLEMENTATIONS_OF_TRAFFIC : implementationsFor(kind);
	const samples = mapKeys(implementations, () => /** @type {Samples} */ ({ cpu: [], p50: [], p99: [], rate: [] }));
	/** @type {number[]} */
	const wakeups = [];
	/** @param {FewNodes} implementation */
	const turn = (implementation) => async () => {
		const group = groups[implementation];
		const { sender, receiver } = group.nodes;
		const { cpu, p50, p99, rate } = samples[implementation];
		const untilReceived = await group.expect(traffic);
		const before = await cpuOf(group, floor);
		// The floor runs at the same time, since the cost of keeping the pace depends on how busy caches and cores are.
		const [sent] = await Promise.all([group.send(traffic), floor.call('send', pace)]);
		await untilReceived();
		const after = await cpuOf(group, floor);
		cpu.push(mapKeys(CONSUMERS, (consumer) => (after[consumer] - before[consumer]) / traffic.count));
		rate.push((traffic.count * 1_000) / sent.ms);

		const latencies = latenciesOf(await sender.call('sendTimes'), await receiver.call('arrivals'));
		p50.push(quantile(latencies, 0.5));
		p99.push(quantile(latencies, 0.99));
		return latencies[0];
	};
	const wakeupTurn = async () => {
		const before = await aboveFloor(threadWakeup, floor);
		const [{ ms }] = await Promise.all([threadWakeup.call('send', pace), floor.call('send', pace)]);
		const after = await aboveFloor(threadWakeup, floor);
		wakeups.push((after.main - before.main) / traffic.count);
		return ms;
	};
	const turns = { ...mapKeys(implementations, turn), threadWakeup: wakeupTurn };
	await interleave(turns, { ms: 0, minRounds: rounds }, () => {});
	for (const implementation of implementations) await groups[implementation].checkEmpty();

	// Drops the samples of the warm-up rounds, which came first.
	const counted = mapKeys(implementations, (implementation) => ({
		cpu: mapKeys(CONSUMERS, (consumer) => samples[implementation].cpu.slice(-rounds).map((cpu) => cpu[consumer])),
		p50: samples[implementation].p50.slice(-rounds),
		p99: samples[implementation].p99.slice(-rounds),
		rate: samples[implementation].rate.slice(-rounds),
	}));
	const { pubSub, singleChannel, ours } = counted;
	return {
		name,
		kind,
		perSecond: perMs * 1_000,
		messages: traffic.count,
		rounds,
		ns: mapKeys(implementations, (implementation) => ({
			p50: spread(counted[implementation].p50),
			p99: spread(counted[implementation].p99),
			cpu: mapKeys(CONSUMERS, (consumer) => spread(counted[implementation].cpu[consumer])),
		})),
		/** CPU time of a main thread that only wakes another thread as often. */
		threadWakeup: spread(wakeups.slice(-rounds)),
		/** Number of messages sent per second. */
		rate: mapKeys(implementations, (implementation) => spread(counted[implementation].rate)),
		/** The pub/sub manager's values divided by ours. */
		vsPubSub: {
			p50: ratios(pubSub.p50, ours.p50),
			p99: ratios(pubSub.p99, ours.p99),
			cpu: mapKeys(CONSUMERS, (consumer) =>
				ratios(pubSub.cpu[consumer].map(atLeast1), ours.cpu[consumer].map(atLeast1)),
			),
		},
		/** Main thread of a bystander: the time with a single channel divided by ours. */
		vsSingleChannel:
			singleChannel && ratios(singleChannel.cpu.bystander.map(atLeast1), ours.cpu.bystander.map(atLeast1)),
	};
}

/**
 * Makes a ratio possible for times that are below the noise of the floor.
 *
 * @param {number} ns
 */
function atLeast1(ns) {
	return Math.max(1, ns);
}
