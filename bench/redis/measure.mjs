// Several nodes with Redis. The nodes are processes on this machine, and so is the Redis server, with append-only on, as the
// docs recommend.

import { describeEnvironment } from '../harness/environment.mjs';
import { backlogCells, measureBacklog } from './backlog.mjs';
import { commandsName, measureCommands } from './commands.mjs';
import { canMeasureMainThread } from './main-thread-cpu.mjs';
import { NodeGroup } from './node-group.mjs';
import { NodeHandle } from './node-handle.mjs';
import { startRedis } from './redis-server.mjs';
import { measureTraffic, trafficCells } from './steady-traffic.mjs';
import { tryUpstream } from './upstream-failures.mjs';

/** @typedef {import('./redis-server.mjs').RedisServer} RedisServer */
/** @typedef {import('./implementations.mjs').FewNodes} FewNodes */

const FULL = { quick: false, sessions: 10_000, ms: 2_000, rounds: 6 };
const QUICK = { quick: true, sessions: 1_000, ms: 300, rounds: 2 };

/** Sessions of the node that receives messages. */
const RECEIVER_SESSIONS = 10;

/**
 * Returns what there is to measure, or `undefined` for nothing.
 *
 * @param {boolean} quick
 * @param {(row: { name: string }) => boolean} isSelected
 */
export function redisPart(quick, isSelected) {
	const size = quick ? QUICK : FULL;
	const isRedisSelected = (/** @type {{ name: string }} */ { name }) => isSelected({ name: `redis: ${name}` });
	const commands = isRedisSelected({ name: commandsName(size.sessions) });
	const traffic = trafficCells(RECEIVER_SESSIONS).filter(isRedisSelected);
	const backlogs = backlogCells(RECEIVER_SESSIONS).filter(isRedisSelected);
	if (!commands && traffic.length + backlogs.length === 0) return undefined;
	return { size, commands, traffic, backlogs };
}

/**
 * @param {NonNullable<ReturnType<typeof redisPart>>} part
 * @param {(line: string) => void} log
 */
export async function measureRedis({ size, commands, traffic, backlogs }, log) {
	const start = () => startRedis({ appendOnly: true });
	const first = canMeasureMainThread()
		? await start().catch(({ message }) => message)
		: 'the CPU time of a thread needs Linux or Node.js 23.9';
	if (typeof first === 'string') {
		log(`redis: not measured: ${first}`);
		return undefined;
	}
	const upstreamFailures = await tryUpstream(first, size.quick).finally(() => first.end());
	for (const { to, expected, arrived } of upstreamFailures.sends) {
		log(`redis: upstream, send to ${to}: ${arrived} of ${expected} arrived`);
	}
	const counted = commands ? await measureCommands(start, size) : undefined;
	if (counted) log(`redis: ${counted.name}: counted`);
	const redis = await start();
	try {
		const server = /redis_version:(\S+)/.exec(await redis.command('INFO', 'server'))?.[1];
		const rows = await measureGroups(redis, size, traffic, backlogs, log);
		// Of its own, because this part is also measured without the others.
		return { about: describeEnvironment(), server, upstreamFailures, commands: counted, ...rows };
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
async function measureGroups(redis, size, traffic, backlogs, log) {
	const rows = {
		traffic: /** @type {Awaited<ReturnType<typeof measureTraffic>>[]} */ ([]),
		backlogs: /** @type {Awaited<ReturnType<typeof measureBacklog>>[]} */ ([]),
	};
	if (traffic.length + backlogs.length === 0) return rows;
	/** @type {{ stop(): Promise<unknown> }[]} */
	const started = [];
	try {
		/** @param {'floor' | 'threadWakeup'} kind */
		const startNode = async (kind) => {
			const node = await NodeHandle.start(kind, redis.url);
			started.push(node);
			return node;
		};
		/** @param {FewNodes} implementation */
		const startGroup = async (implementation) => {
			const group = await NodeGroup.start(implementation, redis, RECEIVER_SESSIONS);
			started.push(group);
			await group.checkDelivery();
			return group;
		};
		const baselines = { floor: await startNode('floor'), threadWakeup: await startNode('threadWakeup') };
		const groups = {
			upstream: await startGroup('upstream'),
			pubSub: await startGroup('pubSub'),
			singleChannel: await startGroup('singleChannel'),
			ours: await startGroup('ours'),
		};
		for (const cell of traffic) {
			const row = await measureTraffic(cell, groups, baselines, size);
			const { p50, cpu } = row.vsPubSub;
			log(
				`redis: ${cell.name}: p50 of pub/sub in JS / ours ${p50.median.toFixed(2)}x, CPU time of the sender's main thread ` +
					`${cpu.sender.median.toFixed(1)}x`,
			);
			rows.traffic.push(row);
		}
		for (const cell of backlogs) {
			const row = await measureBacklog(cell, groups, size);
			log(`redis: ${cell.name}: ${row.vsPubSub.median.toFixed(2)}x as fast as pub/sub in JS`);
			rows.backlogs.push(row);
		}
	} finally {
		await Promise.all(started.map((one) => one.stop()));
	}
	return rows;
}
