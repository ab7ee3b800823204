// This checkout against an earlier commit, as Markdown.

import { BEFORE_OPTIONS, TOLERANCE } from '../../comparison/measure.mjs';
import { fineFactor, fineQuartiles, table, time } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */

/** @param {Results} results */
export function comparisonSection({ about, comparison }) {
	if (!comparison) return [];
	const { commit, isRequested, rows } = comparison;
	const note = commit.startsWith(BEFORE_OPTIONS) ? ', the last commit before stream managers had options' : '';
	return [
		'',
		`## Compared with commit ${commit}`,
		'',
		`Commit ${about.commit} ("now") is compared with commit ${commit} ("before")${note}. Both run without`,
		'options. Each has its own copy of the package, and a row is measured in several processes. The last column compares two',
		'copies of the same code: its difference from 1 is the error of the measurement.',
		'',
		...(isRequested ? [...verdict(rows), ''] : []),
		...table(
			['', 'before', 'now', 'now / before', 'now / now'],
			rows.map(({ name, ns, vsBefore, vsItself }) => [
				name,
				time(ns.before.median),
				time(ns.now.median),
				`**${fineFactor(vsBefore.median)}** ${fineQuartiles(vsBefore)}`,
				`${fineFactor(vsItself.median)} ${fineQuartiles(vsItself)}`,
			]),
		),
	];
}

/** @param {NonNullable<Results['comparison']>['rows']} rows */
function verdict(rows) {
	const within = `within ±${TOLERANCE * 100} %`;
	const outside = rows.filter(({ vsBefore }) => Math.abs(vsBefore.median - 1) > TOLERANCE);
	if (outside.length === 0) return [`${rows.length} of ${rows.length} rows are ${within} of the time before.`];
	return [
		`${rows.length - outside.length} of ${rows.length} rows are ${within} of the time before. The others:`,
		'',
		...outside.map(({ name, vsBefore, vsItself }) => {
			return `- ${name}: ${fineFactor(vsBefore.median)} (two copies of the same code: ${fineFactor(vsItself.median)})`;
		}),
	];
}
