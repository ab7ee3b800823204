// Makes ready what `npm test`, `npm run demo` and the other scripts need: the dependencies of the lock files and the
// native build. What is up to date is left alone, so that a second run costs a fraction of a second.
//
//   node scripts/setup.mjs [folder ...]     folders with a package.json of their own, beside the root

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

install('.');
build();
for (const folder of process.argv.slice(2)) install(folder);

/** @param {string} folder relative to the root */
function install(folder) {
	const stamp = join(root, folder, 'node_modules', '.installed');
	const wanted = digest([join(folder, 'package.json'), join(folder, 'package-lock.json')]);
	if (read(stamp) === wanted) return;
	run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], folder);
	writeFileSync(stamp, wanted);
}

function build() {
	const stamp = join(root, 'native', '.built');
	const sources = ['package.json', 'Cargo.toml', 'Cargo.lock', 'build.rs', 'scripts/build.mjs', ...filesBelow('src')];
	const wanted = digest(sources) + process.platform + process.arch;
	if (read(stamp) === wanted && readdirSync(join(root, 'native')).some((name) => name.endsWith('.node'))) return;
	run('npm', ['run', '--silent', 'build'], '.');
	writeFileSync(stamp, wanted);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} folder
 */
function run(command, args, folder) {
	// A shell finds npm.cmd on Windows.
	const { status, error } = spawnSync(command, args, {
		cwd: join(root, folder),
		stdio: ['ignore', process.stderr, process.stderr],
		shell: process.platform === 'win32',
	});
	if (status === 0) return;
	console.error(`\n\`${command} ${args.join(' ')}\` failed in ${folder}${error ? `: ${error.message}` : ''}.`);
	console.error('Needed: Node.js >= 20 with npm, and a Rust toolchain >= 1.88 (https://rustup.rs).');
	process.exit(1);
}

/** @param {string[]} paths */
function digest(paths) {
	const hash = createHash('sha256');
	for (const path of paths) hash.update(`${path}\0${read(join(root, path)) ?? ''}\0`);
	return hash.digest('hex');
}

/** @param {string} path */
function read(path) {
	return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
	return readdirSync(join(root, folder))
		.sort()
		.map((name) => join(folder, name))
		.flatMap((path) => (statSync(join(root, path)).isDirectory() ? filesBelow(path) : path));
}
