// The options of stream managers: what each one costs, and what `coalesce`, `sliceMs` and `keepAliveMs` achieve.

import { burstCells, measureBursts } from './coalesce-bursts.mjs';
import { costGroups, measureCosts } from './cost.mjs';
import { eventLoopDelayName, measureEventLoopDelay } from './event-loop-delay.mjs';
import { keepAliveName, measureKeepAlive } from './keep-alive.mjs';

/**
 * Returns what there is to measure, or `undefined` for nothing.
 *
 * @param {boolean} quick
 * @param {(row: { name: string }) => boolean} isSelected
 */
export function optionsPart(quick, isSelected) {
	const costs = costGroups(quick)
		.map((group) => ({
			...group,
			cells: group.cells.filter(({ name }) => isSelected({ name: `options: cost of each: ${name}` })),
		}))
		.filter(({ cells }) => cells.length > 0);
	const keepAlive = isSelected({ name: keepAliveName(quick) });
	const eventLoopDelay = isSelected({ name: eventLoopDelayName(quick) });
	const bursts = burstCells(quick).filter(isSelected);
	const isEmpty = costs.length + bursts.length === 0 && !keepAlive && !eventLoopDelay;
	return isEmpty ? undefined : { quick, costs, keepAlive, eventLoopDelay, bursts };
}

/**
 * @param {NonNullable<ReturnType<typeof optionsPart>>} part
 * @param {(line: string) => void} log
 */
export async function measureOptions({ quick, costs, keepAlive, eventLoopDelay, bursts }, log) {
	const results = {
		costs: /** @type {Awaited<ReturnType<typeof measureCosts>>[]} */ ([]),
		keepAlive: keepAlive ? await measureKeepAlive(quick, log) : undefined,
		eventLoopDelay: eventLoopDelay ? await measureEventLoopDelay(quick, log) : undefined,
		bursts: /** @type {Awaited<ReturnType<typeof measureBursts>>[]} */ ([]),
	};
	for (const group of costs) results.costs.push(await measureCosts(group, quick, log));
	for (const cell of bursts) results.bursts.push(await measureBursts(cell, quick, log));
	return results;
}
