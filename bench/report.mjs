// The results as Markdown: for the terminal, and for bench/results/latest.md.

import { titles } from './sides.mjs';

/** @typedef {import('./run.mjs').Results} Results */
/** @typedef {import('./stats.mjs').Spread} Spread */

/** @param {Results} results */
export function markdown(results) {
	return [
		...heading(results),
		...marks(results),
		...whereItLoses(results),
		...sends(results),
		...operations(results),
		...memory(results),
		...endToEnd(results),
		'',
	].join('\n');
}

/** @param {Results} results */
function heading({ about, statistic }) {
	return [
		'# Benchmark',
		'',
		`This package ${about.package} (commit ${about.commit}) against upstream ${about.upstream} and ${about.upstreamOld}`,
		`on ${about.date}: Node.js ${about.node} (V8 ${about.v8}), ${about.platform}, ${about.cpu}, ${about.cores} cores.`,
		'',
		...statistic,
	];
}

/** @param {Results} results */
function marks({ marks }) {
	const verdict = { true: 'pass', false: '**fail**', null: 'not measured' };
	return [
		'',
		'## Marks',
		'',
		...table(
			['mark', 'target', 'measured', ''],
			marks.map(({ name, bound, target, unit, measured, passed }) => [
				name,
				`${bound} ${amount(target, unit)}`,
				measured === null ? '' : amount(measured, unit),
				verdict[`${passed}`],
			]),
		),
	];
}

/** @param {Results} results */
function whereItLoses({ losses }) {
	const lines = losses.map(
		({ name, against, ratio, withinNoise }) =>
			`- ${name}: ${factor(ratio)} of ${against}${withinNoise ? ' (within the noise: its quartiles span 1x)' : ''}`,
	);
	return ['', '## Where it loses', '', ...(lines.length === 0 ? ['Nowhere in what was measured.'] : lines)];
}

/** @param {Results} results */
function sends({ sends }) {
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
				`${titles.upstream} / ours`,
				`${titles.old} / ours`,
				'ours / floor',
			],
			sends
				.filter((row) => row.text === text)
				.map(({ sessions, kind, cold, ns, vsUpstream, vsOld, vsFloor }) => [
					sessions.toLocaleString('en'),
					cold ? `${kind}, caches cold` : kind,
					...[ns.old, ns.upstream, ns.ours, ns.floor].map(({ median }) => time(median)),
					`**${factor(vsUpstream.median)}** ${quartiles(vsUpstream)}`,
					`${factor(vsOld.median)} ${quartiles(vsOld)}`,
					`${factor(vsFloor.median)} ${quartiles(vsFloor)}`,
				]),
		),
	]);
}

/** @param {Results} results */
function operations({ operations }) {
	const groups = [...new Set(operations.map(({ group }) => group))];
	return groups.flatMap((group) => {
		const rows = operations.filter((row) => row.group === group);
		const sides = /** @type {const} */ (['old', 'upstream', 'ours']).filter((side) => rows[0].ns[side]);
		const ratioHeads = sides.includes('old') ? [`${titles.old} / ours`] : [];
		return [
			'',
			`## ${group}`,
			'',
			...table(
				['', ...sides.map((side) => titles[side]), `${titles.upstream} / ours`, ...ratioHeads],
				rows.map(({ name, ns, vsUpstream, vsOld }) => [
					name,
					...sides.map((side) => time(ns[side].median)),
					`**${factor(vsUpstream.median)}** ${quartiles(vsUpstream)}`,
					...(vsOld ? [`${factor(vsOld.median)} ${quartiles(vsOld)}`] : []),
				]),
			),
		];
	});
}

/** @param {Results} results */
function memory({ memory }) {
	if (!memory) return [];
	const { sessions, repeats, streams, managers } = memory;
	/** @type {[string, { rss: Spread, js: Spread }][]} */
	const rows = [
		['the stream and its id, with no manager', streams],
		[`+ ${titles.old}`, managers.old],
		[`+ ${titles.upstream}`, managers.upstream],
		[`+ ${titles.ours}`, managers.ours],
	];
	return [
		'',
		`## Memory of a session, of ${sessions.toLocaleString('en')}`,
		'',
		`Bytes, after garbage collection, in processes of their own (${repeats} each). "JS" is \`heapUsed + external\`; RSS`,
		'is what the process has in all, memory of Rust and unused pages included.',
		'',
		...table(
			['', 'RSS', 'JS'],
			rows.map(([name, { rss, js }]) => [name, bytes(rss), bytes(js)]),
		),
	];
}

/** @param {Results} results */
function endToEnd({ endToEnd }) {
	if (!endToEnd) return [];
	const { clients, messages, rounds, ns, vsUpstream } = endToEnd;
	return [
		'',
		'## End to end',
		'',
		`A \`node:http\` server broadcasts ${messages} messages to ${clients} SSE clients in another process, which check`,
		`every byte; ${rounds} rounds. The server's CPU time for each message delivered:`,
		'',
		...table(
			[titles.upstream, titles.ours, 'ratio'],
			[
				[
					`${time(ns.upstream.median)} (${time(ns.upstream.p25)} – ${time(ns.upstream.p75)})`,
					`${time(ns.ours.median)} (${time(ns.ours.p25)} – ${time(ns.ours.p75)})`,
					`**${factor(vsUpstream.median)}** ${quartiles(vsUpstream)}`,
				],
			],
		),
	];
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(head, rows) {
	const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/**
 * @param {number} number
 * @param {'x' | 'ns'} unit
 */
function amount(number, unit) {
	return unit === 'x' ? factor(number) : time(number);
}

/** @param {number} number */
export function factor(number) {
	return `${significant(number)}x`;
}

/** @param {Spread} spread */
function quartiles({ p25, p75 }) {
	return `(${significant(p25)} – ${significant(p75)})`;
}

/** @param {Spread} spread */
function bytes({ median, p25, p75 }) {
	return `${median.toFixed(0)} (${p25.toFixed(0)} – ${p75.toFixed(0)})`;
}

/** @param {number} number */
function significant(number) {
	return number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0);
}

/** @param {number} ns */
export function time(ns) {
	if (ns < 1e3) return `${ns.toFixed(0)} ns`;
	if (ns < 1e6) return `${significant(ns / 1e3)} µs`;
	return `${significant(ns / 1e6)} ms`;
}
