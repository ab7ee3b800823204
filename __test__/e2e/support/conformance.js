// Runs the MCP conformance suite against a server, and reads its results.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const { resolve } = createRequire(import.meta.url);
const program = resolve('@modelcontextprotocol/conformance/dist/index.js');
const forNode20 = fileURLToPath(new URL('./glob-sync.mjs', import.meta.url));

/**
 * @typedef {object} Row a check
 * @property {string} scenario
 * @property {string} id of the check
 * @property {'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'} status
 * @property {string} message reason, when the check did not succeed
 */

/** Returns the names of all server scenarios of the suite, including those outside of its default set. */
export async function scenarios() {
	const { stdout } = await conformance('list', '--server');
	return [...stdout.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name);
}

/**
 * @param {string} url of an MCP server
 * @returns {Promise<Row[]>} rows of every scenario, sorted by its name
 */
export async function check(url) {
	const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
	try {
		// The suite exits with code 1 when a check has failed. The test decides about that.
		await conformance('server', '--url', url, '--suite', 'all', '--output-dir', folder).catch(unlessItRan);
		const results = (await readdir(folder)).sort();
		return (await Promise.all(results.map((result) => rowsIn(folder, result)))).flat();
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** @param {...string} args */
function conformance(...args) {
	return run(process.execPath, ['--import', forNode20, program, ...args], { maxBuffer: 2 ** 26 });
}

/** @param {{ stdout: string, stderr: string }} failure */
function unlessItRan(failure) {
	if (!failure.stdout?.includes('=== SUMMARY ===')) throw failure;
}

/**
 * @param {string} folder
 * @param {string} result name of the result folder: `server-<scenario>-<time>`
 * @returns {Promise<Row[]>}
 */
async function rowsIn(folder, result) {
	const scenario = result.replace(/^server-|-\d{4}-\d\d-\d\dT[\d-]+Z$/g, '');
	const checks = JSON.parse(await readFile(join(folder, result, 'checks.json'), 'utf8'));
	return checks.map((/** @type {any} */ { id, status, errorMessage = '' }) => ({
		scenario,
		id,
		status,
		message: errorMessage,
	}));
}
