// The packages of a release in a registry. npm installs the main package and that with the binary of this platform.

import { after } from 'node:test';
import { npmrc } from '../pack/registry.js';
import { here, publishRelease } from '../pack/release.js';

/** The binary of this platform, in the node_modules of a project. */
export const binary = `@tmcp-native/session-manager-${here}/session-manager.${here}.node`;

/** @type {ReturnType<typeof publishRelease> | undefined} */
let release;
after(async () => (await release)?.close());

/** Returns the `.npmrc` with which npm installs the packages of our scope from the registry. */
export async function publishedNpmrc() {
	release ??= publishRelease();
	return npmrc((await release).registry);
}
