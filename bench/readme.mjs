// The figures of the README: a choice of rows, and every row that we lose, written between its two markers.

import { readFileSync, writeFileSync } from 'node:fs';
import { factor, table, time } from './report.mjs';
import { titles } from './sides.mjs';

/** @typedef {import('./run.mjs').Results} Results */

const README = new URL('../README.md', import.meta.url);
const BEGIN = '<!-- written by `npm run bench` -->';
const END = '<!-- until here -->';

const CHOSEN = [
	'send 100 B to everyone of 1',
	'send 100 B to everyone of 10',
	'send 100 B to everyone of 100',
	'send 100 B to everyone of 1,000',
	'send 100 B to everyone of 10,000',
	'send 4 KB to everyone of 1,000',
	'send 64 KB to everyone of 1,000',
	'send 100 B to one of 1',
	'send 100 B to one of 1,000',
	'send 100 B to one of 10,000',
	'send 100 B to a tenth of 10,000',
	'delete of a session with 3 URIs, 10,000 being known',
	'a notification to 10 of 10 registrations',
	'a notification to 10 of 10,000 registrations',
];

/** @param {Results} results of a full run */
export function writeReadme(results) {
	const readme = readFileSync(README, 'utf8');
	const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
	if (begin < 0 || end < begin) throw new Error('README.md has no place for the figures');
	const block = [BEGIN, '', ...figures(results), '', END].join('\n');
	writeFileSync(README, readme.slice(0, begin) + block + readme.slice(end + END.length));
}

/** @param {Results} results */
function figures({ about, sends, operations, endToEnd, losses, memory }) {
	const rows = [...sends, ...operations];
	const chosen = CHOSEN.flatMap((name) => rows.filter((row) => row.name === name));
	const lost = rows.filter(({ name }) => losses.some((loss) => loss.name === name));
	const head = ['', titles.upstream, 'here', `${titles.upstream} / here`];
	/** @param {(typeof rows)[number]} row */
	const cells = ({ name, ns, vsUpstream }) => [
		name,
		time(ns.upstream.median),
		time(ns.ours.median),
		`**${factor(vsUpstream.median)}**`,
	];
	const { ours, upstream } = memory.managers;
	return [
		`Commit ${about.commit}, Node.js ${about.node}, ${about.platform}, ${about.cpu}, ${about.cores} cores, ${about.date}. Medians; a`,
		'ratio is the median of the ratios round by round.',
		'',
		...table(head, chosen.map(cells)),
		'',
		`End to end, with \`node:http\` and ${endToEnd.clients} clients in another process, the server's CPU time for each message`,
		`delivered is ${time(endToEnd.ns.upstream.median)} with upstream and ${time(endToEnd.ns.ours.median)} here (${factor(endToEnd.vsUpstream.median)}): most of it is \`node:http\`'s.`,
		'',
		'**Where it loses.** A registry in native memory costs more to reach than a `Map`, to come and go above all:',
		'',
		...table(head, lost.map(cells)),
		'',
		`And a session takes ${ours.rss.median.toFixed(0)} B beside its stream (which takes ${memory.streams.rss.median.toFixed(0)} B), with upstream ${upstream.rss.median.toFixed(0)} B.`,
	];
}
