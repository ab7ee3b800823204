// The packages of `scripts/prepare-publish.mjs` in a registry: the main package, and that with the binary of this platform. npm
// leaves the other optional dependencies out. Their binaries are placeholders here.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { pathToFileURL } from 'node:url';
import { npmrc } from '../pack/package-managers.js';
import { checkout, environment, pack, temporary } from '../pack/projects.js';
import { openRegistry } from '../pack/registry.js';

const native = (/** @type {string} */ file) => import(pathToFileURL(join(checkout, 'lib', 'native', file)).href);
const { platform: here } = await native('load.cjs');
const { platforms } = await native('missing-binary.js');

/** The binary of this platform, in the node_modules of a project. */
export const binary = `@tmcp-native/session-manager-${here}/session-manager.${here}.node`;

/** @type {ReturnType<typeof publish> | undefined} */
let registry;
after(async () => (await registry)?.close());

/** Returns the `.npmrc` with which npm installs the packages of our scope from the registry. */
export async function publishedNpmrc() {
	registry ??= publish();
	return npmrc((await registry).address);
}

async function publish() {
	const [artifacts, published] = [join(temporary, 'artifacts'), join(temporary, 'published')];
	mkdirSync(artifacts);
	for (const platform of platforms) {
		const file = `session-manager.${platform}.node`;
		if (platform === here) copyFileSync(join(checkout, 'native', file), join(artifacts, file));
		else writeFileSync(join(artifacts, file), platform);
	}
	const script = join(checkout, 'scripts', 'prepare-publish.mjs');
	execFileSync(process.execPath, [script, artifacts, published], { env: environment, stdio: 'pipe' });
	const tarballs = await Promise.all(['main', here].map((folder) => pack(join(published, folder))));
	return await openRegistry(...tarballs);
}
