// Delivery to clients over HTTP: servers with this package, with and without native delivery, and other servers. Each runs in a
// process of its own, and so do its clients. They stay connected while the cells of a group are measured, in alternating turns.

import { describeEnvironment } from '../harness/environment.mjs';
import { startRedis } from '../redis/redis-server.mjs';
import { deliveryCells, sizeOf } from './cells.mjs';
import { canReadCpuTime } from './cpu-time.mjs';
import { measureCpu, measureRequests, measureTurns } from './rows.mjs';
import { Side } from './side.mjs';
import { findSides } from './sides.mjs';

/** @typedef {import('./cells.mjs').Cell} Cell */
/** @typedef {import('./side.mjs').SideName} SideName */
/** @typedef {import('./side.mjs').Setup} Setup */

/**
 * Returns what there is to measure, or `undefined` for nothing.
 *
 * @param {boolean} quick
 * @param {(row: { name: string }) => boolean} isSelected
 */
export function deliveryPart(quick, isSelected) {
	const cells = deliveryCells(quick).filter(isSelected);
	return cells.length === 0 ? undefined : { size: sizeOf(quick), cells };
}

/**
 * @param {NonNullable<ReturnType<typeof deliveryPart>>} part
 * @param {(line: string) => void} log
 */
export async function measureDelivery({ size, cells }, log) {
	if (!canReadCpuTime()) {
		log('delivery: not measured: the CPU time of another process needs Linux');
		return undefined;
	}
	const withAxum = cells.some(({ from }) => from === 'main');
	const { axum, namesFrom } = findSides(size.quick, withAxum, log);
	const rows = {
		// Of its own, because this part is also measured without the others.
		about: describeEnvironment(),
		cpu: /** @type {Awaited<ReturnType<typeof measureCpu>>[]} */ ([]),
		turns: /** @type {Awaited<ReturnType<typeof measureTurns>>[]} */ ([]),
		requests: /** @type {Awaited<ReturnType<typeof measureRequests>>[]} */ ([]),
	};
	for (const group of groupsOf(cells)) {
		const [{ from, clients }] = group;
		const redis = from === 'redis' ? await startRedis({ appendOnly: true }).catch(({ message }) => message) : undefined;
		if (typeof redis === 'string') {
			log(`delivery: not measured through Redis: ${redis}`);
			continue;
		}
		const setup = { from, clients, axum, redisUrl: redis?.url };
		await withSides(namesFrom(from), setup, async (sides) => {
			for (const cell of group) {
				if (cell.subject === 'cpu') rows.cpu.push(await measureCpu(cell, sides, size, log));
				else if (cell.subject === 'turns') rows.turns.push(await measureTurns(cell, sides, size, log));
				else rows.requests.push(await measureRequests(cell, sides, size, log));
			}
		}).finally(() => redis?.end());
	}
	return rows;
}

/**
 * Returns the cells of each number of clients and place that messages are sent from.
 *
 * @param {Cell[]} cells
 * @returns {Cell[][]}
 */
function groupsOf(cells) {
	/** @type {Map<string, Cell[]>} */
	const groups = new Map();
	for (const cell of cells) {
		const key = `${cell.from} ${cell.clients}`;
		groups.set(key, [...(groups.get(key) ?? []), cell]);
	}
	return [...groups.values()];
}

/**
 * Starts the servers, and ends them afterwards.
 *
 * @param {SideName[]} names
 * @param {Setup} setup
 * @param {(sides: Side[]) => Promise<void>} measure
 */
async function withSides(names, setup, measure) {
	/** @type {Side[]} */
	const sides = [];
	try {
		for (const name of names) sides.push(await Side.start(name, setup));
		await measure(sides);
		// Fails when something has arrived twice, or without being sent.
		for (const side of sides) await side.check();
	} finally {
		await Promise.all(sides.map((side) => side.stop()));
	}
}
