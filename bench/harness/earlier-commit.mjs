// Builds an earlier commit of this package from git, so that this checkout can be compared with it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Below cargo's folder, which git and the checks ignore.
const builds = join(root, 'target', 'bench-earlier');
// Not the checkout's own: cargo would replace the binary of this commit.
const CARGO_TARGET_DIR = join(builds, 'cargo');

/**
 * Returns the short hash of a commit, or `undefined` when git does not have it: in a shallow clone or an unpacked archive.
 *
 * @param {string} reference a hash, a tag, a branch, `HEAD~1`
 */
export function findCommit(reference) {
	const { status, stdout } = spawnSync(
		'git',
		['rev-parse', '--verify', '--quiet', '--short=10', `${reference}^{commit}`],
		{
			cwd: root,
			encoding: 'utf8',
		},
	);
	return status === 0 ? stdout.trim() : undefined;
}

/**
 * Returns true when an earlier run has built the commit.
 *
 * @param {string} commit
 */
export function isBuilt(commit) {
	return existsSync(stampOf(commit));
}

/**
 * Builds the commit unless it is built, which takes some minutes.
 *
 * @param {string} commit
 * @param {(line: string) => void} log
 * @returns {string | undefined} the folder of the package; `undefined` when a step of the build has failed
 */
export function buildCommit(commit, log) {
	const folder = join(builds, commit);
	if (isBuilt(commit)) return folder;
	log(`comparison: building commit ${commit} in ${folder.slice(root.length)}, which takes some minutes`);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	const steps = /** @type {[string, string[], string][]} */ ([
		['git', ['archive', `--output=${join(folder, 'source.tar')}`, commit], root],
		['tar', ['-xf', 'source.tar'], folder],
		['npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], folder],
		['node', ['scripts/build.mjs'], folder],
	]);
	for (const [command, args, cwd] of steps) {
		if (succeeds(command, args, cwd)) continue;
		log(`comparison: not measured: \`${command} ${args[0]}\` failed for commit ${commit}`);
		return undefined;
	}
	writeFileSync(stampOf(commit), '');
	return folder;
}

/** @param {string} commit */
function stampOf(commit) {
	return join(builds, commit, '.built');
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function succeeds(command, args, cwd) {
	const { status } = spawnSync(command, args, {
		cwd,
		stdio: ['ignore', process.stderr, process.stderr],
		env: { ...process.env, CARGO_TARGET_DIR },
		// On Windows a shell is needed to find npm.cmd.
		shell: process.platform === 'win32',
	});
	return status === 0;
}
