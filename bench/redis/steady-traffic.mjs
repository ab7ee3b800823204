// Messages from one node to another at an even pace: how long each is on its way, and how much CPU time it takes, of whom.

import { asciiTexts } from '../harness/test-data.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { SIDES_OF_TRAFFIC, sidesFor } from './implementations.mjs';

/** @typedef {import('../../__test__/support/redis.js').RedisServer} RedisServer */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */
/** @typedef {import('./node-group.mjs').Fleet} Fleet */
/** @typedef {import('./node-handle.mjs').Node} Node */
/** @typedef {import('./implementations.mjs').RedisSide} RedisSide */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {'one' | 'everyone'} kind
 * @property {number} aMs how many messages in a millisecond
 */

/** Whose CPU time: that of a node's main thread, of all its threads, and of the server. */
const SHARES = /** @type {const} */ ([
	'sender',
	'senderWhole',
	'receiver',
	'receiverWhole',
	'bystander',
	'bystanderWhole',
	'redis',
]);

/** @typedef {typeof SHARES[number]} Share */
/** @typedef {Record<Share, number>} Cpu in nanoseconds */
/** @typedef {{ cpu: Cpu[], p50: number[], p99: number[], rate: number[] }} Samples by round */

const [text] = asciiTexts;

/** @returns {Cell[]} */
export function trafficCells() {
	return [cell('one', 1), cell('one', 10), cell('everyone', 1)];
}

/**
 * @param {Cell['kind']} kind
 * @param {number} aMs
 * @returns {Cell}
 */
function cell(kind, aMs) {
	const pace = `${(aMs * 1_000).toLocaleString('en')} a second`;
	return { name: `redis: ${text.name} to ${kind} of 10 in another process, ${pace}`, kind, aMs };
}

/**
 * @param {Cell} cell
 * @param {Record<RedisSide, Fleet>} fleets
 * @param {{ floor: Node, wake: Node }} beside what is no manager: `floor` keeps the pace of every turn, and does nothing else
 * @param {RedisServer} redis
 * @param {{ ms: number, rounds: number }} size
 */
export async function measureTraffic({ name, kind, aMs }, fleets, { floor, wake }, redis, { ms, rounds }) {
	const traffic = { kind, count: ms * aMs, text, pace: { aMs } };
	const pace = { texts: [text.value], count: traffic.count, pace: traffic.pace };
	// A broadcast is for all.
	const sides = kind === 'one' ? SIDES_OF_TRAFFIC : sidesFor(kind);
	const samples = record(sides, () => /** @type {Samples} */ ({ cpu: [], p50: [], p99: [], rate: [] }));
	/** @type {number[]} */
	const wakes = [];
	/** @param {RedisSide} side */
	const turn = (side) => async () => {
		const fleet = fleets[side];
		const { sender, receiver } = fleet.nodes;
		const { cpu, p50, p99, rate } = samples[side];
		const until = await fleet.expect(traffic);
		const before = await usedCpu(fleet, floor, redis);
		// At the same time: the price of keeping the pace is another where caches and cores are shared with those at work.
		const [sent] = await Promise.all([fleet.send(traffic), floor.call('send', pace)]);
		await until();
		const after = await usedCpu(fleet, floor, redis);
		cpu.push(record(SHARES, (share) => (after[share] - before[share]) / traffic.count));
		rate.push((traffic.count * 1_000) / sent.ms);

		const latencies = latenciesOf(await sender.call('sends'), await receiver.call('arrivals')).sort();
		p50.push(quantile(latencies, 0.5));
		p99.push(quantile(latencies, 0.99));
		return latencies[0];
	};
	const wakeTurn = async () => {
		const before = await beyondFloor(wake, floor);
		const [{ ms }] = await Promise.all([wake.call('send', pace), floor.call('send', pace)]);
		const after = await beyondFloor(wake, floor);
		wakes.push((after.main - before.main) / traffic.count);
		return ms;
	};
	await interleave({ ...record(sides, turn), wake: wakeTurn }, { ms: 0, leastRounds: rounds }, () => {});
	for (const side of sides) await fleets[side].checkEmpty();

	// The rounds that warmed up came first.
	const counted = record(sides, (side) => ({
		cpu: record(SHARES, (share) => samples[side].cpu.slice(-rounds).map((cpu) => cpu[share])),
		p50: samples[side].p50.slice(-rounds),
		p99: samples[side].p99.slice(-rounds),
		rate: samples[side].rate.slice(-rounds),
	}));
	const { pubSub, plain, ours } = counted;
	return {
		name,
		kind,
		aSecond: aMs * 1_000,
		messages: traffic.count,
		rounds,
		ns: record(sides, (side) => ({
			p50: spread(counted[side].p50),
			p99: spread(counted[side].p99),
			cpu: record(SHARES, (share) => spread(counted[side].cpu[share])),
		})),
		/** What it takes the sender's main thread to wake another thread as often. */
		wake: spread(wakes.slice(-rounds)),
		/** How many were sent in a second. */
		rate: record(sides, (side) => spread(counted[side].rate)),
		/** What the pub/sub in JS takes, by what ours does. */
		vsPubSub: {
			p50: ratios(pubSub.p50, ours.p50),
			p99: ratios(pubSub.p99, ours.p99),
			cpu: record(SHARES, (share) => ratios(pubSub.cpu[share].map(atLeast1), ours.cpu[share].map(atLeast1))),
		},
		/** What the main thread of a node that a message is not for takes, with one channel in JS, by what ours does. */
		vsPlain: plain && ratios(plain.cpu.bystander.map(atLeast1), ours.cpu.bystander.map(atLeast1)),
	};
}

