// Where upstream, either of the two, is the better one.

import { titles } from './sides.mjs';

/** @typedef {import('./run.mjs').Results} Results */
/** @typedef {import('./stats.mjs').Spread} Spread */
/** @typedef {{ name: string, against: string, ratio: number, withinNoise: boolean }} Loss */

/**
 * @param {Results} results
 * @returns {Loss[]}
 */
export function losses({ sends, operations, memory, endToEnd }) {
	const found = [...sends, ...operations].flatMap(({ name, vsUpstream, vsOld }) => [
		...lost(name, titles.upstream, vsUpstream),
		...(vsOld ? lost(name, titles.old, vsOld) : []),
	]);
	if (memory) {
		const { ours, upstream, old } = memory.managers;
		found.push(...lostMemory(titles.upstream, upstream.rss, ours.rss), ...lostMemory(titles.old, old.rss, ours.rss));
	}
	if (endToEnd) found.push(...lost('end to end, server CPU a message', titles.upstream, endToEnd.vsUpstream));
	return found;
}

/**
 * @param {string} name
 * @param {string} against
 * @param {Spread} ratio theirs to ours
 * @returns {Loss[]}
 */
function lost(name, against, { median, p75 }) {
	return median < 1 ? [{ name, against, ratio: median, withinNoise: p75 >= 1 }] : [];
}

/**
 * @param {string} against
 * @param {Spread} theirs
 * @param {Spread} ours
 * @returns {Loss[]}
 */
function lostMemory(against, theirs, ours) {
	const name = 'memory of a session beside its stream (RSS)';
	return lost(name, against, {
		median: theirs.median / ours.median,
		p25: theirs.p25 / ours.p75,
		p75: theirs.p75 / ours.p25,
	});
}
