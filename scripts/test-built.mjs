// Runs the JS tests with the one binary in native/, which may have been built on another machine. It needs no Rust and builds
// nothing. The release workflow tests its binaries with it. Without a Redis server, the Redis tests are skipped.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { apiSuites, filesOf } from './suites.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const binaries = readdirSync(join(root, 'native')).filter((name) => name.endsWith('.node'));
if (binaries.length !== 1)
	throw new Error(`native/ must contain exactly one binary, but contains ${binaries.join(', ') || 'none'}`);
const tests = Object.keys(apiSuites).flatMap(filesOf);

run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], root);
run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], join(root, 'examples'));
run(process.execPath, ['--test', '--test-timeout=120000', ...tests.map((file) => `__test__/${file}`)], root);

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
	// A shell finds npm.cmd on Windows.
	const shell = process.platform === 'win32' && command === 'npm';
	// Without CI=true, the tests that need Redis are skipped on systems that have none. With TMCP_NATIVE=require, a binary that
	// does not load fails the tests. Otherwise they would run on the JavaScript core.
	const env = { ...process.env, CI: '', TMCP_NATIVE: 'require' };
	const { status } = spawnSync(command, args, { cwd, shell, stdio: 'inherit', env });
	if (status !== 0) process.exit(status ?? 1);
}
