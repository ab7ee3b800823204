// The results of a run: their type, and the file that keeps them between a run and a later report.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLosses } from './losses.mjs';
import { checkTargets } from './targets.mjs';

/**
 * What a run has measured. A part that was not selected is `undefined`, or has no rows.
 *
 * @typedef {object} Measured
 * @property {ReturnType<typeof import('../harness/environment.mjs').describeEnvironment>} about
 * @property {Awaited<ReturnType<typeof import('../streams/send.mjs').measureSends>>} sends
 * @property {Awaited<ReturnType<typeof import('../harness/operations.mjs').measureOperations>>} operations
 * @property {Awaited<ReturnType<typeof import('../threads/measure.mjs').measureThreads>>} threads
 * @property {Awaited<ReturnType<typeof import('../threads/single-thread-scope.mjs').measureSingleThreadScope>>} singleThreadScope
 * @property {Awaited<ReturnType<typeof import('../comparison/measure.mjs').measureComparison>>} comparison
 * @property {Awaited<ReturnType<typeof import('../options/measure.mjs').measureOptions>> | undefined} options
 * @property {Awaited<ReturnType<typeof import('../redis/measure.mjs').measureRedis>>} redis
 * @property {Awaited<ReturnType<typeof import('../redis/nodes/measure.mjs').measureNodes>>} nodes
 * @property {Awaited<ReturnType<typeof import('../delivery/measure.mjs').measureDelivery>>} delivery
 * @property {Awaited<ReturnType<typeof import('../memory/measure.mjs').measureMemory>> | undefined} memory
 * @property {Awaited<ReturnType<typeof import('../e2e/measure.mjs').measureEndToEnd>> | undefined} endToEnd
 */

/** @typedef {Measured & { losses: import('./losses.mjs').Loss[], targets: ReturnType<typeof checkTargets> }} Results */

/** The folder of the last full run. */
export const RESULTS_FOLDER = fileURLToPath(new URL('../results', import.meta.url));

const FILE = 'latest.json';

/**
 * Adds what follows from the measured values.
 *
 * @param {Measured} measured
 * @returns {Results}
 */
export function resultsOf(measured) {
	return { ...measured, losses: findLosses(measured), targets: checkTargets(measured) };
}

/**
 * @param {string} folder
 * @param {Measured} measured
 */
export function saveMeasured(folder, measured) {
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, FILE), `${JSON.stringify(measured, null, '\t')}\n`);
}

/**
 * Returns what a run has saved in the folder, or `undefined` when there is no file.
 *
 * @param {string} folder
 * @returns {Measured | undefined}
 */
export function readMeasured(folder) {
	const file = join(folder, FILE);
	return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
