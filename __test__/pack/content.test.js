// The content of the packed tarball.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { checkout, filesBelow, pack, temporary } from './projects.js';

const unpacked = join(temporary, 'unpacked', 'package');
/** @type {string[]} */
let files;

before(async () => {
	mkdirSync(join(temporary, 'unpacked'));
	execFileSync('tar', ['-xzf', await pack(), '-C', join(temporary, 'unpacked')]);
	files = filesBelow(unpacked);
});

test('the tarball contains the library, the addon, the types and the documents, and nothing else', () => {
	const library = filesBelow(join(checkout, 'lib')).map((name) => `lib/${name}`);
	const addons = readdirSync(join(checkout, 'native')).filter((name) => name.endsWith('.node'));
	assert.ok(addons.length > 0, 'the addon is not built');
	assert.ok(library.every((name) => name.endsWith('.js') || name === 'lib/native/load.cjs'));
	const native = addons.map((name) => `native/${name}`);
	const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD_PARTY_LICENSES'];
	const others = ['index.d.ts', 'node.d.ts', 'package.json', 'redis.d.ts'];
	assert.deepEqual(files, [...library, ...native, ...documents, ...others].sort());
});

test('the tarball contains every file that package.json names', () => {
	const { types, exports } = manifest();
	const targets = [types, ...Object.values(exports).flatMap((target) => Object.values(Object(target)))];
	const named = targets.filter((target) => target.length > 1).map((target) => target.replace('./', ''));
	assert.deepEqual(
		named.filter((name) => !files.includes(name)),
		[],
	);
});

test('the tarball has no install script and no dependency', () => {
	const { scripts = {}, dependencies = {}, optionalDependencies = {} } = manifest();
	const atInstall = ['preinstall', 'install', 'postinstall', 'prepublish', 'prepare'];
	assert.deepEqual(
		atInstall.filter((name) => name in scripts),
		[],
	);
	assert.deepEqual({ ...dependencies, ...optionalDependencies }, {});
});

test('no text file of the tarball contains a path of this machine', () => {
	for (const file of files.filter((name) => !name.endsWith('.node'))) assertNoMachinePath(file);
});

test('the addon contains no path of the machine that built it', () => {
	for (const file of files.filter((name) => name.endsWith('.node'))) assertNoMachinePath(file);
});

/** @param {string} file */
function assertNoMachinePath(file) {
	const bytes = readFileSync(join(unpacked, file));
	const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
	for (const needle of [checkout, join(homedir(), '/'), join(cargoHome, '/'), '.cargo/registry', '.cargo\\registry']) {
		const at = bytes.indexOf(needle);
		const passage = at < 0 ? '' : bytes.toString('latin1', at, at + 120).replaceAll(/[^ -~]/g, '.');
		assert.equal(at, -1, `${file} contains a path of the machine that built it: ${passage}`);
	}
}

function manifest() {
	return JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
}
