// All rows of `send`, and of the other operations of a single thread.

import { titlesOf } from '../../harness/versions.mjs';
import { factor, factorWithQuartiles, quartiles, table, time } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */

/** @param {Results} results */
export function sendSections({ about, sends }) {
	const titles = titlesOf(about);
	const texts = [...new Set(sends.map(({ text }) => text))];
	return texts.flatMap((text) => [
		'',
		`## \`send\` of ${text}`,
		'',
		...table(
			[
				'sessions',
				'to',
				...[titles.old, titles.upstream, titles.ours, titles.floor],
				`${titles.upstream} / this package`,
				`${titles.old} / this package`,
				'this package / the floor',
			],
			sends
				.filter((row) => row.text === text)
				.map(({ sessions, kind, cold, ns, vsUpstream, vsOld, vsFloor }) => [
					sessions.toLocaleString('en'),
					cold ? `${kind}, caches cold` : kind,
					...[ns.old, ns.upstream, ns.ours, ns.floor].map(({ median }) => time(median)),
					factorWithQuartiles(vsUpstream),
					`${factor(vsOld.median)} ${quartiles(vsOld)}`,
					`${factor(vsFloor.median)} ${quartiles(vsFloor)}`,
				]),
		),
	]);
}

/** @param {Results} results */
export function operationSections({ about, operations }) {
	const titles = titlesOf(about);
	const groups = [...new Set(operations.map(({ group }) => group))];
	return groups.flatMap((group) => {
		const rows = operations.filter((row) => row.group === group);
		const implementations = /** @type {const} */ (['old', 'upstream', 'ours']).filter((name) => rows[0].ns[name]);
		const oldRatio = implementations.includes('old') ? [`${titles.old} / this package`] : [];
		return [
			'',
			`## ${group}`,
			'',
			...table(
				['', ...implementations.map((name) => titles[name]), `${titles.upstream} / this package`, ...oldRatio],
				rows.map(({ name, ns, vsUpstream, vsOld }) => [
					name,
					...implementations.map((implementation) => time(ns[implementation].median)),
					factorWithQuartiles(vsUpstream),
					...(vsOld ? [`${factor(vsOld.median)} ${quartiles(vsOld)}`] : []),
				]),
			),
		];
	});
}