/**
 * @param {Fleet} fleet
 * @param {Node} floor
 * @param {RedisServer} redis
 * @returns {Promise<Cpu>} since each began; that of the sender is what it has taken beyond the floor
 */
async function usedCpu({ nodes }, floor, redis) {
	const [own, receiver, bystander] = await Promise.all([
		beyondFloor(nodes.sender, floor),
		nodes.receiver.call('cpu'),
		nodes.bystander.call('cpu'),
	]);
	return {
		sender: own.main,
		senderWhole: own.all,
		receiver: receiver.main,
		receiverWhole: receiver.all,
		bystander: bystander.main,
		bystanderWhole: bystander.all,
		redis: await cpuOf(redis),
	};
}

/**
 * @param {Node} node
 * @param {Node} floor
 */
async function beyondFloor(node, floor) {
	const [own, least] = await Promise.all([node.call('cpu'), floor.call('cpu')]);
	return { main: own.main - least.main, all: own.all - least.all };
}

/**
 * @param {RedisServer} redis
 * @returns CPU time since it began, in nanoseconds
 */
async function cpuOf(redis) {
	/** @type {string} */
	const info = await redis.command('INFO', 'cpu');
	const [system, user] = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, seconds]) => Number(seconds));
	return (system + user) * 1e9;
}

/** Of what lies within the noise of the floor there is no ratio otherwise. @param {number} ns */
function atLeast1(ns) {
	return Math.max(1, ns);
}

/**
 * @template {string} Key
 * @template Value
 * @param {readonly Key[]} keys
 * @param {(key: Key) => Value} of
 */
function record(keys, of) {
	return /** @type {Record<Key, Value>} */ (Object.fromEntries(keys.map((key) => [key, of(key)])));
}

/**
 * @param {Float64Array} sends
 * @param {Float64Array} arrivals of each message as many as there are sessions that it was for
 */
function latenciesOf(sends, arrivals) {
	const each = arrivals.length / sends.length;
	return arrivals.map((at, index) => at - sends[Math.floor(index / each)]);
}

/**
 * @param {Float64Array} sorted
 * @param {number} share
 */
function quantile(sorted, share) {
	return sorted[Math.ceil(sorted.length * share) - 1];
}
