// Runs thread-ends.js on one or several runtimes, and prints the results: threads end at random moments while others send to them.
// It fails when a process crashes, hangs, finds a problem, or when its memory grows more than without the package.
//
//   node __test__/stress/run.mjs [--ends=1000] [--seed=1] [--limit-s=1200] [runtime ...]
//
// A runtime is a path, a name (node-20, node-22, node-24, node-26, bun, deno; installed in __test__/runtimes), or "all". The
// default is the runtime that runs this program.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
	options: { ends: { type: 'string' }, seed: { type: 'string' }, 'limit-s': { type: 'string' } },
	allowPositionals: true,
});
const ends = Number(values.ends ?? 1_000);
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
const limitMs = Number(values['limit-s'] ?? 1_200) * 1_000;

/** Allowed growth of resident memory compared to the run without the package. Node itself does not free all memory. */
const GROWTH_MIB = 16;

const modules = fileURLToPath(new URL('../runtimes/node_modules', import.meta.url));
/** @type {Record<string, string>} */
const known = {
	...Object.fromEntries(['20', '22', '24', '26'].map((v) => [`node-${v}`, join(modules, `node-${v}`, 'bin', 'node')])),
	bun: join(modules, '@oven', 'bun-linux-x64', 'bin', 'bun'),
	deno: join(modules, '@deno', 'linux-x64-glibc', 'deno'),
};
const names = positionals.includes('all') ? Object.keys(known) : positionals;
const runtimes = names.length > 0 ? names : [process.execPath];

for (const runtime of runtimes) {
	const grown = await endOn(runtime, 'with the package');
	const grownAnyway = await endOn(runtime, 'without', 'control');
	if (grown - grownAnyway <= GROWTH_MIB) continue;
	process.exitCode = 1;
	console.log(`✗ ${runtime}: memory grew by ${grown} MiB, and by ${grownAnyway} MiB without the package`);
}

/**
 * Runs the program, prints the result, and returns by how many MiB its memory has grown since the warm-up.
 *
 * @param {string} runtime
 * @param {string} title
 * @param {string[]} how
 */
async function endOn(runtime, title, ...how) {
	const { code, signal, stdout, stderr } = await run(known[runtime] ?? runtime, how);
	/** @type {{ ends: number, posts: number, seconds: number, rss: number[], problems: string[] } | undefined} */
	const result = stdout ? JSON.parse(stdout) : undefined;
	const problems = result?.problems ?? ['the process did not finish'];
	const failed = code !== 0 || problems.length > 0;
	const { ends: ended, posts, seconds, rss = [0] } = result ?? {};
	console.log(
		`${failed ? '✗' : '✓'} ${runtime}, ${title}: ${ended} threads ended in ${seconds} s, ${posts} messages sent, ` +
			`${rss.join(', ')} MiB; exit code ${code}${signal ? `, signal ${signal}` : ''}`,
	);
	if (failed) {
		process.exitCode = 1;
		for (const problem of problems) console.log(`  ${problem}`);
		console.log(stderr.slice(-4_000));
	}
	return /** @type {number} */ (rss.at(-1)) - rss[0];
}

/** @param {string} runtime */
function flagsOf(runtime) {
	if (runtime === known.deno) return ['run', '-A', '--no-lock'];
	if (runtime === known.bun) return [];
	// The young generation grows with the messages sent, by up to tens of megabytes a thread. It is not measured here.
	return ['--max-semi-space-size=1'];
}

/**
 * @param {string} runtime
 * @param {string[]} how
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
function run(runtime, how) {
	const program = fileURLToPath(new URL('thread-ends.js', import.meta.url));
	const args = [...flagsOf(runtime), program, String(ends), seed, ...how];
	// With the default of eight malloc arenas a core, hundreds of threads fragment the heap: 30 to 80 MiB more, and another value
	// in each run.
	const env = {
		...process.env,
		MALLOC_ARENA_MAX: '2',
		NO_COLOR: '1',
		DENO_DIR: join(modules, '.deno'),
		DENO_NO_UPDATE_CHECK: '1',
	};
	return new Promise((resolve, reject) => {
		const child = spawn(runtime, args, { env, timeout: limitMs, killSignal: 'SIGKILL' });
		const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
			/** @type {string[]} */
			const texts = [];
			stream.setEncoding('utf8').on('data', (text) => texts.push(text));
			return texts;
		});
		child.once('error', reject);
		child.once('close', (code, signal) => {
			resolve({ code, signal, stdout: stdout.join(''), stderr: stderr.join('') });
		});
	});
}
