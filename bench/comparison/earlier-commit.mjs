// This package as it was before stream managers had options: built from git, once, beside what cargo builds.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** "README, changelog and CI for worker threads and Redis": the last commit without the options. */
export const BEFORE = '3d34906';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Ignored by git, and by the checks.
const folder = join(root, 'target', 'bench-before', BEFORE);
const built = join(folder, '.built');

/**
 * @param {(line: string) => void} log
 * @returns {string | undefined} the folder, where an earlier run has built it
 */
export function builtBefore(log) {
	if (existsSync(built)) return folder;
	log(`options: not measured against the commit before them: a run without --quick builds ${BEFORE}`);
	return undefined;
}

/**
 * Takes two minutes the first time. Its crates are compiled in a folder of its own: in cargo's one for the checkout they
 * would take the place of ours.
 *
 * @param {(line: string) => void} log
 * @returns {string | undefined} the folder; nothing, said so, where the commit is not to be had (a shallow clone, an archive)
 */
export function buildBefore(log) {
	if (existsSync(built)) return folder;
	if (!runs('git', ['cat-file', '-e', `${BEFORE}:package.json`], root, 'ignore')) {
		log(`options: not measured against the commit before them: git has no ${BEFORE} here`);
		return undefined;
	}
	log(`options: building ${BEFORE}, the commit before them, in ${folder.slice(root.length)}`);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	const archive = join(folder, 'source.tar');
	const steps = /** @type {[string, string[], string][]} */ ([
		['git', ['archive', `--output=${archive}`, BEFORE], root],
		['tar', ['-xf', 'source.tar'], folder],
		['npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], folder],
		['node', ['scripts/build.mjs'], folder],
	]);
	for (const [command, args, cwd] of steps) {
		if (runs(command, args, cwd)) continue;
		log(`options: not measured against the commit before them: \`${command} ${args[0]}\` failed for ${BEFORE}`);
		return undefined;
	}
	writeFileSync(built, '');
	return folder;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @param {'ignore'} [output]
 */
function runs(command, args, cwd, output) {
	const { status } = spawnSync(command, args, {
		cwd,
		stdio: ['ignore', output ?? process.stderr, output ?? process.stderr],
		env: { ...process.env, CARGO_TARGET_DIR: join(folder, 'target') },
		// A shell finds npm.cmd on Windows.
		shell: process.platform === 'win32',
	});
	return status === 0;
}
