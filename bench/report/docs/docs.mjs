// Writes the figures into docs/benchmarks.md. The page's text is written by hand; each part with figures stands between a pair
// of markers, and is replaced.

import { readFileSync, writeFileSync } from 'node:fs';
import { deliveryFigures } from './delivery.mjs';
import { endToEndFigures, memoryFigures } from './memory-and-http.mjs';
import { nodeFigures } from './nodes.mjs';
import { optionFigures } from './options.mjs';
import { redisFigures } from './redis.mjs';
import { lossFigures, streamFigures } from './streams.mjs';
import { threadFigures } from './threads.mjs';

/** @typedef {import('../results.mjs').Results} Results */

const PAGE = new URL('../../../docs/benchmarks.md', import.meta.url);

/** The lines of each part, by the name in its markers. @type {Record<string, (results: Results) => string[]>} */
const PARTS = {
	environment,
	streams: streamFigures,
	losses: lossFigures,
	memory: memoryFigures,
	threads: threadFigures,
	options: optionFigures,
	'end to end': endToEndFigures,
	delivery: deliveryFigures,
	redis: redisFigures,
	nodes: nodeFigures,
};

/**
 * Replaces each part that the run has measured.
 *
 * @param {Results} results of a full run
 */
export function writeDocs(results) {
	let page = readFileSync(PAGE, 'utf8');
	for (const [name, figures] of Object.entries(PARTS)) {
		const lines = figures(results);
		if (lines.length > 0) page = replacePart(page, name, lines);
	}
	writeFileSync(PAGE, page);
}

/**
 * @param {string} page
 * @param {string} name
 * @param {string[]} lines
 */
function replacePart(page, name, lines) {
	const marker = { begin: `<!-- begin: ${name} (written by npm run bench) -->`, end: `<!-- end: ${name} -->` };
	const [begin, end] = [page.indexOf(marker.begin), page.indexOf(marker.end)];
	if (begin < 0 || end < begin) throw new Error(`docs/benchmarks.md has no markers for "${name}"`);
	const part = [marker.begin, '', ...lines, '', marker.end].join('\n');
	return page.slice(0, begin) + part + page.slice(end + marker.end.length);
}

/** @param {Results} results */
function environment({ about }) {
	return [
		`The figures are those of commit \`${about.commit}\`, measured on ${about.date} with Node.js ${about.node} on ${about.platform}, ${about.cpu},`,
		`${about.cores} cores. "Upstream" is \`@tmcp/session-manager\` ${about.upstream}; for Redis, \`@tmcp/session-manager-redis\` ${about.upstreamRedis}.`,
	];
}
