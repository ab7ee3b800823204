// The packages of a release, as `scripts/prepare-publish.mjs` makes them, published to a local registry.
//
// The binaries of other platforms are placeholders. They are tested on the platform that builds them.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkout, environment, temporary } from './projects.js';
import { openRegistry } from './registry.js';

const native = (/** @type {string} */ file) => import(pathToFileURL(join(checkout, 'lib', 'native', file)).href);
const { platforms } = await native('missing-binary.js');

/** @type {{ platform: string }} */
export const { platform: here } = await native('load.cjs');

/** The binaries of all platforms, as the release workflow downloads them. */
export const artifacts = join(temporary, 'artifacts');

const MAX_TRIES = 3;

/** Publishes a release from this checkout and its binary. */
export async function publishRelease() {
	mkdirSync(artifacts);
	for (const platform of platforms) {
		const file = `session-manager.${platform}.node`;
		// One folder for each artifact, as actions/download-artifact creates them.
		mkdirSync(join(artifacts, platform));
		if (platform !== here) writeFileSync(join(artifacts, platform, file), platform);
		else copyFileSync(join(checkout, 'native', file), join(artifacts, platform, file));
	}
	const folder = join(temporary, 'published');
	prepare(artifacts, folder);
	const packages = readdirSync(folder);
	const registry = await publishToRegistry(folder);
	const { name, version } = manifestIn(join(folder, 'main'));
	return { folder, packages, name, version, registry: registry.address, close: registry.close };
}

/**
 * Publishes a release to a new registry. Uses another one when the registry did not store everything.
 *
 * @param {string} folder
 */
async function publishToRegistry(folder) {
	for (let tries = 1; ; tries++) {
		const registry = await openRegistry();
		if (await registry.publish(folder)) return registry;
		registry.close();
		if (tries === MAX_TRIES) throw new Error(`the registry lost packages ${tries} times`);
	}
}

/**
 * Runs `scripts/prepare-publish.mjs`.
 *
 * @param {string} artifacts
 * @param {string} folder
 * @param {string} [root] folder of the checkout
 */
export function prepare(artifacts, folder, root = checkout) {
	const script = join(root, 'scripts', 'prepare-publish.mjs');
	execFileSync(process.execPath, [script, artifacts, folder], { env: environment, stdio: 'pipe' });
}

/**
 * @param {string} folder
 * @returns {{ name: string, version: string } & Record<string, any>}
 */
export function manifestIn(folder) {
	return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
