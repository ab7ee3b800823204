// Which package a module really gets when it imports one.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * @param {string} place the URL of the module
 * @param {string} id what it imports
 * @returns {{ name: string, version: string }} the package found from there, by its own name
 */
export function packageSeenBy(place, id) {
	const paths = createRequire(place).resolve.paths(id) ?? [];
	const manifest = paths.map((path) => join(path, id, 'package.json')).find((path) => existsSync(path));
	return JSON.parse(readFileSync(/** @type {string} */ (manifest), 'utf8'));
}
