// THIRD_PARTY_LICENSES, and scripts/third-party-licenses.mjs that writes and checks it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { checkout, temporary } from './projects.js';

const { satisfies } = await import(pathToFileURL(join(checkout, 'scripts', 'spdx.mjs')).href);
const notices = readFileSync(join(checkout, 'THIRD_PARTY_LICENSES'), 'utf8');

test('THIRD_PARTY_LICENSES names each linked crate with its license, also those of other platforms', () => {
	const expected = [
		/^- napi \S+: MIT$/m,
		/^- ring \S+: Apache-2\.0 AND ISC$/m,
		/^- security-framework \S+: MIT OR Apache-2\.0$/m, // macOS
		/^- schannel \S+: MIT$/m, // Windows
		/^- The Rust standard library \S+: MIT OR Apache-2\.0, with exceptions$/m,
	];
	for (const line of expected) assert.match(notices, line);
});

test('THIRD_PARTY_LICENSES names no procedural macro, build dependency or dev-dependency', () => {
	for (const name of ['napi-derive', 'serde_derive', 'syn', 'napi-build', 'cc', 'proptest', 'rand']) {
		assert.ok(!notices.includes(`\n- ${name} `), name);
	}
});

test('THIRD_PARTY_LICENSES has each text once, and a text for each crate', () => {
	const [heading, ...rest] = notices.split(/^={80}\n/m);
	const named = [...heading.matchAll(/^- (.+ \S+): .+$/gm)].map(([, name]) => name);
	const owners = rest.filter((_, index) => index % 2 === 0);
	const texts = rest.filter((_, index) => index % 2 === 1).map((text) => text.replaceAll(/\s+/g, ' '));
	assert.equal(owners.length, texts.length);
	assert.equal(new Set(texts).size, texts.length);
	const withText = new Set(owners.flatMap((lines) => lines.trim().split('\n')).map((line) => line.replace('- ', '')));
	assert.ok(named.length > 50);
	assert.deepEqual([...withText].sort(), named.sort());
	for (const name of named.filter((each) => each.startsWith('napi'))) {
		const index = owners.findIndex((lines) => lines.includes(`- ${name}\n`));
		assert.match(texts[index], /MIT License Copyright \(c\) 2020 LongYinan Permission is hereby granted/);
	}
});

test('--check passes for this checkout', () => {
	const { status, stderr } = check(checkout);
	assert.equal(stderr, '');
	assert.equal(status, 0);
});

const faults = [
	{
		name: 'THIRD_PARTY_LICENSES is out of date',
		file: 'THIRD_PARTY_LICENSES',
		change: (/** @type {string} */ text) => text.replace(/^- redis 1\..*\n/m, ''),
		message: /^THIRD_PARTY_LICENSES is not up to date: run `node scripts\/third-party-licenses\.mjs`\n$/,
	},
	{
		name: 'deny.toml does not allow the license of a crate',
		file: 'deny.toml',
		change: (/** @type {string} */ text) => text.replace('"BSL-1.0", ', ''),
		message: /^deny\.toml does not allow the license of \S+ \S+: BSL-1\.0\n$/,
	},
	{
		name: 'a crate without a text is not in the list of the script',
		file: 'scripts/third-party-licenses.mjs',
		change: (/** @type {string} */ text) => text.replace(/^\t\['napi-sys', .*\n/m, ''),
		message: /^napi-sys \S+ ships no license text: add it to scripts\/license-texts\n/,
	},
	{
		name: 'the release uses another version of Rust than the notices of the standard library',
		file: '.github/workflows/release.yml',
		change: (/** @type {string} */ text) => text.replace(/toolchain install 1\.\d+\.\d+/, 'toolchain install 1.999.0'),
		message: /^release\.yml does not use Rust 1\.\d+\.\d+: update scripts\/license-texts, see its README\n$/,
	},
];

for (const { name, file, change, message } of faults) {
	test(`--check fails when ${name}`, () => {
		const folder = mkdtempSync(join(temporary, 'licenses-'));
		const copied = [
			'.github',
			'Cargo.lock',
			'Cargo.toml',
			'THIRD_PARTY_LICENSES',
			'deny.toml',
			'package.json',
			'scripts',
		];
		for (const each of copied) cpSync(join(checkout, each), join(folder, each), { recursive: true });
		// Cargo reads no source here, but it requires the main file of the library.
		mkdirSync(join(folder, 'src'));
		writeFileSync(join(folder, 'src', 'lib.rs'), '');
		const before = readFileSync(join(folder, file), 'utf8');
		const after = change(before);
		assert.notEqual(after, before);
		writeFileSync(join(folder, file), after);
		const { status, stderr } = check(folder);
		assert.match(stderr, message);
		assert.equal(status, 1);
	});
}

test('deny.toml has the targets of package.json', () => {
	const [, list] = /^targets = \[([^\]]*)\]/m.exec(readFileSync(join(checkout, 'deny.toml'), 'utf8')) ?? [];
	const { napi } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
	assert.deepEqual(
		[...list.matchAll(/"([^"]+)"/g)].map(([, target]) => target),
		napi.targets,
	);
});

test('a license expression needs one license of each OR and both of each AND', () => {
	const allowed = new Set(['MIT', 'ISC', 'Apache-2.0 WITH LLVM-exception']);
	const expected = {
		MIT: true,
		Zlib: false,
		mit: false,
		'MIT OR Zlib': true,
		'Zlib OR MIT': true,
		'Zlib OR 0BSD': false,
		'MIT AND ISC': true,
		'MIT AND Zlib': false,
		'Zlib AND MIT': false,
		'MIT OR ISC AND Zlib': true,
		'Zlib AND ISC OR MIT': true,
		'(MIT OR ISC) AND Zlib': false,
		'(Zlib OR (MIT)) AND (ISC)': true,
		'(MIT)AND(ISC)': true,
		'MIT/Zlib': true,
		'Apache-2.0': false,
		'Apache-2.0 WITH LLVM-exception': true,
		'Apache-2.0 WITH Classpath-exception-2.0': false,
		'ISC WITH LLVM-exception': false,
		'MIT+': false,
	};
	const found = Object.keys(expected).map((expression) => [expression, satisfies(expression, allowed)]);
	assert.deepEqual(Object.fromEntries(found), expected);
});

test('anything that is not a license expression is an error, also beside an allowed license', () => {
	const allowed = new Set(['MIT', 'ISC']);
	const wrong = [
		'',
		' ',
		'MIT ISC',
		'MIT OR',
		'OR MIT',
		'MIT OR OR ISC',
		'MIT AND',
		'MIT or ISC',
		'(MIT',
		'MIT)',
		'()',
		'MIT OR (ISC',
		'MIT WITH',
		'MIT WITH (ISC)',
		'(MIT) WITH ISC',
		'MIT, ISC',
		'MIT OR ISC;',
		'MIT++',
		'/MIT',
	];
	for (const expression of wrong) {
		assert.throws(
			() => satisfies(expression, allowed),
			(error) => error instanceof SyntaxError && error.message.includes(`\`${expression}\` is not an SPDX`),
			expression,
		);
	}
});

/** @param {string} folder */
function check(folder) {
	const script = join(folder, 'scripts', 'third-party-licenses.mjs');
	return spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
}
