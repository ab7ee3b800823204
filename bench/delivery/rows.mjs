// Measures one cell: each server has one turn per round.

import { CallableProcess } from '../harness/callable-process.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { loadOf } from './cells.mjs';

/** @typedef {import('./cells.mjs').Cell} Cell */
/** @typedef {import('./cells.mjs').RunSize} RunSize */
/** @typedef {import('./side.mjs').Side} Side */
/** @typedef {import('./side.mjs').SideName} SideName */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */

/**
 * Values of the servers that were measured.
 *
 * @template Value
 * @typedef {Partial<Record<SideName, Value>>} BySide
 */

/** @typedef {(line: string) => void} Log */

/** The servers have been warm since the first cell of a group. */
const WARM_UP_ROUNDS = 1;
const P50 = 0.5;
const P99 = 0.99;

/**
 * The CPU time of the server per delivered message, in nanoseconds.
 *
 * @param {Cell} cell
 * @param {Side[]} sides
 * @param {RunSize} size
 * @param {Log} log
 */
export async function measureCpu(cell, sides, size, log) {
	const load = loadOf(cell, size);
	const samples = await measureSides(sides, size, (side) => side.cpuTime(load));
	const row = { ...cell, ...load, rounds: size.rounds, ns: spreadsOf(samples), vs: ratiosOf(samples, 'total') };
	log(`${cell.name}: CPU time per message: ${medians(row.ns, 'total', 1e3)} µs`);
	return row;
}

/**
 * Turns of the event loop, in nanoseconds, each the median of several broadcasts: that of the broadcast; the longest one around
 * it; and the longest one in the same time without a broadcast. The longest ones include the time for which the thread waits
 * for a core.
 *
 * @param {Cell} cell
 * @param {Side[]} sides
 * @param {RunSize} size
 * @param {Log} log
 */
export async function measureTurns(cell, sides, size, log) {
	for (const side of sides) side.lowerPriorityOfClients();
	const withEventLoop = sides.filter(({ hasEventLoop }) => hasEventLoop);
	const samples = await measureSides(withEventLoop, size, async (side) => {
		/** @type {Awaited<ReturnType<Side['turns']>>[]} */
		const turns = [];
		for (let nth = 0; nth < size.turns; nth++) turns.push(await side.turns(cell));
		/** @param {'broadcast' | 'longest' | 'idle'} kind */
		const median = (kind) => spread(turns.map((turn) => turn[kind])).median;
		return {
			broadcast: median('broadcast'),
			longest: median('longest'),
			maximum: Math.max(...turns.map(({ longest }) => longest)),
			idle: median('idle'),
		};
	});
	const ns = spreadsOf(samples);
	log(`${cell.name}: ${medians(ns, 'broadcast', 1e6)} ms`);
	return { ...cell, broadcasts: size.turns, rounds: size.rounds, ns, vs: ratiosOf(samples, 'broadcast') };
}

/**
 * The time of other requests, in nanoseconds: to an idle server, and to one that broadcasts.
 *
 * @param {Cell} cell
 * @param {Side[]} sides
 * @param {RunSize} size
 * @param {Log} log
 */
export async function measureRequests(cell, sides, size, log) {
	for (const side of sides) side.lowerPriorityOfClients();
	const requests = new CallableProcess(new URL('requests-process.mjs', import.meta.url), []);
	try {
		const samples = await measureSides(sides, size, async (side) => {
			await requests.call('connect', side.port);
			/** @type {number[]} */
			const idle = await requests.call('measure', size.idleMs);
			const broadcasts = side.broadcastFor({ size: cell.size, burst: cell.burst, ms: size.requestMs });
			/** @type {number[]} */
			const busy = await requests.call('measure', size.requestMs);
			await broadcasts;
			await requests.call('disconnect');
			return {
				p50: quantile(busy, P50),
				p99: quantile(busy, P99),
				idleP50: quantile(idle, P50),
				idleP99: quantile(idle, P99),
			};
		});
		const ns = spreadsOf(samples);
		log(`${cell.name}: p99: ${medians(ns, 'p99', 1e6)} ms`);
		/** The p99 during broadcasts divided by that of the idle server. @type {BySide<Spread>} */
		const vsIdle = {};
		for (const { name } of sides) {
			const values = samplesOf(samples, name);
			vsIdle[name] = ratios(
				values.map(({ p99 }) => p99),
				values.map(({ idleP99 }) => idleP99),
			);
		}
		return { ...cell, rounds: size.rounds, ns, vsIdle, vs: ratiosOf(samples, 'p99') };
	} finally {
		await requests.stop();
	}
}

