// Memory per session, and the end-to-end row over HTTP, as Markdown.

import { titlesOf } from '../../harness/versions.mjs';
import { bytes, factorWithQuartiles, table, timeWithQuartiles } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */

/** @param {Results} results */
export function memorySection({ about, memory }) {
	if (!memory) return [];
	const titles = titlesOf(about);
	const { sessions, processes, streams, managers } = memory;
	/** @type {[string, { rss: Spread, js: Spread }][]} */
	const rows = [
		['the stream and its id, without a manager', streams],
		[`+ ${titles.old}`, managers.old],
		[`+ ${titles.upstream}`, managers.upstream],
		[`+ ${titles.ours}`, managers.ours],
	];
	return [
		'',
		`## Memory per session, with ${sessions.toLocaleString('en')} sessions`,
		'',
		`Bytes after garbage collection. Each implementation runs in ${processes} ${processes === 1 ? 'process' : 'processes'} of its own. "RSS" is the memory of the whole process:`,
		'it includes the memory of Rust and unused pages. "JS" is `heapUsed + external`.',
		'',
		...table(
			['', 'RSS', 'JS'],
			rows.map(([name, { rss, js }]) => [name, bytes(rss), bytes(js)]),
		),
	];
}

/** @param {Results} results */
export function endToEndSection({ about, endToEnd }) {
	if (!endToEnd) return [];
	const titles = titlesOf(about);
	const { clients, messages, rounds, ns, vsUpstream } = endToEnd;
	return [
		'',
		'## End to end',
		'',
		`In each of ${rounds} rounds, a \`node:http\` server broadcasts ${messages} messages to ${clients} SSE clients in another process, which check`,
		"every byte. The table shows the server's CPU time per delivered message:",
		'',
		...table(
			[titles.upstream, titles.ours, `${titles.upstream} / this package`],
			[[timeWithQuartiles(ns.upstream), timeWithQuartiles(ns.ours), factorWithQuartiles(vsUpstream)]],
		),
	];
}
