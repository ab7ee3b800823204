// What each further node costs, beside this package at an earlier commit, pub/sub in JavaScript, and the adapter of socket.io.

import { describeEnvironment } from '../../harness/environment.mjs';
import { canMeasureMainThread } from '../main-thread-cpu.mjs';
import { NodeHandle } from '../node-handle.mjs';
import { startRedis } from '../redis-server.mjs';
import { measureBurst } from './burst.mjs';
import { nodeCells, sizeOf } from './cells.mjs';
import { measureGrowth } from './growth.mjs';
import { measureHas } from './has.mjs';
import { BEFORE_INBOXES, findSides, Side } from './sides.mjs';
import { measureStorm } from './storm.mjs';
import { measureTraffic } from './traffic.mjs';

/** @typedef {import('./cells.mjs').Cell} Cell */

/**
 * Returns what there is to measure, or `undefined` for nothing.
 *
 * @param {boolean} quick
 * @param {string | undefined} reference the commit to compare with
 * @param {(row: { name: string }) => boolean} isSelected
 */
export function nodesPart(quick, reference, isSelected) {
	const cells = nodeCells(quick).filter(isSelected);
	return cells.length === 0 ? undefined : { size: sizeOf(quick), reference: reference ?? BEFORE_INBOXES, cells };
}

/**
 * @param {NonNullable<ReturnType<typeof nodesPart>>} part
 * @param {(line: string) => void} log
 */
export async function measureNodes({ size, reference, cells }, log) {
	const server = canMeasureMainThread()
		? await redisVersion().catch(({ message }) => ({ missing: message }))
		: { missing: 'the CPU time of a thread needs Linux or Node.js 23.9' };
	if (typeof server !== 'string') {
		log(`nodes: not measured: ${server.missing}`);
		return undefined;
	}
	const growth = cells.filter((cell) => cell.subject === 'growth');
	const besideOthers = cells.filter((cell) => cell.subject !== 'growth');
	const { names, before } = findSides(reference, log);
	const rows = {
		// Of its own, because this part is also measured without the others.
		about: describeEnvironment(),
		server,
		before: before.commit,
		traffic: /** @type {Awaited<ReturnType<typeof measureTraffic>>[]} */ ([]),
		has: /** @type {Awaited<ReturnType<typeof measureHas>>[]} */ ([]),
		bursts: /** @type {Awaited<ReturnType<typeof measureBurst>>[]} */ ([]),
		storms: /** @type {Awaited<ReturnType<typeof measureStorm>>[]} */ ([]),
		growth: /** @type {Awaited<ReturnType<typeof measureGrowth>>} */ ([]),
	};
	const redis = await startRedis({ appendOnly: true });
	/** @param {number} nodes */
	const start = async (nodes) => {
		const floor = await NodeHandle.start('floor', '');
		/** @type {Side[]} */
		const sides = [];
		const stop = async () => {
			await Promise.all([floor, ...sides].map((one) => one.stop()));
			// Otherwise nodes that have ended would count.
			await redis.command('FLUSHALL');
		};
		try {
			for (const name of names) sides.push(await Side.start(name, redis, nodes, before));
		} catch (error) {
			await stop();
			throw error;
		}
		return { floor, sides, stop };
	};
	try {
		for (const nodes of new Set(besideOthers.map(({ nodes }) => nodes))) {
			const { floor, sides, stop } = await start(nodes);
			try {
				for (const cell of besideOthers.filter((cell) => cell.nodes === nodes)) {
					if (cell.subject === 'traffic') rows.traffic.push(await measureTraffic(cell, sides, floor, size));
					else if (cell.subject === 'has') rows.has.push(await measureHas(cell, sides, size));
					else if (cell.subject === 'burst') rows.bursts.push(await measureBurst(cell, sides, size));
					else rows.storms.push(await measureStorm(cell, sides, size));
					log(`${cell.name}: measured`);
				}
			} finally {
				await stop();
			}
		}
		if (growth.length > 0) {
			const floor = await NodeHandle.start('floor', '');
			try {
				rows.growth = await measureGrowth(growth, redis, floor, size);
			} finally {
				await floor.stop();
			}
			for (const { name } of growth) log(`${name}: measured`);
		}
	} finally {
		await redis.end();
	}
	return rows;
}

async function redisVersion() {
	const redis = await startRedis();
	try {
		return String(/redis_version:(\S+)/.exec(await redis.command('INFO', 'server'))?.[1]);
	} finally {
		await redis.end();
	}
}
