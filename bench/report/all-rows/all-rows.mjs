// All rows of a run as Markdown: printed by each run, and saved as bench/results/latest.md.

import { amount, factor, table } from '../format.mjs';
import { comparisonSection } from './comparison.mjs';
import { deliverySections } from './delivery.mjs';
import { endToEndSection, memorySection } from './memory-and-http.mjs';
import { nodeSections } from './nodes.mjs';
import { optionSections } from './options.mjs';
import { redisSections } from './redis.mjs';
import { operationSections, sendSections } from './streams.mjs';
import { threadSections } from './threads.mjs';

/** @typedef {import('../results.mjs').Results} Results */

/** @param {Results} results */
export function allRows(results) {
	return [
		...heading(results),
		...targets(results),
		...losses(results),
		...sendSections(results),
		...operationSections(results),
		...threadSections(results),
		...comparisonSection(results),
		...optionSections(results),
		...redisSections(results),
		...nodeSections(results),
		...deliverySections(results),
		...memorySection(results),
		...endToEndSection(results),
		'',
	].join('\n');
}

/** @param {Results} results */
function heading({ about }) {
	return [
		'# Benchmark results: all rows',
		'',
		`Version ${about.package} of this package (commit ${about.commit}), compared with versions ${about.upstream} and ${about.upstreamOld} of`,
		`\`@tmcp/session-manager\` ("upstream") on ${about.date}. Node.js ${about.node} (V8 ${about.v8}), ${about.platform}, ${about.cpu},`,
		`${about.cores} cores. [How to read the tables](../../docs/benchmarks.md#how-to-read-the-tables).`,
		'',
		'Times are medians. A ratio is the median of the ratios of all rounds, with its quartiles in brackets. "The floor" is a loop',
		'that enqueues one prepared chunk into the same streams: every manager has to do at least this.',
	];
}

/** @param {Results} results */
function targets({ targets }) {
	const measured = targets.filter(({ value }) => value !== null);
	if (measured.length === 0) return [];
	return [
		'',
		'## Targets',
		'',
		...table(
			['row', 'target', 'measured', 'result'],
			measured.map(({ name, bound, target, unit, value, passed }) => [
				name,
				`${bound} ${amount(target, unit)}`,
				amount(/** @type {number} */ (value), unit),
				passed ? 'pass' : '**fail**',
			]),
		),
	];
}

/** @param {Results} results */
function losses({ losses }) {
	if (losses.length === 0) return [];
	return [
		'',
		'## Where it loses',
		'',
		'In these rows, this package is slower or uses more. The ratio is the value of the other implementation divided by the value',
		'of this package.',
		'',
		...table(
			['row', 'compared with', 'ratio', 'quartiles span 1x'],
			losses.map(({ name, against, ratio, withinNoise }) => [name, against, factor(ratio), withinNoise ? 'yes' : '']),
		),
	];
}
