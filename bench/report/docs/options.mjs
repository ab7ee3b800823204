// For the docs: what the options of stream managers cost and achieve.

import { BEFORE_OPTIONS } from '../../comparison/measure.mjs';
import { titlesOf } from '../../harness/versions.mjs';
import { factor, percent, signedTime, table, time } from '../format.mjs';
import { optionTitle } from '../option-titles.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {NonNullable<Results['options']>} OptionResults */
/** @typedef {import('../../isolated/option-sets.mjs').OptionName} OptionName */

const CHOSEN = [
	'send 100 B to one of 1 session',
	'send 100 B to all of 10 sessions',
	'send 100 B to all of 1,000 sessions',
	'create + delete, with 1,000 other sessions',
];
const CHOSEN_QUEUED = 'send 100 B to all of 1,000 sessions';

/** @type {OptionName[]} */
const OPTIONS = ['keepAliveMs', 'maxQueuedBytes', 'coalesce', 'sliceMs', 'maxAgeMs', 'maxSessions', 'onClose', 'all'];

/** @param {Results} results */
export function optionFigures({ about, options, comparison }) {
	if (!options) return [];
	const parts = [
		withoutOptions(comparison),
		costs(options),
		keepAlive(options),
		eventLoopDelay(options),
		bursts(options, titlesOf(about).upstream),
	];
	return parts
		.filter((lines) => lines.length > 0)
		.flatMap((lines) => ['', ...lines])
		.slice(1);
}

/** @param {Results['comparison']} comparison */
function withoutOptions(comparison) {
	if (!comparison?.commit.startsWith(BEFORE_OPTIONS)) return [];
	const ratios = comparison.rows.map(({ vsBefore }) => vsBefore.median);
	return [
		`A manager without options takes ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} times as long for \`send\`, \`create\` with \`delete\`, and \`has\` as in`,
		`commit \`${BEFORE_OPTIONS}\`, the last one before the options were added.`,
	];
}

/** @param {OptionResults} options */
function costs({ costs }) {
	const reading = costs.filter(({ mode }) => mode !== 'queued').flatMap(({ rows }) => rows);
	const queued = costs.filter(({ mode }) => mode === 'queued').flatMap(({ rows }) => rows);
	const lines = [
		...CHOSEN.map((name) => cells(name, rowsOf(reading, name))),
		cells(`${CHOSEN_QUEUED}, nothing is read`, rowsOf(queued, CHOSEN_QUEUED)),
	].filter((line) => line !== undefined);
	if (lines.length === 0) return [];
	return [
		'Each column shows the time with the option divided by the time without options, and the difference of the two:',
		'',
		...table(['', 'without options', ...OPTIONS.map(optionTitle)], lines),
		'',
		'The columns `coalesce` and "all of them" include the microtasks in which `coalesce` works. They show the worst case: each',
		'turn of the event loop sends one message, so there is nothing to join.',
	];
}

/**
 * @param {OptionResults['costs'][number]['rows']} rows
 * @param {string} wanted
 */
function rowsOf(rows, wanted) {
	return rows.filter(({ name }) => name === wanted);
}

/**
 * @param {string} name
 * @param {OptionResults['costs'][number]['rows']} rows of that operation, each with some of the options
 */
function cells(name, rows) {
	if (rows.length === 0) return undefined;
	return [
		name,
		time(rows[0].ns.none.median),
		...OPTIONS.map((option) => {
			const row = rows.find(({ vsNone }) => vsNone[option]);
			return row ? `${factor(row.vsNone[option].median)}, ${signedTime(row.added[option])}` : '';
		}),
	];
}

/** @param {OptionResults} options */
function keepAlive({ keepAlive }) {
	if (!keepAlive) return [];
	const { sessions, keepAliveMs, sweeps, ns, share } = keepAlive;
	return [
		`**\`keepAliveMs: ${keepAliveMs}\`** with ${sessions.toLocaleString('en')} idle sessions takes ${percent(share.median)} of a core. This does not include the server's work for the`,
		`comments. The manager checks all sessions ${sweeps} times in ${keepAliveMs / 1_000} s. One check sends a comment to each session and takes`,
		`${time(ns.sending.median)}. The others send nothing and take ${time(ns.idle.median)} each.`,
	];
}

/** @param {OptionResults} options */
function eventLoopDelay({ eventLoopDelay }) {
	if (!eventLoopDelay) return [];
	const { sessions, sliceMs, rows } = eventLoopDelay;
	return [
		`**\`sliceMs: ${sliceMs}\`** in a broadcast to ${sessions.toLocaleString('en')} sessions:`,
		'',
		...table(
			[
				'',
				'longest turn of the event loop, without `sliceMs`',
				'with `sliceMs`',
				'time until all sessions have the message, without `sliceMs`',
				'with `sliceMs`',
			],
			rows.map(({ readers, ns: { whole, sliced } }) => [
				readers === 'waiting' ? 'readers wait' : 'nothing is read',
				time(whole.longestTurn.median),
				`**${time(sliced.longestTurn.median)}**`,
				time(whole.allDelivered.median),
				time(sliced.allDelivered.median),
			]),
		),
	];
}

/**
 * @param {OptionResults} options
 * @param {string} upstream
 */
function bursts({ bursts }, upstream) {
	if (bursts.length === 0) return [];
	return [
		`**\`coalesce\`** with bursts of ${bursts[0].burst} messages over \`node:http\`: the server's CPU time per delivered message.`,
		'',
		...table(
			['clients', upstream, 'this package', 'this package, `coalesce`', `${upstream} / \`coalesce\``],
			bursts.map(({ clients, ns, vsUpstream }) => [
				`${clients}`,
				...[ns.upstream, ns.ours, ns.coalesced].map(({ median }) => time(median)),
				`**${factor(vsUpstream.median)}**`,
			]),
		),
	];
}
