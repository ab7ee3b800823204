// Runs the JS tests on each runtime of __test__/runtimes/package.json, with the addon that is built and the runtime's own test
// runner, and then those of the JavaScript core without the addon. Each file runs in a process of its own, so that a crash or
// a hang affects no other file. Prints a table, and fails on every failure that is not listed in
// __test__/runtimes/known-limits.mjs.
//
//   node scripts/test-runtimes.mjs [word ...]     only the runtimes whose name contains one of the words, such as "bun"
//                                                 or "bun, javascript core"

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readReport } from '../__test__/runtimes/junit.mjs';
import { knownLimits } from '../__test__/runtimes/known-limits.mjs';
import { apiSuites, fallbackSuites, filesOf } from './suites.mjs';

/** @import { ChildProcess } from 'node:child_process' */
/** @import { Result } from '../__test__/runtimes/junit.mjs' */

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {string} binary
 * @property {(file: string, report: string) => string[]} args
 * @property {Record<string, string>} [env]
 * @property {string[]} [without] files that do not run on this runtime
 * @property {boolean} [isBetween] true for a version of Node.js that is neither the oldest nor the newest
 */

/**
 * @typedef {object} Pass the tests of one core on one runtime
 * @property {string} name
 * @property {Runtime} runtime
 * @property {'require' | 'off'} core the value of TMCP_NATIVE
 * @property {string[]} files
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, '__test__', 'runtimes', 'node_modules');
const FILE_TIMEOUT_MS = 120_000;
/** The time of a file is printed from this duration on. */
const LONG_S = 5;
/** Slow tests of code that does not depend on the runtime, or that a short test covers: `lifetime/shutdown.test.js`. */
const RUNTIME_INDEPENDENT = [
	'e2e/conformance.test.js',
	'e2e/production.test.js',
	'redis/nothing-lost.test.js',
	'redis/scripts.test.js',
	'redis/topology.test.js',
	'examples/shutdown.test.js',
	'examples/shutdown-signal.test.js',
	'examples/opentelemetry.test.js',
];
/** Fewer repetitions than in `npm test`, which tests the common code with the defaults. */
const FEWER_REPETITIONS = { RANDOM_OPERATIONS: '10000' };

/** Some of these tests fail on Bun and Deno. How their processes end with Redis managers is not investigated yet. */
const REDIS_PROCESSES = ['redis/ends.test.js', 'redis/nodes.test.js'];
/** Native delivery writes to the sockets of Node.js only. */
const SOCKETS = filesOf('sockets');
/** Tests that take up to a minute. They run on the oldest and the newest Node.js only, because Rust does the work with Redis. */
const REDIS_LONG = [
	...REDIS_PROCESSES,
	...['causes', 'refused-writes', 'tls', 'unavailable'].map((name) => `redis/${name}.test.js`),
	'examples/redis.test.js',
	'examples/redis-away.test.js',
];

/** @type {Record<string, string[]>} */
const WITHOUT = { 22: REDIS_LONG, 24: ['redis', 'examples', 'e2e'].flatMap(filesOf) };

/** @type {Runtime[]} */
const runtimes = [
	...['20', '22', '24', '26'].map((version) => ({
		name: `Node ${version}`,
		binary: join(modules, `node-${version}`, 'bin', 'node'),
		args: (/** @type {string} */ file, /** @type {string} */ report) => [
			'--test',
			'--test-reporter=junit',
			`--test-reporter-destination=${report}`,
			file,
		],
		env: FEWER_REPETITIONS,
		without: WITHOUT[version] ?? [],
		isBetween: version in WITHOUT,
	})),
	{
		name: 'Bun',
		binary: join(modules, '@oven', 'bun-linux-x64', 'bin', 'bun'),
		args: (file, report) => [
			'test',
			'--timeout=60000',
			'--reporter=junit',
			`--reporter-outfile=${report}`,
			`./${file}`,
		],
		env: FEWER_REPETITIONS,
		without: [...REDIS_LONG, ...SOCKETS],
	},
	{
		name: 'Deno',
		binary: join(modules, '@deno', 'linux-x64-glibc', 'deno'),
		args: (file, report) => ['test', '-A', '--no-check', '--no-lock', `--junit-path=${report}`, file],
		env: { ...FEWER_REPETITIONS, DENO_DIR: join(modules, '.deno'), DENO_NO_UPDATE_CHECK: '1' },
		without: [...REDIS_LONG, ...SOCKETS],
	},
];

