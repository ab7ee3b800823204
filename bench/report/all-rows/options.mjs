// All rows of the options of stream managers.

import { titlesOf } from '../../harness/versions.mjs';
import {
	factor,
	factorWithQuartiles,
	percent,
	quartiles,
	signedTime,
	table,
	time,
	timeWithQuartiles,
} from '../format.mjs';
import { optionTitle } from '../option-titles.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {NonNullable<Results['options']>} OptionResults */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */

const MODES = {
	sends: '`send`, while readers wait for the chunks',
	microtasks:
		'`send` and the microtasks that it causes, where `coalesce` does its work. There is one `send` per turn of the event loop, so there is nothing to coalesce',
	queued: '`send` of 100 B while nothing is read, so that queued bytes are counted',
	create: '`create` and `delete`',
};

const READERS = { waiting: 'a reader waits for each chunk', none: 'nothing is read during the broadcast' };

/** @param {Results} results */
export function optionSections({ about, options }) {
	if (!options) return [];
	const sections = [
		...costs(options),
		...keepAlive(options),
		...eventLoopDelay(options),
		...bursts(options, titlesOf(about)),
	];
	return sections.length === 0 ? [] : ['', '## Options of stream managers', ...sections];
}

/** @param {OptionResults} options */
function costs({ costs }) {
	if (costs.length === 0) return [];
	return [
		'',
		'### The cost of each option',
		'',
		'The time with the option divided by the time without options, and the difference. Each option has a copy of the package of',
		'its own, and several processes take part. (`maxSessions` and `onClose` do nothing in `send`.)',
		...costs.flatMap(({ mode, options, rows }) => {
			const others = options.filter((option) => option !== 'none');
			return [
				'',
				`${MODES[mode]}:`,
				'',
				...table(
					['', ...options.map(optionTitle)],
					rows.map(({ name, ns, vsNone, added }) => [
						name,
						time(ns.none.median),
						...others.map((option) => `${factorWithQuartiles(vsNone[option])} ${signedTime(added[option])}`),
					]),
				),
			];
		}),
	];
}

/** @param {OptionResults} options */
function keepAlive({ keepAlive }) {
	if (!keepAlive) return [];
	const { sessions, periods, keepAliveMs, sweeps, ns, share } = keepAlive;
	const perSession = (/** @type {Spread} */ { median }) => time(median / sessions);
	return [
		'',
		`### \`keepAliveMs\` with ${sessions.toLocaleString('en')} idle sessions`,
		'',
		`CPU time of the process, in ${periods} periods of ${keepAliveMs / 1_000} s. There are ${sweeps} sweeps per period, and one of them sends to`,
		`all sessions. The sweeps alone take **${percent(share.median)}** (${percent(share.p25)} – ${percent(share.p75)}) of one core. The`,
		"server's own work for the chunks, mostly writes to sockets, is not included.",
		'',
		...table(
			['', 'all sessions', 'per session'],
			[
				['a sweep without anything to send', timeWithQuartiles(ns.idle), perSession(ns.idle)],
				['the sweep that sends to all', timeWithQuartiles(ns.sending), perSession(ns.sending)],
				['the readers of these chunks', timeWithQuartiles(ns.readers), perSession(ns.readers)],
			],
		),
	];
}

/** @param {OptionResults} options */
function eventLoopDelay({ eventLoopDelay }) {
	if (!eventLoopDelay) return [];
	const { sessions, sliceMs, broadcasts, rows } = eventLoopDelay;
	return [
		'',
		`### \`sliceMs\`: a broadcast of 100 B to ${sessions.toLocaleString('en')} sessions`,
		'',
		`The longest turn of the event loop in each of ${broadcasts} broadcasts, measured with a chain of \`setImmediate\`; and the time until`,
		'all sessions have the chunk: read, or queued where nothing is read. Readers run in microtasks after each slice, in the same',
		'turn.',
		'',
		...table(
			['', '', 'in one go', `\`sliceMs: ${sliceMs}\``],
			rows.flatMap(({ readers, ns: { whole, sliced } }) => [
				[
					READERS[readers],
					'longest turn',
					timeWithQuartiles(whole.longestTurn),
					`**${timeWithQuartiles(sliced.longestTurn)}**`,
				],
				[
					'',
					'longest turn less garbage collection',
					timeWithQuartiles(whole.withoutGc),
					timeWithQuartiles(sliced.withoutGc),
				],
				['', 'until all have it', timeWithQuartiles(whole.allDelivered), timeWithQuartiles(sliced.allDelivered)],
			]),
		),
	];
}

/**
 * @param {OptionResults} options
 * @param {ReturnType<typeof titlesOf>} titles
 */
function bursts({ bursts }, titles) {
	if (bursts.length === 0) return [];
	return [
		'',
		'### `coalesce`: bursts over HTTP',
		'',
		`A \`node:http\` server broadcasts ${bursts[0].burst} messages per turn of the event loop to SSE clients in another process, which check`,
		"every byte. The server's CPU time per delivered message:",
		'',
		...table(
			['clients', titles.upstream, titles.ours, 'with `coalesce`', `${titles.upstream} / with`, 'without / with'],
			bursts.map(({ clients, ns, vsUpstream, vsOurs }) => [
				`${clients}`,
				...[ns.upstream, ns.ours, ns.coalesced].map(timeWithQuartiles),
				factorWithQuartiles(vsUpstream),
				`${factor(vsOurs.median)} ${quartiles(vsOurs)}`,
			]),
		),
	];
}