/**
 * Resolves to one sample per round and server.
 *
 * @template {string} Metric
 * @param {Side[]} sides
 * @param {RunSize} size
 * @param {(side: Side) => Promise<Record<Metric, number>>} measure
 * @returns {Promise<BySide<Record<Metric, number>[]>>}
 */
async function measureSides(sides, { rounds }, measure) {
	/** @type {BySide<Record<Metric, number>[]>} */
	const samples = {};
	const turns = sides.map((side) => {
		/** @type {Record<Metric, number>[]} */
		const own = [];
		samples[side.name] = own;
		const turn = async () => own.push(await measure(side));
		return [side.name, turn];
	});
	await interleave(Object.fromEntries(turns), { ms: 0, minRounds: rounds, minWarmUpRounds: WARM_UP_ROUNDS }, () => {});
	// Drops the samples of the warm-up rounds, which came first.
	for (const { name } of sides) samples[name] = samplesOf(samples, name).slice(-rounds);
	return samples;
}

/**
 * @template {string} Metric
 * @param {BySide<Record<Metric, number>[]>} samples
 * @param {SideName} name
 */
function samplesOf(samples, name) {
	return /** @type {Record<Metric, number>[]} */ (samples[name]);
}

/**
 * @template {string} Metric
 * @param {BySide<Record<Metric, number>[]>} samples
 */
function spreadsOf(samples) {
	/** @type {BySide<Record<Metric, Spread>>} */
	const spreads = {};
	for (const name of namesIn(samples)) {
		const own = samplesOf(samples, name);
		const metrics = /** @type {Metric[]} */ (Object.keys(own[0]));
		const entries = metrics.map((metric) => [metric, spread(own.map((sample) => sample[metric]))]);
		spreads[name] = Object.fromEntries(entries);
	}
	return spreads;
}

/**
 * Returns the other servers' values divided by those of this package, with and without native delivery.
 *
 * @template {string} Metric
 * @param {BySide<Record<Metric, number>[]>} samples
 * @param {NoInfer<Metric>} metric
 */
function ratiosOf(samples, metric) {
	/** @type {Partial<Record<'ours' | 'native', BySide<Spread>>>} */
	const all = {};
	const valuesOf = (/** @type {SideName} */ name) =>
		// A value can be 0 or less when that of the idle server was subtracted.
		samplesOf(samples, name).map((sample) => Math.max(1, sample[metric]));
	for (const own of /** @type {const} */ (['ours', 'native'])) {
		if (samples[own] === undefined) continue;
		/** @type {BySide<Spread>} */
		const others = {};
		for (const name of namesIn(samples)) {
			if (name !== own) others[name] = ratios(valuesOf(name), valuesOf(own));
		}
		all[own] = others;
	}
	return all;
}

/** @param {BySide<unknown>} values */
function namesIn(values) {
	return /** @type {SideName[]} */ (Object.keys(values));
}

/**
 * @template {string} Metric
 * @param {BySide<Record<Metric, Spread>>} ns
 * @param {NoInfer<Metric>} metric
 * @param {number} unit in nanoseconds
 */
function medians(ns, metric, unit) {
	const texts = namesIn(ns).map((name) => `${name} ${((ns[name]?.[metric].median ?? 0) / unit).toFixed(2)}`);
	return texts.join(', ');
}

/**
 * @param {number[]} sorted
 * @param {number} share from 0 to 1
 */
function quantile(sorted, share) {
	return sorted[Math.ceil(sorted.length * share) - 1];
}
