// Tests the one binary that lies in native/ as it is, made on another machine maybe: the JS tests and the demo, with no Rust
// and no build. What a release is made of is tested so; without the tests that need a Redis, where there is none.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { apiSuites, filesOf } from './suites.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const binaries = readdirSync(join(root, 'native')).filter((name) => name.endsWith('.node'));
if (binaries.length !== 1) throw new Error(`native/ is to hold one binary, and has ${binaries.join(', ') || 'none'}`);
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
	// CI=true is no reason to have a Redis: not all systems that a binary is for have one.
	const { status } = spawnSync(command, args, { cwd, shell, stdio: 'inherit', env: { ...process.env, CI: '' } });
	if (status !== 0) process.exit(status ?? 1);
}
