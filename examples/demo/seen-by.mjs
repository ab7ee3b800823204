// Finds the package that a module gets when it imports a name.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * @param {string} moduleUrl
 * @param {string} id the name in the import
 * @returns {{ name: string, version: string }} name and version in the package's own package.json
 */
export function packageSeenBy(moduleUrl, id) {
	const paths = createRequire(moduleUrl).resolve.paths(id) ?? [];
	const manifest = paths.map((path) => join(path, id, 'package.json')).find((path) => existsSync(path));
	return JSON.parse(readFileSync(/** @type {string} */ (manifest), 'utf8'));
}
