// What the options cost, as Markdown.

import { factor, quartiles, table, time } from '../format.mjs';
import { titles as sides } from '../../harness/implementations.mjs';
import { titles } from '../../isolated/option-sets.mjs';

/** @typedef {Awaited<ReturnType<typeof import('../../options/measure.mjs').measureOptions>>} Results */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */
/** @typedef {import('../../isolated/option-sets.mjs').OptionName} OptionName */

const MANNERS = {
	sends: '`send`, readers waiting for the chunks',
	microtasks:
		'`send` and the microtasks it leaves, where `coalesce` does its work; one `send` in each turn, so that there is nothing to join',
	queued: '`send` of 100 B while nobody reads, so that what is queued is counted',
	create: '`create` and `delete`',
};

const READERS = { waiting: 'a reader waits for each chunk', none: 'nobody reads meanwhile' };

/** @param {Results | undefined} results */
export function optionSections(results) {
	if (!results) return [];
	return [
		'',
		'## What the options cost',
		'',
		'Each side has a copy of the package of its own, so that V8 compiles it for that side alone, and several processes have',
		'their turns: how code and memory come to lie is theirs for life.',
		...before(results),
		...prices(results),
		...keepAlive(results),
		...stalls(results),
		...bursts(results),
	];
}

/** @param {Results} results */
function before({ before }) {
	if (!before) return [];
	return [
		'',
		'### With every option off, beside the commit before there were any',
		'',
		'The last column has the same code on both sides: what differs from 1 there is noise.',
		'',
		...table(
			['', 'before', 'now', 'now / before', 'now / now'],
			before.map(({ name, ns, vsBefore, vsAgain }) => [
				name,
				time(ns.before.median),
				time(ns.ours.median),
				`**${fine(vsBefore.median)}x** (${fine(vsBefore.p25)} – ${fine(vsBefore.p75)})`,
				`${fine(vsAgain.median)}x (${fine(vsAgain.p25)} – ${fine(vsAgain.p75)})`,
			]),
		),
	];
}

/** @param {Results} results */
function prices({ prices }) {
	if (prices.length === 0) return [];
	return [
		'',
		'### With one option on, and with all, beside none',
		'',
		'How many times what it takes without options, and how much more. (`maxSessions` and `onClose` have no part in `send`.)',
		...prices.flatMap(({ manner, names, rows }) => {
			const others = names.filter((name) => name !== 'none');
			return [
				'',
				`${MANNERS[manner]}:`,
				'',
				...table(
					['', ...names.map((name) => titles[name])],
					rows.map(({ name, ns, vsNone, more }) => [
						name,
						time(ns.none.median),
						...others.map(
							(name) => `**${factor(vsNone[name].median)}** ${quartiles(vsNone[name])} ${plus(more[name])}`,
						),
					]),
				),
			];
		}),
	];
}

/** @param {Results} results */
function keepAlive({ keepAlive }) {
	if (!keepAlive) return [];
	const { sessions, times, keepAliveMs, sweeps, ns, share } = keepAlive;
	const each = (/** @type {Spread} */ { median }) => time(median / sessions);
	return [
		'',
		`### Keep-alive with ${sessions.toLocaleString('en')} idle sessions`,
		'',
		`The process's CPU time, ${times} times: every ${keepAliveMs / 1_000} s there are ${sweeps} sweeps, one of which sends to all. With the`,
		`sweeps alone, that is **${percent(share.median)}** (${percent(share.p25)} – ${percent(share.p75)}) of one core. What a server makes of the`,
		'chunks, to write them to sockets above all, comes on top.',
		'',
		...table(
			['', 'in total', 'a session'],
			[
				['a sweep that finds nothing to do', spreadOf(ns.idle), each(ns.idle)],
				['one that sends to all', spreadOf(ns.sending), each(ns.sending)],
				['readers that get it', spreadOf(ns.readers), each(ns.readers)],
			],
		),
	];
}

/** @param {Results} results */
function stalls({ stalls }) {
	if (!stalls) return [];
	const { sessions, sliceMs, broadcasts, rows } = stalls;
	return [
		'',
		`### A broadcast of 100 B to ${sessions.toLocaleString('en')} sessions, whole and in slices`,
		'',
		`The longest turn of the event loop of each of ${broadcasts} broadcasts, by a chain of \`setImmediate\`, and the time until all`,
		'have the chunk: read, or queued where nobody reads. What readers do when a chunk comes is done in microtasks behind each',
		'slice, on top of it.',
		'',
		...table(
			['', '', 'whole', `\`sliceMs: ${sliceMs}\``],
			rows.flatMap(({ readers, ns: { whole, sliced } }) => [
				[READERS[readers], 'the longest turn', spreadOf(whole.stall), `**${spreadOf(sliced.stall)}**`],
				['', 'less garbage collection', spreadOf(whole.withoutGc), spreadOf(sliced.withoutGc)],
				['', 'until all have it', spreadOf(whole.until), spreadOf(sliced.until)],
			]),
		),
	];
}

/** @param {Results} results */
function bursts({ bursts }) {
	if (bursts.length === 0) return [];
	return [
		'',
		'### `coalesce`: bursts over HTTP',
		'',
		`A \`node:http\` server broadcasts ${bursts[0].burst} messages in a turn to SSE clients in another process, which check every byte. The`,
		"server's CPU time for each message delivered:",
		'',
		...table(
			['clients', sides.upstream, sides.ours, 'with `coalesce`', `${sides.upstream} / with`, 'without / with'],
			bursts.map(({ clients, ns, vsUpstream, vsOurs }) => [
				`${clients}`,
				spreadOf(ns.upstream),
				spreadOf(ns.ours),
				spreadOf(ns.coalesced),
				`**${factor(vsUpstream.median)}** ${quartiles(vsUpstream)}`,
				`${factor(vsOurs.median)} ${quartiles(vsOurs)}`,
			]),
		),
	];
}

/** @param {Spread} spread */
function spreadOf({ median, p25, p75 }) {
	return `${time(median)} (${time(p25)} – ${time(p75)})`;
}

/** @param {Spread} spread */
export function plus({ median }) {
	return median < 0 ? `−${time(-median)}` : `+${time(median)}`;
}

/** @param {number} share */
export function percent(share) {
	return `${(share * 100).toFixed(3)} %`;
}

/** @param {number} ratio that a mark holds to a few hundredths */
function fine(ratio) {
	return ratio.toFixed(3);
}
