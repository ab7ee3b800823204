// npm run bench: measures this package against upstream, prints all rows, and writes the results of a full run. Every result of
// a call is checked before the call is timed; a wrong one ends the run.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.mjs';
import { allRows } from './report/all-rows/all-rows.mjs';
import { drawChart } from './report/chart.mjs';
import { drawDeliveryChart } from './report/delivery-chart.mjs';
import { writeDocs } from './report/docs/docs.mjs';
import { RESULTS_FOLDER, readMeasured, resultsOf, saveMeasured } from './report/results.mjs';

const USAGE = `Usage: npm run bench -- [options]

  --quick            measure a small part in a minute or two, to check that the benchmark works
  --only <text>      measure only rows whose name contains the text, such as "64 KB", "of 1,000 sessions", "has",
                     "threads:", "redis:", "nodes:", "delivery:", "options:", "comparison:"
  --before <commit>  compare this checkout with an earlier commit, and measure nothing else; builds that commit once,
                     below target/
  --save             with --only and "redis:", "nodes:" or "delivery:", write this part into the results of the last full run,
                     with its own date and commit, and update docs/benchmarks.md
  --out <folder>     write latest.json, latest.md and latest.svg to the folder; otherwise a full run writes them to
                     bench/results and updates docs/benchmarks.md, and any other run writes nothing
  --report           measure nothing; write latest.md, latest.svg and docs/benchmarks.md again from bench/results/latest.json
  --help             show this text`;

const root = new URL('..', import.meta.url).href;
// A binary that does not load ends the run. Otherwise the core in JavaScript would be measured.
process.env.TMCP_NATIVE ??= 'require';
process.once('exit', () => {
	// Node ends with 13 when a promise that is awaited can never settle.
	if (process.exitCode !== 13) return;
	console.error('A chunk that was sent has not arrived.');
	process.exitCode = 1;
});

try {
	await main();
} catch (error) {
	// Without the path of the checkout, since logs are shared.
	console.error(String(error instanceof Error ? error.stack : error).replaceAll(root, ''));
	process.exitCode = 1;
}

async function main() {
	const { help, report, quick, only = '', before, save, out } = readOptions();
	if (help) {
		console.log(USAGE);
		return;
	}
	if (report) {
		const saved = readMeasured(RESULTS_FOLDER);
		if (saved === undefined) fail('There is no bench/results/latest.json. A full run writes it.');
		writeReports(RESULTS_FOLDER, resultsOf(saved));
		writeDocs(resultsOf(saved));
		return;
	}
	const measured = await measure({ quick, only, before }, (line) => console.error(line));
	if (measured === undefined) fail(`No row has "${only}" in its name.`);
	const results = resultsOf(measured);
	console.log(allRows(results));

	if (save) {
		const saved = readMeasured(RESULTS_FOLDER);
		const { redis, nodes, delivery } = measured;
		if (saved === undefined || quick || !(redis || nodes || delivery))
			fail('--save needs a full run before, and --only with "redis:", "nodes:" or "delivery:".');
		const merged = { ...saved, ...(redis && { redis }), ...(nodes && { nodes }), ...(delivery && { delivery }) };
		saveMeasured(RESULTS_FOLDER, merged);
		writeReports(RESULTS_FOLDER, resultsOf(merged));
		writeDocs(resultsOf(merged));
		return;
	}
	const isFull = !quick && only === '' && before === undefined;
	const folder = out ?? (isFull ? RESULTS_FOLDER : undefined);
	if (folder === undefined) return;
	saveMeasured(folder, measured);
	writeReports(folder, results);
	if (isFull && out === undefined) writeDocs(results);
}

function readOptions() {
	try {
		const { values } = parseArgs({
			options: {
				quick: { type: 'boolean', default: false },
				only: { type: 'string' },
				before: { type: 'string' },
				save: { type: 'boolean', default: false },
				out: { type: 'string' },
				report: { type: 'boolean', default: false },
				help: { type: 'boolean', default: false },
			},
		});
		return values;
	} catch (error) {
		return fail(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
	}
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
	console.error(message);
	process.exit(1);
}

/**
 * @param {string} folder
 * @param {import('./report/results.mjs').Results} results
 */
function writeReports(folder, results) {
	writeFileSync(join(folder, 'latest.md'), allRows(results));
	if (results.sends.length > 0) writeFileSync(join(folder, 'latest.svg'), drawChart(results));
	if (results.delivery) writeFileSync(join(folder, 'delivery.svg'), drawDeliveryChart(results.delivery));
}
