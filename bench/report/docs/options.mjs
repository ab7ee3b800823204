// What the options cost, for the README.

import { factor, table, time } from '../format.mjs';
import { titles as sides } from '../../harness/implementations.mjs';
import { percent, plus } from '../all-rows/options.mjs';
import { titles } from '../../isolated/option-sets.mjs';

/** @typedef {import('../all-rows/options.mjs').Results} Results */
/** @typedef {import('../../isolated/option-sets.mjs').OptionName} OptionName */

const CHOSEN = [
	'send 100 B to one of 1',
	'send 100 B to everyone of 10',
	'send 100 B to everyone of 1,000',
	'create + delete beside 1,000',
];
const QUEUED = 'send 100 B to everyone of 1,000';

/** @type {OptionName[]} */
const NAMES = ['keepAliveMs', 'maxQueuedBytes', 'coalesce', 'sliceMs', 'maxAgeMs', 'maxSessions', 'onClose', 'all'];

/** @param {Results | undefined} results */
export function optionFigures(results) {
	if (!results) return [];
	return [...before(results), ...prices(results), ...keepAlive(results), ...stalls(results), ...bursts(results)];
}

/** @param {Results} results */
function before({ before }) {
	if (!before) return [];
	const ratios = before.map(({ vsBefore }) => vsBefore.median);
	return [
		'With every option off, `send`, `create` with `delete`, and `has` take',
		`${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} times what they took before there were any. What options cost, beside none:`,
		'',
	];
}

/** @param {Results} results */
function prices({ prices }) {
	const reading = prices.filter(({ manner }) => manner !== 'queued').flatMap(({ rows }) => rows);
	const queued = prices.filter(({ manner }) => manner === 'queued').flatMap(({ rows }) => rows);
	const lines = [
		...CHOSEN.map((operation) =>
			cells(
				operation,
				reading.filter(({ name }) => name === operation),
			),
		),
		cells(
			`${QUEUED}, nobody reading`,
			queued.filter(({ name }) => name === QUEUED),
		),
	].filter((line) => line !== undefined);
	if (lines.length === 0) return [];
	return [
		...table(['', 'without', ...NAMES.map((name) => titles[name])], lines),
		'',
		'`coalesce`, and all of them, with the microtasks in which they work, one message in each turn of the event loop: there is',
		'nothing to join.',
		'',
	];
}

/**
 * @param {string} operation
 * @param {Results['prices'][number]['rows']} rows of it, each with some of the options
 */
function cells(operation, rows) {
	if (rows.length === 0) return undefined;
	return [
		operation,
		time(rows[0].ns.none.median),
		...NAMES.map((name) => {
			const row = rows.find(({ vsNone }) => vsNone[name]);
			return row ? `${factor(row.vsNone[name].median)}, ${plus(row.more[name])}` : '';
		}),
	];
}

/** @param {Results} results */
function keepAlive({ keepAlive }) {
	if (!keepAlive) return [];
	const { sessions, keepAliveMs, sweeps, ns, share } = keepAlive;
	return [
		`Keeping ${sessions.toLocaleString('en')} idle sessions alive takes ${percent(share.median)} of a core, without what the server makes of`,
		`the chunks: every ${keepAliveMs / 1_000} s a sweep that sends to all (${time(ns.sending.median)}), and ${sweeps - 1} that find nothing to do`,
		`(${time(ns.idle.median)}).`,
		'',
	];
}

/** @param {Results} results */
function stalls({ stalls }) {
	if (!stalls) return [];
	const { sessions, sliceMs, rows } = stalls;
	return [
		`A broadcast to ${sessions.toLocaleString('en')} sessions, whole and with \`sliceMs: ${sliceMs}\`:`,
		'',
		...table(
			['', 'the longest turn of the event loop', 'in slices', 'until all have it', 'in slices'],
			rows.map(({ readers, ns: { whole, sliced } }) => [
				readers === 'waiting' ? 'readers waiting' : 'nobody reading',
				time(whole.stall.median),
				`**${time(sliced.stall.median)}**`,
				time(whole.until.median),
				time(sliced.until.median),
			]),
		),
		'',
	];
}

/** @param {Results} results */
function bursts({ bursts }) {
	if (bursts.length === 0) return [];
	return [
		`Bursts of ${bursts[0].burst} messages over \`node:http\`, the server's CPU time for each delivered:`,
		'',
		...table(
			['clients', sides.upstream, 'here', 'here, `coalesce`', `${sides.upstream} / \`coalesce\``],
			bursts.map(({ clients, ns, vsUpstream }) => [
				`${clients}`,
				...[ns.upstream, ns.ours, ns.coalesced].map(({ median }) => time(median)),
				`**${factor(vsUpstream.median)}**`,
			]),
		),
		'',
	];
}
