// All rows of worker threads.

import { channelTitlesOf } from '../../harness/versions.mjs';
import {
	factor,
	factorWithQuartiles,
	fineFactor,
	fineQuartiles,
	perSecond,
	quartiles,
	table,
	time,
} from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */

const CHANNELS = /** @type {const} */ (['broadcastChannel', 'messagePort', 'ours']);
const CONDITIONS = ['sessions', 'to', 'text', 'burst', 'pace'];

/** @param {Results} results */
export function threadSections(results) {
	return [...acrossThreads(results), ...singleThreadScope(results)];
}

/** @param {Results} results */
function acrossThreads({ about, threads }) {
	if (threads.length === 0) return [];
	const titles = channelTitlesOf(about);
	const channelTitles = CHANNELS.map((channel) => titles[channel]);
	const ratioTitles = [`${titles.broadcastChannel} / this package`, `${titles.messagePort} / this package`];
	const head = [...CONDITIONS, ...channelTitles, titles.floor, ...ratioTitles];
	return [
		'',
		'## Sessions of worker threads',
		'',
		'The time of a burst begins with the first `send` in the main thread, and ends when the worker has read the last byte.',
		"Upstream's manager is in the worker, and receives messages from a `BroadcastChannel` or a `MessagePort`.",
		'',
		'- One at a time: each burst is sent after the previous one was read. Each burst wakes a sleeping thread.',
		"- Back to back: a burst is sent in each turn of the sender's event loop. The time of all bursts is divided by their number.",
		'- The floor posts one number per burst through a `MessagePort`. The worker enqueues a prepared chunk that many times.',
		'',
		...table(
			[...head, 'this package / the floor'],
			threads
				.filter(({ workers }) => workers === 1)
				.map((row) => [
					...conditions(row),
					...CHANNELS.map((channel) => time(row.ns[channel].median)),
					time(row.ns.floor.median),
					...channelRatios(row),
					`${factor(row.vsFloor.median)} ${quartiles(row.vsFloor)}`,
				]),
		),
		'',
		'Broadcasts to several threads: messages read per second, in all threads together.',
		'',
		...table(
			head,
			threads
				.filter(({ workers }) => workers > 1)
				.map((row) => [
					...conditions(row),
					...CHANNELS.map((channel) => perSecond(row.deliveries, row.ns[channel].median)),
					perSecond(row.deliveries, row.ns.floor.median),
					...channelRatios(row),
				]),
		),
		'',
		'The time within `send` or `postMessage` per message, in all of these rows. For a broadcast through `MessagePort`,',
		'`postMessage` is called once for each thread.',
		'',
		...table(
			[...CONDITIONS, ...channelTitles, ...ratioTitles],
			threads.map((row) => [
				...conditions(row),
				...CHANNELS.map((channel) => time(row.sending.ns[channel].median)),
				...channelRatios(row.sending),
			]),
		),
	];
}

/** @param {Results['threads'][number]} row */
function conditions({ workers, sessions, kind, text, burst, pace }) {
	return [workers === 1 ? `${sessions}` : `${workers} x ${sessions}`, kind, text, `${burst}`, pace];
}

/** @param {{ vsBroadcastChannel: Spread, vsMessagePort: Spread }} ratios */
function channelRatios({ vsBroadcastChannel, vsMessagePort }) {
	return [vsBroadcastChannel, vsMessagePort].map(factorWithQuartiles);
}

/** @param {Results} results */
function singleThreadScope({ singleThreadScope }) {
	if (singleThreadScope.length === 0) return [];
	return [
		'',
		'## A scope of one thread',
		'',
		'`send` of 100 B to sessions of the same thread, with a scope and without one.',
		'',
		...table(
			['', 'without a scope', 'with a scope', 'with / without'],
			singleThreadScope.map(({ sessions, kind, ns, vsPlain }) => [
				`${kind} of ${sessions.toLocaleString('en')}`,
				time(ns.plain.median),
				time(ns.scoped.median),
				`**${fineFactor(vsPlain.median)}** ${fineQuartiles(vsPlain)}`,
			]),
		),
	];
}
