// What a figure is worth nothing without: what was measured, on what, and when.

import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { versions } from './implementations.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

export function about() {
	return {
		package: versions.ours,
		upstream: versions.upstream,
		upstreamOld: versions.old,
		commit: commit(),
		node: process.versions.node,
		v8: process.versions.v8,
		platform: `${process.platform} ${process.arch}`,
		cpu: cpus()[0].model.trim(),
		cores: cpus().length,
		date: new Date().toISOString().slice(0, 10),
	};
}

/** The results are not part of what was measured, so writing them makes nothing dirty. */
function commit() {
	const hash = git('rev-parse', '--short=10', 'HEAD');
	if (hash === undefined) return 'unknown';
	return git('status', '--porcelain', '--', '.', ':(exclude)bench/results') === '' ? hash : `${hash}+dirty`;
}

/** @param {string[]} args */
function git(...args) {
	const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
	return status === 0 ? stdout.trim() : undefined;
}
