// Measures the memory that dropped managers leave behind, in a process that does nothing else.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * Asserts that a program that creates and drops managers does not leak memory.
 *
 * @param {string} program a file of `programs/` that calls {@link printMemory}
 * @param {number} managers number of managers that it creates and drops
 */
export async function assertMemoryStaysFlat(program, managers) {
	const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
	// A small young generation and a single arena soon reach their full size. On Node 26 the default ones still grow after
	// 100,000 managers.
	const { stdout } = await promisify(execFile)(
		process.execPath,
		['--expose-gc', '--max-semi-space-size=1', path, String(managers)],
		{ env: { ...process.env, MALLOC_ARENA_MAX: '1' } },
	);
	const memory = stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line));
	// An allocator reserves memory in steps, and some steps come late. So the growth is measured in the second half only,
	// from the least of three samples in the middle to the least of the last three.
	const least = (/** @type {'rss' | 'heap'} */ name, /** @type {number} */ from) =>
		Math.min(...memory.slice(from, from + 3).map((sample) => sample[name]));
	const growth = (/** @type {'rss' | 'heap'} */ name) => (least(name, 7) - least(name, 3)) / 2 ** 20;
	// Two fifths of the managers are created in between. If they leaked, each would add kilobytes.
	assert.ok(growth('heap') < 4, `the heap grew by ${growth('heap').toFixed(1)} MiB`);
	// Other allocators than glibc's may keep more memory than this.
	if (usesGlibc()) assert.ok(growth('rss') < 16, `resident memory grew by ${growth('rss').toFixed(1)} MiB`);
}

function usesGlibc() {
	const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport());
	return process.platform === 'linux' && report?.header?.glibcVersionRuntime !== undefined;
}

/**
 * Creates and drops the number of managers that the command line names. Prints the memory of the process after each tenth
 * of them.
 *
 * @param {() => void} createAndDrop
 */
export async function printMemory(createAndDrop) {
	const managers = Number(process.argv[2]);
	for (let tenth = 0; tenth < 10; tenth++) {
		for (let hundred = 0; hundred < managers / 1000; hundred++) {
			for (let n = 0; n < 100; n++) createAndDrop();
			// Native functions are freed in a turn of the event loop after a collection.
			await turn();
		}
		for (let n = 0; n < 5; n++) {
			globalThis.gc?.();
			await turn();
		}
		const { rss, heapUsed, external } = process.memoryUsage();
		console.log(JSON.stringify({ rss, heap: heapUsed + external }));
	}
}
