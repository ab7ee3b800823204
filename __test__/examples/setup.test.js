// Runs scripts/setup.mjs and scripts/build.mjs in a copy of the repository, with a fake npm and a fake compiler.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
const posix = { skip: process.platform === 'win32' && 'the fake npm is a shell script' };

it('scripts/setup.mjs builds when a source has changed, and not after npm run build', posix, (test) => {
	const root = mkdtempSync(join(tmpdir(), 'setup-'));
	test.after(() => rmSync(root, { recursive: true }));
	cpSync(scripts, join(root, 'scripts'), { recursive: true });
	const write = (/** @type {string} */ path, /** @type {string} */ content, mode = 0o644) => {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), content, { mode });
	};
	write('package.json', '{}');
	write('src/lib.rs', '// first');
	write('npm.log', '');
	write('bin/npm', '#!/bin/sh\necho "$1 $2 $3" >> npm.log\n', 0o755);
	write(
		'node_modules/@napi-rs/cli/dist/cli.js',
		"const fs = require('node:fs'); fs.mkdirSync('native'); fs.writeFileSync('native/addon.node', '');",
	);
	const run = (/** @type {string} */ script) => {
		const env = { ...process.env, PATH: `${join(root, 'bin')}${delimiter}${process.env.PATH}` };
		const { status, stderr } = spawnSync('node', [join(root, 'scripts', script)], { cwd: root, env, encoding: 'utf8' });
		assert.equal(status, 0, stderr);
	};
	const builds = () => readFileSync(join(root, 'npm.log'), 'utf8').match(/^run --silent build$/gm)?.length ?? 0;

	run('build.mjs');
	run('setup.mjs');
	assert.equal(builds(), 0);
	write('src/lib.rs', '// second');
	run('setup.mjs');
	assert.equal(builds(), 1);
});
