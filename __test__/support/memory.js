// Measures the memory that dropped managers leave behind, in a process that does nothing else.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Maximum growth of the heap and of resident memory, in bytes for each round. */
const MAX_GROWTH = 160;
/** Maximum number of measurements, each twice as long as the one before. One on Deno, where dropped managers leak. */
const MEASUREMENTS = 'Deno' in globalThis ? 1 : 3;
/** Time of all measurements: the last two take six times as long as the first. */
const LIMIT_MS = 105_000;
/** Timeout of a test that calls {@link assertMemoryStaysFlat}. Longer, so that no program is left behind. */
export const MEMORY_TEST_MS = LIMIT_MS + 5_000;
/** Number of samples of a measurement. */
const SAMPLES = 10;
/** Number of samples at the beginning and at the end of a measurement. The least of them counts. */
const COMPARED = 3;
/** Number of rounds between two collections. */
const UNCOLLECTED = 50;
/** Number of managers that may be left after a collection. A register or a stack can still refer to one. */
const LEFT = 5;
/** Number of turns of the event loop in which what belongs to collected objects is freed: finalizers, then closed handles. */
const TURNS = 3;

/** @typedef {{ rss: number, heap: number }} Memory in bytes */

/**
 * Asserts that a program that creates and drops managers does not leak memory.
 *
 * @param {string} program a file of `programs/` that calls {@link measureMemory}
 * @param {number} rounds number of rounds of its first measurement
 */
export async function assertMemoryStaysFlat(program, rounds) {
	const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
	// Deno would never report that an object has been collected.
	const ofOneThread = 'Deno' in globalThis ? [] : ['--single-threaded'];
	const { stdout } = await promisify(execFile)(
		process.execPath,
		// A small young generation and a single arena soon reach their full size. Optimized code, and other threads of V8, would
		// add memory at a late time that depends on the load of the machine.
		['--expose-gc', '--max-semi-space-size=1', ...ofOneThread, '--no-opt', path, String(rounds)],
		{ env: { ...process.env, MALLOC_ARENA_MAX: '1' }, timeout: LIMIT_MS, killSignal: 'SIGKILL' },
	);
	/** @type {Memory[]} */
	const measurements = JSON.parse(stdout);
	// A step of an allocator or of V8 shows in one measurement, a leak shows in all.
	for (const name of /** @type {const} */ (['heap', 'rss'])) {
		// Other allocators than glibc's may keep more resident memory.
		if (name === 'rss' && !usesGlibc()) continue;
		const growth = measurements.map((measurement) => Math.round(measurement[name]));
		assert.ok(
			growth.some((bytes) => bytes <= MAX_GROWTH),
			`${name} grew by ${growth.join(', ')} bytes for each round`,
		);
	}
}

function usesGlibc() {
	const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport());
	return process.platform === 'linux' && report?.header?.glibcVersionRuntime !== undefined;
}

/**
 * Creates and drops managers in the number of rounds that the command line names, and prints the growth of memory for each round.
 * Repeats this with twice as many rounds while memory grows by more than {@link MAX_GROWTH}.
 *
 * @param {() => object[]} create creates the managers of a round, and keeps no reference to them
 */
export async function measureMemory(create) {
	let left = 0;
	const registry = new FinalizationRegistry(() => left--);
	/** @type {Memory[]} */
	const measurements = [];
	let rounds = Number(process.argv[2]);

	async function collect() {
		globalThis.gc?.();
		for (let n = 0; n < TURNS; n++) await turn();
	}

	// Resident memory stays as high as it was at the time with the most uncollected managers. When V8 collects by itself, that
	// is another number in each run.
	async function collectManagers() {
		let collections = 0;
		do {
			assert.ok(collections++ < 200, `${left} managers are still reachable after 200 collections`);
			await collect();
		} while (left > LEFT);
	}

	async function measure() {
		/** @type {Memory[]} */
		const samples = [];
		for (let sample = 0; sample < SAMPLES; sample++) {
			for (let round = 0; round < rounds / SAMPLES; round += UNCOLLECTED) {
				for (let n = 0; n < UNCOLLECTED; n++) {
					for (const manager of create()) {
						registry.register(manager, undefined);
						left++;
					}
				}
				await collectManagers();
			}
			// The native functions of a scope are collected after its managers.
			await collect();
			const { rss, heapUsed, external } = process.memoryUsage();
			samples.push({ rss, heap: heapUsed + external });
		}
		// The first sample includes what the process allocates once.
		const least = (/** @type {keyof Memory} */ name, /** @type {number} */ from) =>
			Math.min(...samples.slice(from, from + COMPARED).map((sample) => sample[name]));
		const last = SAMPLES - COMPARED;
		const growth = (/** @type {keyof Memory} */ name) =>
			(least(name, last) - least(name, 1)) / (((last - 1) / SAMPLES) * rounds);
		return { rss: growth('rss'), heap: growth('heap') };
	}

	do {
		measurements.push(await measure());
		rounds *= 2;
	} while (measurements.length < MEASUREMENTS && !isFlat(measurements));
	console.log(JSON.stringify(measurements));
}

/** Returns true when no kind of memory has grown in each measurement. @param {Memory[]} measurements */
function isFlat(measurements) {
	return measurements.some(({ heap }) => heap <= MAX_GROWTH) && measurements.some(({ rss }) => rss <= MAX_GROWTH);
}
