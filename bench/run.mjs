// npm run bench: this package against upstream. Every answer is checked before it is timed; a wrong one ends the run.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { about } from './harness/environment.mjs';
import { drawChart } from './report/chart.mjs';
import { measureEndToEnd } from './e2e/measure.mjs';
import { infoRows } from './info/operations.mjs';
import { lifecycleRows } from './streams/lifecycle.mjs';
import { losses } from './report/losses.mjs';
import { judge } from './report/targets.mjs';
import { measureMemory } from './memory/measure.mjs';
import { measureOperations } from './harness/operations.mjs';
import { measureOptions, optionParts } from './options/measure.mjs';
import { writeReadme } from './report/docs/docs.mjs';
import { measureRedis, redisParts } from './redis/measure.mjs';
import { markdown } from './report/all-rows/report.mjs';
import { FULL, QUICK } from './harness/interleave.mjs';
import { measureSends, sendCells } from './streams/send.mjs';
import { subscriptionRows } from './subscriptions/operations.mjs';
import { aloneCells, measureAlone } from './threads/single-thread-scope.mjs';
import { measureThreads, threadCells } from './threads/measure.mjs';

/** @typedef {Awaited<ReturnType<typeof measure>>} Results */

const USAGE = `Usage: npm run bench -- [options]

  --quick          a small part of it in under a minute, to see whether it works
  --only <text>    only rows whose name has this in it, such as "64 KB", "of 1,000", "has", "thread", "redis",
                   "options"
  --out <folder>   where to write latest.json, latest.md and latest.svg; without it, a full run writes to
                   bench/results, and to the README's figures, and a partial one writes nothing
  --help           this text`;

const STATISTIC = [
	'Times are medians; a ratio is the median of the ratios round by round, with its quartiles in brackets. All sides',
	'run in one process, a round being one turn of each, in an order that changes from round to round. Streams are real',
	'`ReadableStream`s whose readers wait for the chunks; within a thread, only the calls of `send` are on the clock,',
	'neither the reads nor the garbage collection between turns. A turn begins with sends that are not counted, except in',
	'the rows named "caches cold" and in those whose single send takes long. The floor only enqueues one ready chunk into',
	'the same streams.',
];

const here = new URL('..', import.meta.url).href;
process.once('exit', () => {
	// What Node ends with when an awaited promise can no longer be settled.
	if (process.exitCode !== 13) return;
	console.error('A chunk that was sent has not arrived.');
	process.exitCode = 1;
});

try {
	await main();
} catch (error) {
	// Where this folder lies is nobody's business, in a log that may be shown around.
	console.error(String(error instanceof Error ? error.stack : error).replaceAll(here, ''));
	process.exitCode = 1;
}

async function main() {
	const { quick, only = '', out, help } = readOptions();
	if (help) {
		console.log(USAGE);
		return;
	}
	const results = await measure(quick, only.toLowerCase());
	const report = markdown(results);
	console.log(report);
	const partial = quick || only !== '';
	const folder = out ?? (partial ? undefined : fileURLToPath(new URL('results', import.meta.url)));
	if (folder !== undefined) write(folder, results, report);
	if (!partial && out === undefined) writeReadme(results);
}

function readOptions() {
	try {
		const { values } = parseArgs({
			options: {
				quick: { type: 'boolean', default: false },
				only: { type: 'string' },
				out: { type: 'string' },
				help: { type: 'boolean', default: false },
			},
		});
		return values;
	} catch (error) {
		console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
		process.exit(1);
	}
}

/**
 * @param {boolean} quick
 * @param {string} only
 */
async function measure(quick, only) {
	const budget = quick ? QUICK : FULL;
	const wanted = (/** @type {{ name: string }} */ { name }) => name.toLowerCase().includes(only);
	const cells = sendCells(quick).filter(wanted);
	const rows = [...lifecycleRows, ...infoRows, ...subscriptionRows].filter(wanted);
	const threads = threadCells(quick).filter(wanted);
	const alone = aloneCells(quick).filter(wanted);
	const options = optionParts(quick, wanted);
	const redis = redisParts(quick, wanted);
	const withMemory = wanted({ name: 'memory' });
	const withEndToEnd = wanted({ name: 'end to end' });
	const none = cells.length + rows.length + threads.length + alone.length === 0;
	if (none && options === undefined && redis === undefined && !withMemory && !withEndToEnd) {
		console.error(`There is no row with "${only}" in its name.`);
		process.exit(1);
	}

	// Taken at the start: the commit that was measured is the one that was loaded.
	const measured = {
		about: about(),
		statistic: STATISTIC,
		sends: await measureSends(cells, budget, progress),
		operations: await measureOperations(rows, budget, progress),
		threads: await measureThreads(threads, budget, progress),
		alone: await measureAlone(alone, budget, progress),
		options: options && (await measureOptions(options, progress)),
		redis: redis && (await measureRedis(redis, progress)),
		memory: withMemory ? await measureMemory(quick, progress) : undefined,
		endToEnd: withEndToEnd ? await measureEndToEnd(quick, progress) : undefined,
	};
	return { ...measured, losses: losses(/** @type {any} */ (measured)), marks: judge(/** @type {any} */ (measured)) };
}

/** @param {string} line */
function progress(line) {
	console.error(line);
}

/**
 * @param {string} folder
 * @param {Results} results
 * @param {string} report
 */
function write(folder, results, report) {
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(results, null, '\t')}\n`);
	writeFileSync(join(folder, 'latest.md'), report);
	if (results.sends.length > 0) writeFileSync(join(folder, 'latest.svg'), drawChart(results));
}
