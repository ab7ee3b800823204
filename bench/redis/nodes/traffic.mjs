// Messages between two of several nodes: the CPU time per message of nodes and Redis, and the latency.

import { setTimeout as wait } from 'node:timers/promises';
import { interleave } from '../../harness/interleave.mjs';
import { mapKeys } from '../../harness/map-keys.mjs';
import { ratios, spread } from '../../harness/stats.mjs';
import { cpuOf } from '../cpu-time.mjs';
import { latenciesOf, quantile } from '../latencies.mjs';
import { trafficOf } from './cells.mjs';

/** @typedef {import('../cpu-time.mjs').Cpu} Cpu */
/** @typedef {import('../node-group.mjs').NodeGroup} NodeGroup */
/** @typedef {import('../node-handle.mjs').NodeHandle} NodeHandle */
/** @typedef {import('./sides.mjs').Side} Side */
/** @typedef {import('./sides.mjs').SideName} SideName */

/** Whose CPU time: that of a main thread, of all threads of a node, and of Redis. */
const CONSUMERS = /** @type {const} */ (['sender', 'senderWhole', 'receiver', 'receiverWhole', 'redis']);
/** Each measure of one side. */
const MEASURES = /** @type {const} */ ([...CONSUMERS, 'p50', 'p99']);

/** @typedef {Record<typeof MEASURES[number], number>} Sample in nanoseconds, CPU time per message */
/** @typedef {{ at: number, cpu: number }} Reading the time, and the CPU time of the bystander until then, in nanoseconds */
/** @typedef {{ before: Reading, after: Reading }} Turn */

/** The group of a number of nodes has been warm since its first cell. */
const WARM_UP_ROUNDS = 1;
const IDLE_ROUNDS = 5;
const IDLE_MS = 300;
/** What is less is noise. */
const MIN_NS = 1;

/**
 * @param {import('./cells.mjs').TrafficCell} cell
 * @param {Side[]} sides
 * @param {NodeHandle} floor a process without a manager, which keeps the pace
 * @param {import('./cells.mjs').Size} size
 */
export async function measureTraffic(cell, sides, floor, size) {
	const { name, nodes, kind, pace } = cell;
	const names = sides.map(({ name }) => name);
	const groups = /** @type {Record<SideName, NodeGroup>} */ (
		Object.fromEntries(sides.map(({ name, group }) => [name, group]))
	);
	const { samples, turns } = await sampleTraffic(cell, groups, floor, size);
	/** @param {SideName} name @param {typeof MEASURES[number]} measure */
	const samplesOf = (name, measure) => samples[name].map((sample) => sample[measure]);
	return {
		name,
		nodes,
		kind,
		pace,
		messages: trafficOf(cell, size).count,
		rounds: size.rounds,
		ns: mapKeys(names, (side) => mapKeys(MEASURES, (measure) => spread(samplesOf(side, measure)))),
		/** CPU time per message of a node that the messages are not for, in nanoseconds. */
		...(kind === 'one' &&
			nodes > 2 && {
				uninvolved: mapKeys(names, (side) => cpuOfUninvolved(turns[side], trafficOf(cell, size).count)),
			}),
		/** The values of each other side divided by ours. */
		vs: mapKeys(
			names.filter((side) => side !== 'ours'),
			(side) => mapKeys(MEASURES, (measure) => ratios(samplesOf(side, measure), samplesOf('ours', measure))),
		),
	};
}

/**
 * Sends messages in each group in turns.
 *
 * @template {string} Name
 * @param {Pick<import('./cells.mjs').TrafficCell, 'kind' | 'pace'>} cell
 * @param {Record<Name, NodeGroup>} groups
 * @param {NodeHandle} floor
 * @param {import('./cells.mjs').Size} size
 * @returns {Promise<{ samples: Record<Name, Sample[]>, turns: Record<Name, Turn[]> }>} one sample per round; turns with those of
 *   the warm-up
 */
