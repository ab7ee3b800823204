// Records in native/.built which sources the addon in native/ was built from.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const native = join(root, 'native');
const stamp = join(native, '.built');

/** Returns a digest of all that the addon is built from, for this platform. */
export function buildDigest() {
	const sources = ['package.json', 'Cargo.toml', 'Cargo.lock', 'build.rs', 'scripts/build.mjs', ...filesBelow('src')];
	return digest(sources) + process.platform + process.arch;
}

/**
 * Returns true when the addon in native/ was built from these sources.
 *
 * @param {string} built of {@link buildDigest}
 */
export function isBuilt(built) {
	return read(stamp) === built && readdirSync(native).some((name) => name.endsWith('.node'));
}

/**
 * @param {string} built of {@link buildDigest}, from before the build
 */
export function recordBuild(built) {
	writeFileSync(stamp, built);
}

/**
 * Returns a digest of files in the repository, by path and content.
 *
 * @param {string[]} paths relative to the root
 */
export function digest(paths) {
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