/** The suites of the API; e2e/, where the transports import this package by `overrides`; and the sockets of Node.js. */
const files = [...Object.keys(apiSuites), 'e2e', 'sockets']
	.flatMap(filesOf)
	.filter((file) => !RUNTIME_INDEPENDENT.includes(file));

/** @type {Pass[]} */
const passes = runtimes.flatMap((runtime) => [
	{
		name: runtime.name,
		runtime,
		// An addon that does not load fails the tests. Otherwise they would run on the JavaScript core.
		core: 'require',
		files: files.filter((file) => !runtime.without?.includes(file)),
	},
	...(runtime.isBetween
		? []
		: [
				{
					name: `${runtime.name}, JavaScript core`,
					runtime,
					core: /** @type {const} */ ('off'),
					files: fallbackSuites.flatMap(filesOf),
				},
			]),
]);
const words = process.argv.slice(2).map((word) => word.toLowerCase());
const chosen = passes.filter(
	({ name }) => words.length === 0 || words.some((word) => name.toLowerCase().includes(word)),
);
const folder = mkdtempSync(join(tmpdir(), 'test-runtimes-'));
/** @type {(ReturnType<typeof summary> & { seconds: number })[]} */
const rows = [];
/** @type {string[]} */
const problems = [];
/** The process that runs now, with a process group of its own. @type {ChildProcess | undefined} */
let running;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
	process.once(signal, () => {
		if (running) kill(running);
		process.kill(process.pid, signal);
	});
}

for (const pass of chosen) {
	console.log(`\n${pass.name}`);
	/** @type {(Result & { file: string })[]} */
	const results = [];
	const start = performance.now();
	for (const file of pass.files) {
		const began = performance.now();
		const inFile = await runFile(pass, file);
		const seconds = secondsSince(began);
		results.push(...inFile.map((result) => ({ file, ...result })));
		const failed = inFile.filter(({ outcome }) => outcome === 'failed').length;
		const took = seconds >= LONG_S ? ` in ${seconds} s` : '';
		console.log(`  ${file}: ${inFile.length} tests${failed ? `, ${failed} failed` : ''}${took}`);
	}
	rows.push({ ...summary(pass, results), seconds: secondsSince(start) });
}
rmSync(folder, { recursive: true });

for (const problem of problems) console.log(`\n✗ ${problem}`);
console.log('');
printTable();
const passed = rows.reduce((sum, row) => sum + row.passed, 0);
console.log(`\n${passed} passed, ${problems.length} failed`);
process.exitCode = problems.length > 0 || rows.length === 0 ? 1 : 0;

/** @param {number} begin result of `performance.now()` */
function secondsSince(begin) {
	return Math.round((performance.now() - begin) / 1_000);
}

/**
 * @param {Pass} pass
 * @param {string} file
 * @returns {Promise<Result[]>} results of the tests, and a failure of the file when its exit code does not match them
 */
async function runFile({ name, runtime: { binary, args, env }, core }, file) {
	const report = join(folder, `${name} ${file.replaceAll('/', ' ')}.xml`);
	const { output, ending } = await run(binary, args(`__test__/${file}`, report), { ...env, TMCP_NATIVE: core });
	const results = existsSync(report) ? readReport(readFileSync(report, 'utf8')) : [];
	const failed = results.some(({ outcome }) => outcome === 'failed');
	const asReported = ending === 0 ? !failed : ending === 1 && failed;
	if (asReported && results.length > 0) return results;
	const how = typeof ending === 'number' ? `exit code ${ending}` : ending;
	const detail = `${results.length} tests reported, then: ${how}\n${output.slice(-2_000)}`;
	return [...results, { name: '(the file)', outcome: 'failed', detail }];
}