export async function sampleTraffic(cell, groups, floor, size) {
	const traffic = trafficOf(cell, size);
	const names = /** @type {Name[]} */ (Object.keys(groups));
	const idle = await idleCpu(groups, floor);
	const samples = mapKeys(names, () => /** @type {Sample[]} */ ([]));
	const turns = mapKeys(names, () => /** @type {Turn[]} */ ([]));
	/** @param {Name} name */
	const turn = (name) => async () => {
		const group = groups[name];
		const untilReceived = await group.expect(traffic);
		const start = performance.now() * 1e6;
		const before = await cpuOf(group, floor);
		// The floor runs at the same time, since the cost of keeping the pace depends on how busy caches and cores are.
		const { text, count, pace } = traffic;
		await Promise.all([group.send(traffic), floor.call('send', { texts: [text.value], count, pace })]);
		await untilReceived();
		const end = performance.now() * 1e6;
		const after = await cpuOf(group, floor);
		const latencies = await latenciesIn(group, cell.kind);
		samples[name].push({
			...mapKeys(CONSUMERS, (consumer) => {
				const whileIdle = idle[name][consumer] * (end - start);
				return Math.max(MIN_NS, (after[consumer] - before[consumer] - whileIdle) / count);
			}),
			p50: quantile(latencies, 0.5),
			p99: quantile(latencies, 0.99),
		});
		turns[name].push({
			before: { at: start, cpu: before.bystanderWhole },
			after: { at: end, cpu: after.bystanderWhole },
		});
		return 0;
	};
	await interleave(mapKeys(names, turn), { ms: 0, minRounds: size.rounds, minWarmUpRounds: WARM_UP_ROUNDS }, () => {});
	for (const name of names) await groups[name].checkEmpty();
	return { samples: mapKeys(names, (name) => samples[name].slice(-size.rounds)), turns };
}

/**
 * Returns the latencies, shortest first: those of broadcasts at all nodes, because Redis serves some nodes first each time.
 *
 * @param {NodeGroup} group
 * @param {import('./cells.mjs').TrafficCell['kind']} kind
 */
async function latenciesIn({ nodes, receivers }, kind) {
	const sendTimes = await nodes.sender.call('sendTimes');
	const latencies = [];
	for (const node of kind === 'one' ? [nodes.receiver] : receivers) {
		latencies.push(...latenciesOf(sendTimes, await node.call('arrivals')));
	}
	return latencies.sort((a, b) => a - b);
}

/**
 * Returns the CPU time per message of a node that the messages are not for, in nanoseconds. What the node uses meanwhile without
 * them is subtracted: that of the time between two turns of its group, when the other groups send. Over all rounds, because in most
 * of them the node does nothing at all, and in some it sends a heartbeat.
 *
 * @param {Turn[]} turns
 * @param {number} count of messages in each turn
 */
function cpuOfUninvolved(turns, count) {
	const within = sum(turns.map(({ before, after }) => differenceOf(before, after)));
	const between = sum(turns.slice(1).map(({ before }, index) => differenceOf(turns[index].after, before)));
	return (within.cpu - (between.cpu / between.at) * within.at) / (turns.length * count);
}

/** @param {Reading} before @param {Reading} after @returns {Reading} */
function differenceOf(before, after) {
	return { at: after.at - before.at, cpu: after.cpu - before.cpu };
}

/** @param {Reading[]} readings */
function sum(readings) {
	return readings.reduce((sum, { at, cpu }) => ({ at: sum.at + at, cpu: sum.cpu + cpu }), { at: 0, cpu: 0 });
}

/**
 * Returns the CPU time of all groups without messages, in nanoseconds per nanosecond: the median of some times.
 *
 * @template {string} Name
 * @param {Record<Name, NodeGroup>} groups
 * @param {NodeHandle} floor
 * @returns {Promise<Record<Name, Cpu>>}
 */
async function idleCpu(groups, floor) {
	const names = /** @type {Name[]} */ (Object.keys(groups));
	const read = async () => ({
		at: performance.now() * 1e6,
		cpu: await Promise.all(names.map((name) => cpuOf(groups[name], floor))),
	});
	const readings = [await read()];
	while (readings.length <= IDLE_ROUNDS) {
		await wait(IDLE_MS);
		readings.push(await read());
	}
	const used = names.map((name, side) => [
		name,
		mapKeys(CONSUMERS, (consumer) => {
			// The floor is subtracted from the time of a sender.
			if (consumer.startsWith('sender')) return 0;
			const rates = readings.slice(1).map(({ at, cpu }, round) => {
				return (cpu[side][consumer] - readings[round].cpu[side][consumer]) / (at - readings[round].at);
			});
			return spread(rates).median;
		}),
	]);
	return Object.fromEntries(used);
}
