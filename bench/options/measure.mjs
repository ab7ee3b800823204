// What the options of stream managers cost, and what they are good for.

import { burstCells, measureBursts } from './coalesce-bursts.mjs';
import { keepAliveName, measureKeepAlive } from './keep-alive.mjs';
import { beforeCells, measureBefore, measurePrices, priceGroups } from './cost.mjs';
import { measureStalls, stallName } from './event-loop-delay.mjs';

/**
 * What there is to measure, of what `wanted` has chosen; `undefined` for nothing.
 *
 * @param {boolean} quick
 * @param {(row: { name: string }) => boolean} wanted
 */
export function optionParts(quick, wanted) {
	const before = beforeCells(quick).filter(({ name }) =>
		wanted({ name: `options, none beside the commit before: ${name}` }),
	);
	const prices = priceGroups(quick)
		.map((group) => ({ ...group, cells: group.cells.filter(({ name }) => wanted({ name: `options, each: ${name}` })) }))
		.filter(({ cells }) => cells.length > 0);
	const keepAlive = wanted({ name: keepAliveName(quick) });
	const stalls = wanted({ name: stallName(quick) });
	const bursts = burstCells(quick).filter(wanted);
	const count = before.length + prices.length + bursts.length;
	return count > 0 || keepAlive || stalls ? { quick, before, prices, keepAlive, stalls, bursts } : undefined;
}

/**
 * @param {NonNullable<ReturnType<typeof optionParts>>} parts
 * @param {(line: string) => void} log
 */
export async function measureOptions({ quick, before, prices, keepAlive, stalls, bursts }, log) {
	const results = {
		before: before.length > 0 ? await measureBefore(before, quick, log) : undefined,
		prices: /** @type {Awaited<ReturnType<typeof measurePrices>>[]} */ ([]),
		keepAlive: keepAlive ? await measureKeepAlive(quick, log) : undefined,
		stalls: stalls ? await measureStalls(quick, log) : undefined,
		bursts: /** @type {Awaited<ReturnType<typeof measureBursts>>[]} */ ([]),
	};
	for (const group of prices) results.prices.push(await measurePrices(group, quick, log));
	for (const cell of bursts) results.bursts.push(await measureBursts(cell, quick, log));
	return results;
}
