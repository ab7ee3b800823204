// `#native` on Node.js, Bun and Deno: the addon, or why it did not load. (`no-addon.js` is the other one.)

import { realpathSync, statSync } from 'node:fs';
// As a namespace: webpack puts `undefined` in the place of an imported `createRequire`.
import * as nodeModule from 'node:module';
import { binding, errors, folder, platform, setting } from './load.cjs';
import { binaryMissing, warnOfFallback } from './missing-binary.js';
import { NAME, REPLACED, VERSION } from './package.js';

/** True when the addon is wanted and not found, and this is a bundle. */
const isMoved = binding === undefined && setting !== 'off' && !hasFile(folder);

/** The addon; `undefined` when the JavaScript core takes its place. @type {any} */
export const addon = binding ?? (isMoved ? fromNodeModules() : undefined);

/** The error of the attempt to load the addon; `undefined` when it is loaded, or switched off. */
export const failure = addon === undefined && setting !== 'off' ? binaryMissing(errors, platform, isMoved) : undefined;

/** Why there is no addon. */
export const reason = failure?.message ?? 'TMCP_NATIVE is "off" in the environment, so the binary was not loaded.';

if (failure !== undefined) {
	if (setting === 'require') throw failure;
	warnOfFallback(failure);
}

/**
 * Returns true when this package's files are in its own folder. In a bundle they are not.
 *
 * @param {string | undefined} folder
 */
function hasFile(folder) {
	if (folder === undefined) return false;
	try {
		statSync(`${folder}/load.cjs`);
		return true;
	} catch (error) {
		// Other errors say that the permissions of the runtime do not allow it.
		return /** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT';
	}
}

/**
 * Loads the addon of an installed copy of this package, for a bundle. The copy must have the same version.
 *
 * It is looked up from the program, and from the executable that contains the program. Not from the working folder: a
 * program that is started in the folder of a stranger must not run code from there.
 */
function fromNodeModules() {
	for (const start of [process.argv[1], process.execPath]) {
		for (const name of [NAME, REPLACED]) {
			try {
				const manifest = nodeModule.createRequire(realpathSync(start)).resolve(`${name}/package.json`);
				const requireThere = nodeModule.createRequire(manifest);
				const found = requireThere(manifest);
				if (found.name !== NAME || found.version !== VERSION) continue;
				const loaded = requireThere('./lib/native/load.cjs');
				if (loaded.binding !== undefined) return loaded.binding;
				errors.push(...loaded.errors);
			} catch {
				// Not installed there.
			}
		}
	}
}
