// The results as Markdown: for the terminal, and for bench/results/latest.md.

import { amount, bytes, factor, quartiles, rate, table, time } from '../format.mjs';
import { optionSections } from './options.mjs';
import { redisSections } from './redis.mjs';
import { titles } from '../../harness/implementations.mjs';
import { titles as ways } from '../../threads/channels.mjs';

/** @typedef {import('../../run.mjs').Results} Results */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */

/** @param {Results} results */
export function markdown(results) {
	return [
		...heading(results),
		...marks(results),
		...whereItLoses(results),
		...sends(results),
		...operations(results),
		...threads(results),
		...alone(results),
		...optionSections(results.options),
		...redisSections(results.redis),
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

const WAYS = /** @type {const} */ (['broadcastChannel', 'messagePort', 'ours']);
const OTHERS = [`${ways.broadcastChannel} / ours`, `${ways.messagePort} / ours`];

/** @param {Results} results */
function threads({ threads }) {
	if (threads.length === 0) return [];
	/** @type {(rows: typeof threads) => string[]} */
	const whole = (rows) =>
		table(
			[
				'sessions',
				'to',
				'text',
				'burst',
				'pace',
				...WAYS.map((way) => ways[way]),
				ways.floor,
				...OTHERS,
				'ours / floor',
			],
			rows.map((row) => [
				...conditions(row),
				...WAYS.map((way) => time(row.ns[way].median)),
				time(row.ns.floor.median),
				...ratiosToOthers(row),
				`${factor(row.vsFloor.median)} ${quartiles(row.vsFloor)}`,
			]),
		);
	return [
		'',
		'## To the sessions of worker threads',
		'',
		'From the first `send` of a burst, in the main thread, until its last byte has been read from the last stream, in the',
		"worker. Upstream's manager lives in the worker, and is given what a `BroadcastChannel` or the port of a",
		'`MessageChannel` brings. One at a time: a burst goes out when the one before has been read, so that each wakes a',
		"thread that sleeps. Back to back: one goes out in each turn of the sender's event loop; the time of all, by their",
		'number. For the floor, one message of a number goes through a port, and the worker enqueues a ready chunk as often.',
		'',
		...whole(threads.filter(({ workers }) => workers === 1)),
		'',
		'What comes out of broadcasts to several threads: messages read in a second, in all of them together.',
		'',
		...table(
			['sessions', 'to', 'text', 'burst', 'pace', ...WAYS.map((way) => ways[way]), ways.floor, ...OTHERS],
			threads
				.filter(({ workers }) => workers > 1)
				.map((row) => [
					...conditions(row),
					...WAYS.map((way) => rate(row.deliveries, row.ns[way].median)),
					rate(row.deliveries, row.ns.floor.median),
					...ratiosToOthers(row),
				]),
		),
		'',
		"The sender's part in all of these: the time within each `send`, or within `postMessage`, of which a broadcast by",
		'MessagePort takes one for each thread.',
		'',
		...table(
			['sessions', 'to', 'text', 'burst', 'pace', ...WAYS.map((way) => ways[way]), ...OTHERS],
			threads.map((row) => [
				...conditions(row),
				...WAYS.map((way) => time(row.sending.ns[way].median)),
				...ratiosToOthers(row.sending),
			]),
		),
	];
}

/** @param {Results['threads'][number]} row */
function conditions({ workers, sessions, kind, text, burst, pace }) {
	return [workers === 1 ? `${sessions}` : `${workers} x ${sessions}`, kind, text, `${burst}`, pace];
}

/** @param {{ vsBroadcastChannel: Spread, vsMessagePort: Spread }} ratios */
function ratiosToOthers({ vsBroadcastChannel, vsMessagePort }) {
	return [vsBroadcastChannel, vsMessagePort].map((ratio) => `**${factor(ratio.median)}** ${quartiles(ratio)}`);
}

/** @param {Results} results */
function alone({ alone }) {
	if (alone.length === 0) return [];
	return [
		'',
		'## A scope with one thread in it',
		'',
		'`send` of 100 B to sessions of the same thread, by a manager with a scope and by one without.',
		'',
		...table(
			['', 'without', 'with', 'with / without'],
			alone.map(({ sessions, kind, ns, vsPlain }) => [
				`${kind} of ${sessions.toLocaleString('en')}`,
				time(ns.plain.median),
				time(ns.scoped.median),
				`**${vsPlain.median.toFixed(3)}x** (${vsPlain.p25.toFixed(3)} – ${vsPlain.p75.toFixed(3)})`,
			]),
		),
	];
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
