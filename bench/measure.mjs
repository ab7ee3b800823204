// Selects the rows of a run, and measures them one subject after the other.

import { comparisonPart, measureComparison } from './comparison/measure.mjs';
import { deliveryPart, measureDelivery } from './delivery/measure.mjs';
import { measureEndToEnd } from './e2e/measure.mjs';
import { describeEnvironment } from './harness/environment.mjs';
import { FULL, QUICK } from './harness/interleave.mjs';
import { measureOperations } from './harness/operations.mjs';
import { infoOperations } from './info/operations.mjs';
import { measureMemory } from './memory/measure.mjs';
import { measureOptions, optionsPart } from './options/measure.mjs';
import { measureRedis, redisPart } from './redis/measure.mjs';
import { measureNodes, nodesPart } from './redis/nodes/measure.mjs';
import { lifecycleOperations } from './streams/lifecycle.mjs';
import { measureSends, sendCells } from './streams/send.mjs';
import { subscriptionOperations } from './subscriptions/operations.mjs';
import { measureThreads, threadCells } from './threads/measure.mjs';
import { measureSingleThreadScope, singleThreadScopeCells } from './threads/single-thread-scope.mjs';

/**
 * @typedef {object} Selection
 * @property {boolean} quick true to measure a small part of it, shortly
 * @property {string} only part of the names of the rows; empty for all rows
 * @property {string | undefined} before a commit to compare with; other rows are not measured then
 */

/**
 * Measures the selected rows. Returns `undefined` when no row has that name.
 *
 * @param {Selection} selection
 * @param {(line: string) => void} log
 * @returns {Promise<import('./report/results.mjs').Measured | undefined>}
 */
export async function measure({ quick, only, before }, log) {
	const hasName = (/** @type {{ name: string }} */ { name }) => name.toLowerCase().includes(only.toLowerCase());
	const isSelected = before === undefined ? hasName : () => false;
	const isThreadSelected = (/** @type {{ name: string }} */ { name }) => isSelected({ name: `threads: ${name}` });

	const sends = sendCells(quick).filter(isSelected);
	const operations = [...lifecycleOperations, ...infoOperations, ...subscriptionOperations].filter(isSelected);
	const threads = threadCells(quick).filter(isThreadSelected);
	const singleThreadScope = singleThreadScopeCells(quick).filter(isThreadSelected);
	const comparison = comparisonPart(quick, before, hasName);
	const options = optionsPart(quick, isSelected);
	const redis = redisPart(quick, isSelected);
	// With `--before`, only when they are asked for, since they take minutes.
	const nodes = before === undefined || only !== '' ? nodesPart(quick, before, hasName) : undefined;
	const delivery = deliveryPart(quick, isSelected);
	const withMemory = isSelected({ name: 'memory' });
	const withEndToEnd = isSelected({ name: 'end to end' });
	const rows = sends.length + operations.length + threads.length + singleThreadScope.length;
	if (rows === 0 && !comparison && !options && !redis && !nodes && !delivery && !withMemory && !withEndToEnd)
		return undefined;

	const budget = quick ? QUICK : FULL;
	return {
		// First, so that the commit is the one whose code was loaded.
		about: describeEnvironment(),
		sends: await measureSends(sends, budget, log),
		operations: await measureOperations(operations, budget, log),
		threads: await measureThreads(threads, budget, log),
		singleThreadScope: await measureSingleThreadScope(singleThreadScope, budget, log),
		comparison: comparison && (await measureComparison(comparison, log)),
		options: options && (await measureOptions(options, log)),
		redis: redis && (await measureRedis(redis, log)),
		nodes: nodes && (await measureNodes(nodes, log)),
		delivery: delivery && (await measureDelivery(delivery, log)),
		memory: withMemory ? await measureMemory(quick, log) : undefined,
		endToEnd: withEndToEnd ? await measureEndToEnd(quick, log) : undefined,
	};
}
