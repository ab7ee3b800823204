// For the docs: memory per session, and the end-to-end row over HTTP.

import { titlesOf } from '../../harness/versions.mjs';
import { factor, time } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */

/** @param {Results} results */
export function memoryFigures({ about, memory }) {
	if (!memory) return [];
	const { ours, upstream } = memory.managers;
	return [
		`A session takes ${bytes(ours)} of memory, without its stream. With ${titlesOf(about).upstream} it takes ${bytes(upstream)}. The stream takes`,
		`${bytes(memory.streams)} with both.`,
	];
}

/** @param {{ rss: { median: number } }} memory */
function bytes({ rss }) {
	return `${Math.round(rss.median).toLocaleString('en')} B`;
}

/** @param {Results} results */
export function endToEndFigures({ about, endToEnd }) {
	if (!endToEnd) return [];
	const { clients, ns, vsUpstream } = endToEnd;
	return [
		`With ${clients} clients in another process, the server's CPU time per delivered message is ${time(ns.upstream.median)} with`,
		`${titlesOf(about).upstream} and ${time(ns.ours.median)} with this package. The median of the ratios upstream / this package is`,
		`${factor(vsUpstream.median)}, with quartiles from ${factor(vsUpstream.p25)} to ${factor(vsUpstream.p75)}.`,
	];
}