/**
 * @param {string} binary
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<{ output: string, ending: number | string }>}
 */
function run(binary, args, env) {
	return new Promise((resolve, reject) => {
		// A process group of its own, so that a test that hangs is killed together with its children.
		const options = { cwd: root, env: { ...process.env, NO_COLOR: '1', ...env }, detached: true };
		const child = spawn(binary, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
		running = child;
		let output = '';
		let late = false;
		for (const stream of [child.stdout, child.stderr]) {
			stream.setEncoding('utf8').on('data', (text) => {
				output += text;
			});
		}
		const limit = setTimeout(() => {
			late = true;
			kill(child);
		}, FILE_TIMEOUT_MS);
		child.once('error', reject);
		child.once('close', (code, signal) => {
			clearTimeout(limit);
			running = undefined;
			resolve({
				output,
				ending: late ? `no exit within ${FILE_TIMEOUT_MS / 1_000} s` : (code ?? signal ?? 'no exit code'),
			});
		});
	});
}

/** Kills a process and its children. @param {ChildProcess} child */
function kill({ pid }) {
	if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}

/**
 * @param {Pass} pass
 * @param {(Result & { file: string })[]} results
 */
function summary({ name: passName, runtime, core }, results) {
	const limits = knownLimits.filter((limit) => limit.runtime === passName);
	/** @param {{ file: string, name: string }} result */
	const limitOf = ({ file, name }) => limits.find((limit) => limit.file === file && isNamed(name, limit.test));
	for (const limit of limits) {
		const which = `${passName}: ${limit.file}: ${limit.test}`;
		const met = results.filter((result) => limitOf(result) === limit);
		if (met.length === 0) problems.push(`${which}\nknown-limits.mjs names a test that does not exist`);
		const passes = met.some(({ outcome }) => outcome === 'passed');
		if (passes && !limit.sometimes) problems.push(`${which}\nis listed in known-limits.mjs, but passes`);
	}
	const failed = results.filter((result) => result.outcome === 'failed' && !limitOf(result));
	for (const { file, name, detail } of failed) problems.push(`${passName}: ${file}: ${name}\n${detail}`);
	const skipped = results.filter(({ outcome }) => outcome === 'skipped');
	const limited = results.filter((result) => result.outcome === 'failed' && limitOf(result));
	return {
		runtime: passName,
		version: spawnSync(runtime.binary, ['--version'], { encoding: 'utf8' }).stdout.match(/\d+\.\d+\.\d+/)?.[0] ?? '?',
		tests: results.length,
		passed: results.filter(({ outcome }) => outcome === 'passed').length,
		failed: failed.length,
		skipped: skipped.length + limited.length,
		reasons: [
			...limited.map((result) => `${result.name}: ${limitOf(result)?.reason}`),
			// Without the addon, the tests that need it are skipped.
			...(core === 'off' ? [] : skipped).map(({ name, detail }) => `${name}: ${detail || 'no reason given'}`),
		],
	};
}

/**
 * @param {string} name
 * @param {string} pattern the whole name, or the beginning of the name followed by `*`
 */
function isNamed(name, pattern) {
	return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function printTable() {
	const columns = /** @type {const} */ (['runtime', 'version', 'tests', 'passed', 'failed', 'skipped', 'seconds']);
	const table = [columns.map(String), ...rows.map((row) => columns.map((column) => String(row[column])))];
	const widths = columns.map((_, index) => Math.max(...table.map((row) => row[index].length)));
	for (const row of table)
		console.log(
			row
				.map((cell, index) => cell.padEnd(widths[index]))
				.join('  ')
				.trimEnd(),
		);
	for (const { runtime, reasons } of rows)
		for (const reason of reasons) console.log(`\n${runtime}, skipped: ${reason}`);
}
