// Makes the folders to publish from the binaries of all platforms: one folder for each platform, and `main`. `main` has no
// binary; its optional dependencies are the platform packages. Publish the platform packages first.
//
//   node scripts/prepare-publish.mjs <folder with the .node files, at any depth> <folder to make>
//
// `main` has the files that `npm pack` packs, so the published package is the tested one. `napi artifacts` fails if a binary
// of `napi.targets` is missing, or if there is a binary of another target.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const napi = join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
const [artifacts, out] = process.argv.slice(2).map((path) => resolve(path));
if (out === undefined) throw new Error('usage: node scripts/prepare-publish.mjs <artifacts> <folder to make>');

mkdirSync(out);
run('npm', ['pack', '--loglevel=error', '--pack-destination', out], root);
const [tarball] = readdirSync(out);
// The name is relative, because some versions of tar take the colon in C:\ for the end of a host name.
run('tar', ['-xzf', tarball], out);
rmSync(join(out, tarball));

const main = join(out, 'main');
renameSync(join(out, 'package'), main);
run(process.execPath, [napi, 'create-npm-dirs'], main);
run(process.execPath, [napi, 'artifacts', '--output-dir', artifacts], main);
// Without these flags it would also publish the packages and make a release on GitHub.
run(process.execPath, [napi, 'pre-publish', '--tag-style', 'npm', '--no-gh-release', '--skip-optional-publish'], main);

for (const platform of readdirSync(join(main, 'npm'))) {
	renameSync(join(main, 'npm', platform), join(out, platform));
	for (const name of ['LICENSE', 'THIRD_PARTY_LICENSES']) copyFileSync(join(root, name), join(out, platform, name));
	complete(join(out, platform));
}
rmSync(join(main, 'npm'), { recursive: true });
// `native/` exists only when the addon was built here.
rmSync(join(main, 'native'), { recursive: true, force: true });
for (const name of readdirSync(main).filter((name) => name.endsWith('.node'))) rmSync(join(main, name));

/**
 * Makes a CommonJS module the entry point of a platform package, in place of the binary. Most bundlers cannot build a
 * program that requires a binary. Also lists the licenses of the crates, because npm publishes only listed files.
 *
 * @param {string} folder
 */
function complete(folder) {
	const path = join(folder, 'package.json');
	const manifest = JSON.parse(readFileSync(path, 'utf8'));
	const binary = manifest.main;
	const source = [
		"const path = require('node:path');",
		'',
		'// Tools that trace files find the binary by this expression.',
		`process.dlopen(module, path.toNamespacedPath(path.join(__dirname, '${binary}')));`,
		'',
	];
	writeFileSync(join(folder, 'index.cjs'), source.join('\n'));
	Object.assign(manifest, { main: 'index.cjs', files: ['index.cjs', ...manifest.files, 'THIRD_PARTY_LICENSES'] });
	writeFileSync(path, `${JSON.stringify(manifest, null, '\t')}\n`);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
	// On Windows npm is npm.cmd, which only a shell can run.
	const shell = process.platform === 'win32' && command === 'npm';
	const { status } = spawnSync(command, args, { cwd, shell, stdio: ['ignore', process.stderr, process.stderr] });
	if (status !== 0) throw new Error(`\`${command} ${args.join(' ')}\` failed in ${cwd}`);
}
