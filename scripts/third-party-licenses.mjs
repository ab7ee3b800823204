// Writes THIRD_PARTY_LICENSES: the license texts of the crates that the binaries contain, and of Rust's standard library.
//
//   node scripts/third-party-licenses.mjs             writes the file
//   node scripts/third-party-licenses.mjs --check     fails if the file is not up to date
//
// Both fail if deny.toml does not allow the license of a crate, or if a crate has no license text.
//
// A binary contains the normal dependencies, with the features of the release build, for any target of package.json. It does
// not contain build dependencies, dev-dependencies and procedural macros. `cargo tree` lists exactly these crates. `cargo
// metadata` can add crates for features that only dev-dependencies enable, but it has the paths and the license expressions.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { satisfies } from './spdx.mjs';

/**
 * @typedef {object} Crate
 * @property {string} name
 * @property {string} version
 * @property {string | null} license
 * @property {string} manifest_path
 */

/** The Rust version of the release. scripts/license-texts/rust-std.txt is for this version. */
const RUST_VERSION = '1.95.0';
/** Crates that ship no license text, and the file of scripts/license-texts that has the text of their repository. */
const TEXTS = new Map([
	['napi', 'napi-rs.txt'],
	['napi-sys', 'napi-rs.txt'],
]);
const OUTPUT = 'THIRD_PARTY_LICENSES';
const RULER = '='.repeat(80);

const root = fileURLToPath(new URL('..', import.meta.url));
/** @type {string[]} */
const problems = [];

const crates = linkedCrates();
checkLicenses(crates);
if (!read('.github/workflows/release.yml').includes(`rustup toolchain install ${RUST_VERSION} `)) {
	problems.push(`release.yml does not use Rust ${RUST_VERSION}: update scripts/license-texts, see its README`);
}
const content = notices(crates);
if (process.argv.includes('--check')) {
	if (content !== read(OUTPUT))
		problems.push(`${OUTPUT} is not up to date: run \`node scripts/third-party-licenses.mjs\``);
} else if (problems.length === 0) {
	writeFileSync(join(root, OUTPUT), content);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

/** Returns the crates that a binary of any target contains, sorted by name and version. */
function linkedCrates() {
	/** @type {string[]} */
	const targets = JSON.parse(read('package.json')).napi.targets;
	const tree = cargo(
		['tree', '--edges=normal,no-proc-macro', '--prefix=none', '--format={p}'],
		targets.map((target) => `--target=${target}`),
	);
	// The line of our own crate does not match: it ends with a path.
	const linked = new Set(tree.split('\n').filter((line) => /^\S+ v\S+$/.test(line)));
	const metadata = cargo(
		['metadata', '--format-version=1'],
		targets.map((target) => `--filter-platform=${target}`),
	);
	/** @type {{ packages: Crate[] }} */
	const { packages } = JSON.parse(metadata);
	const byName = new Map(packages.map((each) => [`${each.name} v${each.version}`, each]));
	return [...linked].sort(compare).map((name) => {
		const found = byName.get(name);
		if (found === undefined) throw new Error(`\`cargo metadata\` does not have ${name} of \`cargo tree\``);
		return found;
	});
}

/** @param {Crate[]} crates */
function checkLicenses(crates) {
	// The list of deny.toml has only strings, so it is also JSON.
	const [, list = ''] = /^\[licenses\][^[]*^allow = (\[[^\]]*\])/m.exec(read('deny.toml')) ?? [];
	const allowed = new Set(JSON.parse(list));
	for (const { name, version, license } of crates) {
		try {
			if (license !== null && satisfies(license, allowed)) continue;
			problems.push(`deny.toml does not allow the license of ${name} ${version}: ${license ?? 'none'}`);
		} catch (error) {
			problems.push(`${name} ${version}: ${/** @type {Error} */ (error).message}`);
		}
	}
}

/**
 * Returns the content of the file: the crates and their licenses, then each distinct text and the crates it belongs to.
 *
 * @param {Crate[]} crates
 */
function notices(crates) {
	/** @type {Map<string, { text: string, owners: Set<string> }>} by the words of the text: line breaks differ between crates */
	const sections = new Map();
	for (const crate of crates) {
		for (const text of licenseTexts(crate)) add(`${crate.name} ${crate.version}`, text);
	}
	add(`The Rust standard library ${RUST_VERSION}`, read('scripts/license-texts/rust-std.txt'));

	const heading = [
		'Third-party software in @tmcp-native/session-manager',
		'',
		'The native binaries contain the crates below and the Rust standard library. A',
		'binary for one platform does not contain all of them. The texts of their licenses',
		'follow, each with the crates it belongs to. Where a license is A OR B, either',
		'applies.',
		'',
		...crates.map(({ name, version, license }) => `- ${name} ${version}: ${license}`),
		`- The Rust standard library ${RUST_VERSION}: MIT OR Apache-2.0, with exceptions`,
		'',
	];
	const texts = [...sections.values()].map(({ text, owners }) =>
		[RULER, ...[...owners].map((owner) => `- ${owner}`), RULER, '', text, ''].join('\n'),
	);
	return [...heading, ...texts].join('\n');

	/**
	 * @param {string} owner
	 * @param {string} text
	 */
	function add(owner, text) {
		const words = text.split(/\s+/).join(' ').trim();
		const section = sections.get(words) ?? { text: clean(text), owners: new Set() };
		section.owners.add(owner);
		sections.set(words, section);
	}
}

/**
 * Returns the texts of the license files anywhere in a crate. Parts of a crate can have a license of their own.
 *
 * @param {Crate} crate
 */
function licenseTexts({ name, version, manifest_path }) {
	const folder = dirname(manifest_path);
	const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.filter((file) => /^(licen[cs]e|copying|copyright|notice|unlicense|authors)([-_.]|$)/i.test(basename(file)))
		.filter((file) => !/\.(rs|c|h|toml|json|py|sh|html)$/.test(file))
		.map((file) => file.replaceAll('\\', '/'))
		.sort(compare);
	const kept = TEXTS.get(name);
	if (kept === undefined) {
		if (files.length === 0) problems.push(`${name} ${version} ships no license text: add it to scripts/license-texts`);
		return files.map((file) => readFileSync(join(folder, file), 'utf8'));
	}
	if (files.length > 0) problems.push(`${name} ${version} ships its license text: remove it from TEXTS of this script`);
	return [read(`scripts/license-texts/${kept}`)];
}

/**
 * Removes what differs between operating systems and editors, not between texts.
 *
 * @param {string} text
 */
function clean(text) {
	return text
		.replace(/^\uFEFF/, '')
		.split(/\r\n|\r|\n/)
		.map((line) => line.trimEnd())
		.join('\n')
		.replace(/^\n+|\n+$/g, '')
		.replace(/\n{3,}/g, '\n\n');
}

/**
 * Compares by code unit, since the order must not depend on the locale.
 *
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
	if (a === b) return 0;
	return a < b ? -1 : 1;
}

/** @param {string} file relative to the root */
function read(file) {
	return readFileSync(join(root, file), 'utf8').replaceAll('\r\n', '\n');
}

/** @param {string[][]} args */
function cargo(...args) {
	return execFileSync('cargo', [...args.flat(), '--locked', '--quiet'], {
		cwd: root,
		encoding: 'utf8',
		maxBuffer: 64 << 20,
	});
}
