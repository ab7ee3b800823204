// Prepares what the npm scripts need: the dependencies of the lock files, and the addon. Skips what is up to date, so that
// a second run takes a fraction of a second.
//
//   node scripts/setup.mjs [folder ...]     more folders with their own package.json, beside the root

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildDigest, digest, isBuilt } from './build-stamp.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

await install('.');
await Promise.all([build(), installAll(process.argv.slice(2))]);

/** The build records itself: after `npm run build`, there is nothing to do here. */
async function build() {
	if (!isBuilt(buildDigest())) await run('npm', ['run', '--silent', 'build'], '.');
}

/** One after the other, because they share the cache of npm. @param {string[]} folders */
async function installAll(folders) {
	for (const folder of folders) await install(folder);
}

/** @param {string} folder relative to the root */
async function install(folder) {
	const stamp = join(root, folder, 'node_modules', '.installed');
	const wanted = digest([join(folder, 'package.json'), join(folder, 'package-lock.json')]);
	if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
	await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], folder);
	writeFileSync(stamp, wanted);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} folder
 */
async function run(command, args, folder) {
	const child = spawn(command, args, {
		cwd: join(root, folder),
		stdio: ['ignore', process.stderr, process.stderr],
		// On Windows, a shell finds npm.cmd.
		shell: process.platform === 'win32',
	});
	const problem = await new Promise((resolve) => {
		child.once('error', ({ message }) => resolve(`: ${message}`));
		child.once('close', (status) => resolve(status === 0 ? undefined : ''));
	});
	if (problem === undefined) return;
	console.error(`\n\`${command} ${args.join(' ')}\` failed in ${folder}${problem}.`);
	console.error('Required: Node.js >= 20 with npm, and a Rust toolchain >= 1.88 (https://rustup.rs).');
	process.exit(1);
}
