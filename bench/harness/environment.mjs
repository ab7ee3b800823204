// Describes what was measured, on which machine, and when.

import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readVersions } from './versions.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

export function describeEnvironment() {
	return {
		...readVersions(),
		commit: currentCommit(),
		node: process.versions.node,
		v8: process.versions.v8,
		platform: `${process.platform} ${process.arch}`,
		cpu: cpus()[0].model.trim(),
		cores: cpus().length,
		date: new Date().toISOString().slice(0, 10),
	};
}

/** Returns the short hash, with `+dirty` when there are uncommitted changes other than the results themselves. */
function currentCommit() {
	const hash = git('rev-parse', '--short=10', 'HEAD');
	if (hash === undefined) return 'unknown';
	const excluded = [':(exclude)bench/results', ':(exclude)docs/benchmarks.md'];
	return git('status', '--porcelain', '--', '.', ...excluded) === '' ? hash : `${hash}+dirty`;
}

/** @param {string[]} args */
function git(...args) {
	const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
	return status === 0 ? stdout.trim() : undefined;
}
