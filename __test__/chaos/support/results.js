// What a chaos run has shown: its figures, and which of them are wrong.

import { DRAIN_MS } from './shared.js';

/** @import { Problems } from './problems.js' */
/** @import { Results } from './run.js' */
/** @import { World } from './world.js' */

/** Maximum duration of a request, and of the delivery of a message to a stream of the server that sends it, in milliseconds. */
const LONGEST_MS = 2_500;
const MIB = 2 ** 20;
/** Allowed growth of a server from the first third of the run to the last, in MiB. */
const GROWTH = { heap: 4, rss: 16 };

/**
 * @param {World} world
 * @param {Results} results
 * @param {Problems} problems
 */
export function findProblems(world, { reports, memory, stopped }, problems) {
	for (const [who, { missing, twice }] of Object.entries(countsOf(world, reports))) {
		if (missing > 0) problems.add(`${missing} messages did not arrive at the ${who}`);
		if (twice > 0) problems.add(`${twice} messages arrived twice, or after a later one, at the ${who}`);
	}
	const local = longestDelivery(world);
	if (local > LONGEST_MS) problems.add(`a message took ${local} ms to a stream of the server that sent it`);
	for (const [server, { gaps }] of reports.entries()) {
		for (const { missed } of gaps) problems.add(`onGap of server ${world.servers[server].name}: ${missed} messages`);
	}
	if (stopped.ms > DRAIN_MS + 1_000) problems.add(`the servers stopped after ${Math.round(stopped.ms)} ms`);
	for (const [server, grown] of growthOf(memory).entries()) {
		for (const what of /** @type {const} */ (['heap', 'rss'])) {
			if (grown[what] > GROWTH[what])
				problems.add(`${what} of server ${world.servers[server].name} grew by ${grown[what].toFixed(1)} MiB`);
		}
	}
	for (const { what, ms, server, at } of tooLong(world))
		problems.add(`${what} of server ${server} took ${Math.round(ms)} ms, at ${problems.seconds(at)}`);
}

/**
 * Returns the rows of the table.
 *
 * @param {World} world
 * @param {Results} results
 * @returns {[string, string | number][]}
 */
export function figuresOf(world, { faults, missed, ms, agreedAfterMs, memory, reports, stopped, delayMs }) {
	const { servers, requests } = world;
	const counts = countsOf(world, reports);
	const growth = growthOf(memory);
	const each = (/** @type {(report: any) => unknown} */ what) =>
		reports.map((report, server) => `${servers[server].name} ${what(report)}`).join(', ');
	const arrived = (/** @type {{ received: number, missing: number, twice: number }} */ { received, missing, twice }) =>
		`${received}, ${missing} missing, ${twice} twice`;
	const inMib = (/** @type {number} */ bytes) => (bytes / MIB).toFixed(0);
	return [
		...faults.map((fault, index) => /** @type {[string, string]} */ ([`fault ${index + 1}`, fault])),
		['kinds of faults without time', missed.join('; ') || 'none'],
		['duration', `${(ms / 1_000).toFixed(1)} s`],
		['servers that ended', `${world.ended.length} of ${servers.length}`],
		['exit codes after SIGTERM', `${stopped.ends.join(', ')}, after ${Math.round(stopped.ms)} ms`],
		['requests by status', countBy(requests.done.map(({ status }) => status || 'no response'))],
		[
			'requests, median, 99 %, longest',
			[0.5, 0.99, 1].map((share) => `${Math.round(requests.within(share))} ms`).join(', '),
		],
		[`requests over ${LONGEST_MS} ms`, tooLong(world).length],
		['calls that failed', world.failed],
		['streams opened', world.clients.reduce((all, { streams }) => all + streams, 0)],
		['numbered messages sent', reports.reduce((all, { sent }) => all + 2 * sent, 0)],
		['… received by clients', arrived(counts.clients)],
		['… received by servers', arrived(counts.servers)],
		['… to a stream of the same server, longest', `${longestDelivery(world)} ms`],
		['messages reported by onGap', each(({ backplane }) => backplane.missed)],
		['all agree after a fault, longest', `${Math.round(Math.max(0, ...agreedAfterMs))} ms`],
		['connections lost', each(({ backplane }) => backplane.reconnects)],
		['repeated entries, delivered once', each(({ backplane }) => backplane.duplicates)],
		['streams closed', each(({ closed }) => JSON.stringify(closed))],
		['calls of onError', each(({ errors }) => JSON.stringify(errors))],
		['heap growth', growth.map(({ heap }) => `${heap.toFixed(1)} MiB`).join(', ')],
		['resident memory growth', growth.map(({ rss }) => `${rss.toFixed(1)} MiB`).join(', ')],
		['resident memory, MiB', memory.map((sample) => sample.map(({ rss }) => inMib(rss)).join('/')).join(' ')],
		['longest delay of the test’s event loop', `${Math.round(delayMs)} ms`],
	];
}

/** @param {World} world */
function tooLong({ requests }) {
	return requests.done.filter(({ ms }) => ms > LONGEST_MS);
}

/** @param {World} world */
function longestDelivery({ clients }) {
	return Math.max(...clients.map(({ longestDeliveryMs }) => longestDeliveryMs));
}

/**
 * @param {World} world
 * @param {Results['reports']} reports
 */
function countsOf({ clients }, reports) {
	return {
		clients: sum(clients.map(({ counts }) => counts)),
		servers: sum(reports.flatMap(({ stream, registration }) => [stream, registration])),
	};
}

/** @param {{ received: number, missing: number, twice: number }[]} counts */
function sum(counts) {
	const all = { received: 0, missing: 0, twice: 0 };
	for (const one of counts) {
		for (const name of /** @type {const} */ (['received', 'missing', 'twice'])) all[name] += one[name];
	}
	return all;
}

/** @param {(string | number)[]} values */
function countBy(values) {
	const counts = new Map();
	for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
	return [...counts].map(([value, count]) => `${count} × ${value}`).join(', ');
}

/**
 * Returns how much the memory of each server grew from the first third of the samples to the last, in MiB. An allocator reserves
 * memory in steps, so the least of each third counts.
 *
 * @param {Results['memory']} samples
 */
function growthOf(samples) {
	const third = Math.floor(samples.length / 3);
	if (third === 0) return [];
	return samples[0].map((_, server) => {
		const least = (/** @type {'rss' | 'heap'} */ what, /** @type {Results['memory']} */ of) =>
			Math.min(...of.map((sample) => sample[server][what]));
		const grown = (/** @type {'rss' | 'heap'} */ what) =>
			(least(what, samples.slice(-third)) - least(what, samples.slice(0, third))) / MIB;
		return { heap: grown('heap'), rss: grown('rss') };
	});
}
