// Runs thread-ends.js on one runtime or several, and prints a table: threads that end at any moment while others post to them. It
// fails where a process crashes, does not come to its end, finds something wrong, or grows by more than one does in which
// those threads never load the package.
//
//   node __test__/stress/run.mjs [--ends=1000] [--seed=1] [--limit-s=1200] [runtime ...]
//
// A runtime is a path, or a name out of __test__/runtimes: node-20, node-22, node-24, node-26, bun, deno; or "all". Without
// any it is the one that runs this.

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

/** By so much resident memory may grow more than without the package: Node itself does not give all back. */
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
	console.log(`✗ ${runtime}: it grew by ${grown} MiB, and by ${grownAnyway} without the package`);
}

/**
 * Prints how it went, and gives back by how many MiB the process has grown since it was warm.
 *
 * @param {string} runtime
 * @param {string} title
 * @param {string[]} how
 */
async function endOn(runtime, title, ...how) {
	const { code, signal, stdout, stderr } = await run(known[runtime] ?? runtime, how);
	/** @type {{ ends: number, posts: number, seconds: number, rss: number[], problems: string[] } | undefined} */
	const result = stdout ? JSON.parse(stdout) : undefined;
	const problems = result?.problems ?? ['it did not come to its end'];
	const failed = code !== 0 || problems.length > 0;
	const { ends: ended, posts, seconds, rss = [0] } = result ?? {};
	console.log(
		`${failed ? '✗' : '✓'} ${runtime}, ${title}: ${ended} threads ended in ${seconds} s, ${posts} posts, ` +
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
	// A young generation grows with what is sent, by up to tens of megabytes a thread: not what is measured here.
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
	// With glibc's eight arenas a core, what grows is where hundreds of threads have left holes: 30 to 80 MiB more, and other
	// ones each time.
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
