// Messages between two of several nodes: the CPU time per message of nodes and Redis, and the latency.

import { setTimeout as wait } from 'node:timers/promises';
import { interleave } from '../../harness/interleave.mjs';
import { mapKeys } from '../../harness/map-keys.mjs';
import { ratios, spread } from '../../harness/stats.mjs';
import { CONSUMERS, cpuOf } from '../cpu-time.mjs';
import { latenciesOf, quantile } from '../latencies.mjs';
import { trafficOf } from './cells.mjs';

/** @typedef {import('../cpu-time.mjs').Cpu} Cpu */
/** @typedef {import('../node-handle.mjs').NodeHandle} NodeHandle */
/** @typedef {import('./sides.mjs').Side} Side */
/** @typedef {import('./sides.mjs').SideName} SideName */

/** Each measure of one side. */
const MEASURES = /** @type {const} */ ([...CONSUMERS, 'p50', 'p99']);

/** @typedef {Record<typeof MEASURES[number], number>} Sample in nanoseconds, CPU time per message */

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
	const traffic = trafficOf(cell, size);
	const names = sides.map(({ name }) => name);
	const idle = await idleCpu(sides, floor);
	const samples = mapKeys(names, () => /** @type {Sample[]} */ ([]));
	/** @param {Side} side */
	const turn =
		({ name, group }) =>
		async () => {
			const untilReceived = await group.expect(traffic);
			const start = performance.now() * 1e6;
			const before = await cpuOf(group, floor);
			// The floor runs at the same time, since the cost of keeping the pace depends on how busy caches and cores are.
			const { text, count, pace } = traffic;
			await Promise.all([group.send(traffic), floor.call('send', { texts: [text.value], count, pace })]);
			await untilReceived();
			const end = performance.now() * 1e6;
			const after = await cpuOf(group, floor);
			const latencies = latenciesOf(
				await group.nodes.sender.call('sendTimes'),
				await group.nodes.receiver.call('arrivals'),
			);
			samples[name].push({
				...mapKeys(CONSUMERS, (consumer) => {
					const whileIdle = idle[name][consumer] * (end - start);
					return Math.max(MIN_NS, (after[consumer] - before[consumer] - whileIdle) / count);
				}),
				p50: quantile(latencies, 0.5),
				p99: quantile(latencies, 0.99),
			});
			return 0;
		};
	const turns = /** @type {Record<SideName, () => Promise<number>>} */ (
		Object.fromEntries(sides.map((side) => [side.name, turn(side)]))
	);
	await interleave(turns, { ms: 0, minRounds: size.rounds, minWarmUpRounds: WARM_UP_ROUNDS }, () => {});
	for (const { group } of sides) await group.checkEmpty();

	/** @param {SideName} name @param {typeof MEASURES[number]} measure */
	const samplesOf = (name, measure) => samples[name].slice(-size.rounds).map((sample) => sample[measure]);
	const { name, nodes, kind, pace } = cell;
	return {
		name,
		nodes,
		kind,
		pace,
		messages: traffic.count,
		rounds: size.rounds,
		ns: mapKeys(names, (side) => mapKeys(MEASURES, (measure) => spread(samplesOf(side, measure)))),
		/** The values of each other side divided by ours. */
		vs: mapKeys(
			names.filter((side) => side !== 'ours'),
			(side) => mapKeys(MEASURES, (measure) => ratios(samplesOf(side, measure), samplesOf('ours', measure))),
		),
	};
}

/**
 * Returns the CPU time of all sides without messages, in nanoseconds per nanosecond: the median of some times.
 *
 * @param {Side[]} sides
 * @param {NodeHandle} floor
 * @returns {Promise<Record<SideName, Cpu>>}
 */
async function idleCpu(sides, floor) {
	const read = async () => ({
		at: performance.now() * 1e6,
		cpu: await Promise.all(sides.map(({ group }) => cpuOf(group, floor))),
	});
	const readings = [await read()];
	while (readings.length <= IDLE_ROUNDS) {
		await wait(IDLE_MS);
		readings.push(await read());
	}
	const used = sides.map(({ name }, side) => [
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
