// How much memory managers leave behind that were made and dropped, measured in a process of its own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * @param {string} program one of `programs/`, which calls {@link printMemory}
 * @param {number} managers
 */
export async function assertMemoryStaysFlat(program, managers) {
	const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
	// A small young generation and one arena reach their full size soon; on Node 26 the default ones do not in 100,000.
	const { stdout } = await promisify(execFile)(
		process.execPath,
		['--expose-gc', '--max-semi-space-size=1', path, String(managers)],
		{ env: { ...process.env, MALLOC_ARENA_MAX: '1' } },
	);
	const memory = stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line));
	// An allocator takes its room in steps, some of them late: a leak is what still grows in the second half, from the
	// least of three measurements in its middle to the least of the last three.
	const least = (/** @type {'rss' | 'heap'} */ what, /** @type {number} */ from) =>
		Math.min(...memory.slice(from, from + 3).map((measured) => measured[what]));
	const grown = (/** @type {'rss' | 'heap'} */ what) => (least(what, 7) - least(what, 3)) / 2 ** 20;
	// Two fifths of the managers lie between the two; one that stayed would show as kilobytes each.
	assert.ok(grown('heap') < 4, `the heap grew by ${grown('heap').toFixed(1)} MiB`);
	// How much an allocator keeps is known of glibc's only.
	if (usesGlibc()) assert.ok(grown('rss') < 16, `resident memory grew by ${grown('rss').toFixed(1)} MiB`);
}

function usesGlibc() {
	const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport());
	return process.platform === 'linux' && report?.header?.glibcVersionRuntime !== undefined;
}

/**
 * Makes and drops as many managers as the command line says, and prints how much memory the process has after each tenth
 * of them.
 *
 * @param {() => void} makeAndDrop
 */
export async function printMemory(makeAndDrop) {
	const managers = Number(process.argv[2]);
	for (let tenth = 0; tenth < 10; tenth++) {
		for (let hundred = 0; hundred < managers / 1000; hundred++) {
			for (let n = 0; n < 100; n++) makeAndDrop();
			// Native functions are freed after a collection, in a turn of the event loop.
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
