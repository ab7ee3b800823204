// What the chaos run does to Redis and to the connections of its servers, and in which order.

import { setTimeout as pass } from 'node:timers/promises';

/** @import { BreakingProxy } from '../../support/redis-node/breaking-proxy.js' */
/** @import { World } from './world.js' */

/**
 * @typedef {object} Fault
 * @property {string} kind
 * @property {number} ms how long it lasts
 * @property {number[]} servers whose connections it breaks; empty if it breaks Redis itself
 */

/**
 * Begins a fault, lasts as long as `lasts`, and ends it. `isAlone` is true when no other fault lasts at the same time.
 *
 * @typedef {(world: World, proxies: BreakingProxy[], lasts: Promise<void>, isAlone: boolean) => unknown} Break
 */

/** Faults of Redis itself. Its data are on the disk before it replies, so no kill loses what it has accepted. @type {Record<string, Break>} */
const OF_REDIS = {
	async 'Redis is paused (SIGSTOP)'({ redis }, _, lasts) {
		redis.pause();
		await lasts;
		redis.resume();
	},
	async 'Redis is stopped (SIGTERM)'({ redis }, _, lasts) {
		await redis.stop();
		await lasts;
		await redis.start();
	},
	async 'Redis is killed (SIGKILL)'({ redis }, _, lasts) {
		await redis.kill();
		await lasts;
		await redis.start();
	},
	async 'Redis is full (OOM)'(world, _, lasts, isAlone) {
		await world.redis.command('CONFIG', 'SET', 'maxmemory', 1);
		// With a broken connection, a server knows only its own clients.
		await (isAlone ? world.readsUntil(lasts) : lasts);
		await world.redis.command('CONFIG', 'SET', 'maxmemory', 0);
	},
};

/** Faults of the network between Redis and some of the servers. @type {Record<string, Break>} */
const OF_NETWORK = {
	async 'connections are reset, again and again'(_, proxies, lasts) {
		let isOver = false;
		lasts.then(() => {
			isOver = true;
		});
		while (!isOver) {
			for (const proxy of proxies) proxy.cutAll();
			await Promise.race([lasts, pass(20 + Math.random() * 500)]);
		}
	},
	async 'connections break in the middle of commands and replies'(_, proxies, lasts) {
		for (const proxy of proxies) proxy.begin();
		await lasts;
		for (const proxy of proxies) proxy.begin(0);
	},
	async 'connections hang'(_, proxies, lasts) {
		for (const proxy of proxies) proxy.stall();
		await lasts;
		for (const proxy of proxies) proxy.resume();
	},
	async 'connections are refused'(_, proxies, lasts) {
		await Promise.all(proxies.map((proxy) => proxy.refuse()));
		await lasts;
		await Promise.all(proxies.map((proxy) => proxy.accept()));
	},
};

const ALL = { ...OF_REDIS, ...OF_NETWORK };

/** Range of the duration of a fault, in milliseconds. */
const MS = { shortest: 300, longest: 3_500 };
/** Range of the duration of one fault of a run: longer than `nodeTtlMs`, after which the others take a server for dead. */
const LONG_MS = { shortest: 10_500, longest: 12_000 };

/**
 * Returns faults of all kinds in random order. One of them is long.
 *
 * @param {(limit: number) => number} random
 * @param {number} servers number of servers
 * @param {RegExp} [only] the kinds
 * @returns {Fault[]}
 */
export function planFaults(random, servers, only = /./) {
	const kinds = Object.keys(ALL).filter((kind) => only.test(kind));
	if (kinds.length === 0) throw new Error(`no kind of fault matches ${only}: ${Object.keys(ALL).join('; ')}`);
	const order = kinds
		.map((kind) => ({ kind, place: random(2 ** 30) }))
		.sort((a, b) => a.place - b.place)
		.map(({ kind }) => kind);
	const long = random(order.length);
	return order.map((kind, index) => {
		const { shortest, longest } = index === long ? LONG_MS : MS;
		const some = Array.from({ length: servers }, (_, server) => server).filter(() => random(2) === 0);
		const broken = some.length > 0 ? some : [random(servers)];
		return { kind, ms: shortest + random(longest - shortest), servers: kind in OF_NETWORK ? broken : [] };
	});
}

/** Returns true for a fault of Redis itself. @param {Fault} fault */
export function isOfRedis({ kind }) {
	return kind in OF_REDIS;
}

/**
 * Runs a fault. Resolves when it is over.
 *
 * @param {World} world
 * @param {Fault} fault
 * @param {boolean} isAlone true when no other fault runs at the same time
 */
export async function runFault(world, { kind, ms, servers }, isAlone) {
	const proxies = servers.map((server) => world.proxies[server]);
	await ALL[kind](world, proxies, pass(ms), isAlone);
}
