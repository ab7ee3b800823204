// Thousands of sessions are opened at once on several nodes, while a node sends to another one: the time until Redis knows all
// sessions, the latency meanwhile, and the memory in Redis.

import { setTimeout as wait } from 'node:timers/promises';
import { CallableProcess } from '../../harness/callable-process.mjs';
import { interleave } from '../../harness/interleave.mjs';
import { mapKeys } from '../../harness/map-keys.mjs';
import { ratios, spread } from '../../harness/stats.mjs';
import { quantile } from '../latencies.mjs';
import { untilQuiet } from './burst.mjs';

/** @typedef {import('./sides.mjs').Side} Side */
/** @typedef {import('./sides.mjs').SideName} SideName */
/** @typedef {{ ns: number, p50: number, p99: number, lost: number }} Sample */

const WARM_UP_ROUNDS = 1;
const MODULE = new URL('storm-process.mjs', import.meta.url);
/** The sessions are opened after some messages. */
const BEFORE_MS = 200;
/** The latency is that of the messages in this time at least. */
const MIN_WINDOW_MS = 500;
const MESSAGES = { count: 2_000, pace: { perMs: 1 } };

/**
 * @param {import('./cells.mjs').StormCell} cell
 * @param {Side[]} sides
 * @param {import('./cells.mjs').Size} size
 */
export async function measureStorm({ name, processes, sessions }, sides, { few }) {
	const names = sides.map(({ name }) => name);
	const samples = mapKeys(names, () => /** @type {Sample[]} */ ([]));
	const bytes = mapKeys(names, () => 0);
	/** @type {Record<string, CallableProcess[]>} */
	const crowds = {};
	try {
		for (const { name, args } of sides) {
			crowds[name] = Array.from({ length: processes }, () => new CallableProcess(MODULE, args));
			await Promise.all(crowds[name].map((one) => one.call('isReady')));
		}
		/** @param {Side} side */
		const turn = (side) => async () => {
			samples[side.name].push(await storm(side, crowds[side.name], sessions));
			return 0;
		};
		const turns = /** @type {Record<SideName, () => Promise<number>>} */ (
			Object.fromEntries(sides.map((side) => [side.name, turn(side)]))
		);
		await interleave(turns, { ms: 0, minRounds: few, minWarmUpRounds: WARM_UP_ROUNDS }, () => {});
		for (const side of sides) bytes[side.name] = await memoryOf(side, crowds[side.name], sessions);
	} finally {
		await Promise.all(Object.values(crowds).flatMap((crowd) => crowd.map((one) => one.stop())));
	}

	/** @param {SideName} side @param {keyof Sample} measure */
	const samplesOf = (side, measure) => samples[side].slice(-few).map((sample) => sample[measure]);
	const measures = /** @type {const} */ (['ns', 'p50', 'p99']);
	return {
		name,
		sessions: processes * sessions,
		messages: MESSAGES.count,
		rounds: few,
		/** Time until all are registered (`ns`), and latency (`p50`, `p99`). */
		values: mapKeys(names, (side) => mapKeys(measures, (measure) => spread(samplesOf(side, measure)))),
		/** Memory of Redis per session. */
		bytes,
		/** Numbers of lost messages in all rounds, with that of the warm-up. */
		lost: mapKeys(names, (side) => samples[side].map(({ lost }) => lost)),
		vs: mapKeys(
			names.filter((side) => side !== 'ours'),
			(side) => mapKeys(measures, (measure) => ratios(samplesOf(side, measure), samplesOf('ours', measure))),
		),
	};
}

/**
 * @param {Side} side
 * @param {CallableProcess[]} crowd
 * @param {number} sessions of each process
 * @returns {Promise<Sample>}
 */
async function storm({ group }, crowd, sessions) {
	const { sender, receiver } = group.nodes;
	await receiver.call('expect', { numbered: MESSAGES.count });
	const sent = sender.call('send', { ids: group.ids, ...MESSAGES });
	// It may reject before it is awaited.
	sent.catch(() => {});
	await wait(BEFORE_MS);
	const start = Number(process.hrtime.bigint());
	const created = await Promise.all(crowd.map((one) => one.call('create', sessions)));
	const end = Math.max(...created.map(({ at }) => at));
	await sent;
	const { missing } = await untilQuiet(receiver);
	// Throws when a session is unknown.
	await sender.call(
		'timeHas',
		created.flatMap(({ some }) => some),
	);

	const sendTimes = await sender.call('sendTimes');
	const arrivals = await receiver.call('arrivals');
	const windowEnd = Math.max(end, start + MIN_WINDOW_MS * 1e6);
	const latencies = [...sendTimes.entries()]
		.filter(([number, at]) => at >= start && at < windowEnd && arrivals[number] > 0)
		.map(([number, at]) => arrivals[number] - at)
		.sort((a, b) => a - b);
	await Promise.all(crowd.map((one) => one.call('deleteAll')));
	return {
		ns: end - start,
		p50: quantile(latencies, 0.5),
		p99: quantile(latencies, 0.99),
		lost: missing,
	};
}

/**
 * Returns the memory per session in bytes.
 *
 * @param {Side} side
 * @param {CallableProcess[]} crowd
 * @param {number} sessions of each process
 */
async function memoryOf({ redis }, crowd, sessions) {
	const before = await usedMemory(redis);
	await Promise.all(crowd.map((one) => one.call('create', sessions)));
	return ((await usedMemory(redis)) - before) / (crowd.length * sessions);
}

/** @param {import('../redis-server.mjs').RedisServer} redis */
async function usedMemory(redis) {
	return Number(/^used_memory:(\d+)/m.exec(await redis.command('INFO', 'memory'))?.[1]);
}
