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
		'`send` and the microtasks after it, in which `coalesce` works. Each turn of the event loop has one `send`, so there is nothing to join',
	queued: '`send` of 100 B while no reader reads, so the manager has queued bytes to count',
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
		'Each column shows the time with the option divided by the time without options, and the difference of the two. Each option',
		'has its own copy of the package, and a row is measured in several processes. `maxSessions` and `onClose` do nothing in',
		'`send`.',
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
		`CPU time of the process, in ${periods} periods of ${keepAliveMs / 1_000} s. In each period, the manager checks all sessions ${sweeps} times, and one`,
		`check sends a comment to each session. The checks take **${percent(share.median)}** (${percent(share.p25)} – ${percent(share.p75)}) of one core. This`,
		"does not include the server's work for the comments, mostly writes to sockets.",
		'',
		...table(
			['', 'all sessions', 'per session'],
			[
				['a check that sends nothing', timeWithQuartiles(ns.idle), perSession(ns.idle)],
				['the check that sends to all', timeWithQuartiles(ns.sending), perSession(ns.sending)],
				['the readers of the comments', timeWithQuartiles(ns.readers), perSession(ns.readers)],
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
		`Two times are measured in each of ${broadcasts} broadcasts: the longest turn of the event loop, with a chain of \`setImmediate\`, and`,
		'the time until all sessions have the chunk. A session has it when its reader has read it or, without a reader, when it is',
		'queued. Readers run in microtasks after each slice, in the same turn.',
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
					'longest turn without garbage collection',
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
