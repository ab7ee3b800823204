// Between machines, by Redis: nodes are processes, and Redis a server of the benchmark's own, on this machine as they are, with
// append-only on as the README has it.

import { startRedis } from '../../__test__/support/redis.js';
import { backlogCells, measureBacklog } from './backlog.mjs';
import { commandsName, measureCommands } from './commands.mjs';
import { canTellMainThread } from './cpu.mjs';
import { tryUpstream } from './upstream-failures.mjs';
import { Fleet } from './node-group.mjs';
import { Node } from './node-handle.mjs';
import { measureTraffic, trafficCells } from './steady-traffic.mjs';

/** @typedef {import('../../__test__/support/redis.js').RedisServer} RedisServer */
/** @typedef {import('./implementations.mjs').RedisSide} RedisSide */

const FULL = { quick: false, sessions: 10_000, ms: 2_000, rounds: 6 };
const QUICK = { quick: true, sessions: 1_000, ms: 300, rounds: 2 };

const SESSIONS_OF_A_NODE = 10;

/**
 * What there is to measure, of what `wanted` has chosen; `undefined` for nothing.
 *
 * @param {boolean} quick
 * @param {(row: { name: string }) => boolean} wanted
 */
export function redisParts(quick, wanted) {
	const size = quick ? QUICK : FULL;
	const commands = wanted({ name: commandsName(size.sessions) });
	const traffic = trafficCells().filter(wanted);
	const backlogs = backlogCells().filter(wanted);
	if (!commands && traffic.length + backlogs.length === 0) return undefined;
	return { size, commands, traffic, backlogs };
}

/**
 * @param {NonNullable<ReturnType<typeof redisParts>>} parts
 * @param {(line: string) => void} log
 */
export async function measureRedis({ size, commands, traffic, backlogs }, log) {
	const start = () => startRedis({ appendOnly: true });
	const first = canTellMainThread()
		? await start().catch(({ message }) => message)
		: 'only Linux and Node.js 23.9 or later tell what a thread takes';
	if (typeof first === 'string') {
		log(`redis: not measured: ${first}`);
		return undefined;
	}
	const faults = await tryUpstream(first, size.quick).finally(() => first.end());
	for (const { to, due, arrived } of faults.sends) log(`redis: upstream's to ${to}: ${arrived} of ${due} arrived`);
	const counted = commands ? await measureCommands(start, size) : undefined;
	if (counted) log(`${counted.name}: counted`);
	const redis = await start();
	try {
		const version = /redis_version:(\S+)/.exec(await redis.command('INFO', 'server'))?.[1];
		const rows = await measureFleets(redis, size, traffic, backlogs, log);
		return { server: version, faults, commands: counted, ...rows };
	} finally {
		await redis.end();
	}
}

/**
 * @param {RedisServer} redis
 * @param {typeof FULL} size
 * @param {ReturnType<typeof trafficCells>} traffic
 * @param {ReturnType<typeof backlogCells>} backlogs
 * @param {(line: string) => void} log
 */
async function measureFleets(redis, size, traffic, backlogs, log) {
	const rows = {
		traffic: /** @type {Awaited<ReturnType<typeof measureTraffic>>[]} */ ([]),
		backlogs: /** @type {Awaited<ReturnType<typeof measureBacklog>>[]} */ ([]),
	};
	if (traffic.length + backlogs.length === 0) return rows;
	/** @type {{ stop(): Promise<unknown> }[]} */
	const started = [];
	try {
		/** @param {'floor' | 'wake'} player */
		const startNode = async (player) => {
			const node = await Node.start(player, redis.url);
			started.push(node);
			return node;
		};
		/** @param {RedisSide} side */
		const startFleet = async (side) => {
			const fleet = await Fleet.start(side, redis, SESSIONS_OF_A_NODE);
			started.push(fleet);
			await fleet.checkAnswers();
			return fleet;
		};
		const beside = { floor: await startNode('floor'), wake: await startNode('wake') };
		const fleets = {
			upstream: await startFleet('upstream'),
			pubSub: await startFleet('pubSub'),
			plain: await startFleet('plain'),
			ours: await startFleet('ours'),
		};
		for (const cell of traffic) {
			const row = await measureTraffic(cell, fleets, beside, redis, size);
			const { p50, cpu } = row.vsPubSub;
			log(
				`${cell.name}: ${p50.median.toFixed(2)}x of pub/sub's p50, ${cpu.sender.median.toFixed(1)}x of its main thread`,
			);
			rows.traffic.push(row);
		}
		for (const cell of backlogs) {
			const row = await measureBacklog(cell, fleets, size);
			log(`${cell.name}: ${row.vsPubSub.median.toFixed(2)}x of pub/sub`);
			rows.backlogs.push(row);
		}
	} finally {
		await Promise.all(started.map((one) => one.stop()));
	}
	return rows;
}
