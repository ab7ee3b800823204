// The package managers: how each replaces one package by another, and how it installs a project.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, execute, npm, temporary } from './projects.js';

const modules = fileURLToPath(new URL('node_modules', import.meta.url));

/**
 * The contents of a project.
 *
 * @typedef {object} ProjectContents
 * @property {Record<string, string>} dependencies
 * @property {Record<string, string> | undefined} replaced replacements of packages in the whole dependency tree
 * @property {string} registry address of the registry of our scope
 */

/** @typedef {{ name: string, knowsLibc: boolean, setUp(folder: string, contents: ProjectContents): void, install(folder: string, ...args: string[]): Promise<unknown> }} PackageManager */

/** @param {string} registry */
export const npmrc = (registry) => `@tmcp-native:registry=${registry}/\n`;

/** @type {PackageManager} */
const npm11 = {
	name: 'npm',
	knowsLibc: true,
	setUp(folder, { dependencies, replaced, registry }) {
		describe(folder, { dependencies, overrides: replaced });
		writeFileSync(join(folder, '.npmrc'), npmrc(registry));
	},
	install: (folder, ...args) => npm(folder, 'install', ...args),
};

/** @type {PackageManager} */
const pnpm = {
	name: 'pnpm',
	knowsLibc: true,
	setUp(folder, { dependencies, replaced = {}, registry }) {
		describe(folder, { dependencies });
		writeFileSync(join(folder, '.npmrc'), npmrc(registry));
		const lines = Object.entries(replaced).map(([name, by]) => `  '${name}': '${by}'\n`);
		writeFileSync(join(folder, 'pnpm-workspace.yaml'), lines.length > 0 ? `overrides:\n${lines.join('')}` : '{}\n');
	},
	install: (folder, ...args) =>
		execute(folder, join(modules, 'pnpm', 'pnpm'), 'install', '--store-dir', join(temporary, 'pnpm'), ...args),
};

/** @type {PackageManager} */
const yarnClassic = {
	name: 'yarn 1',
	knowsLibc: false,
	setUp(folder, { dependencies, replaced, registry }) {
		describe(folder, { dependencies, resolutions: replaced });
		writeFileSync(join(folder, '.npmrc'), npmrc(registry));
	},
	install: (folder, ...args) => {
		const cache = ['--cache-folder', join(temporary, 'yarn-1')];
		const yarn = join(modules, 'yarn', 'bin', 'yarn.js');
		return execute(folder, process.execPath, yarn, 'install', '--non-interactive', '--no-progress', ...cache, ...args);
	},
};

/** @param {'node-modules' | 'pnp'} linker */
const yarnBerry = (linker) =>
	/** @type {PackageManager} */ ({
		name: `yarn 4 with ${linker}`,
		knowsLibc: true,
		setUp(folder, { dependencies, replaced, registry }) {
			describe(folder, { dependencies, resolutions: replaced });
			const settings = {
				nodeLinker: linker,
				npmScopes: { 'tmcp-native': { npmRegistryServer: registry } },
				unsafeHttpWhitelist: ['127.0.0.1'],
				globalFolder: join(temporary, 'yarn-4'),
				enableTelemetry: false,
			};
			// JSON is valid YAML.
			writeFileSync(join(folder, '.yarnrc.yml'), JSON.stringify(settings));
			// Without a lock file, yarn 4 treats the folder as part of a project in a parent folder.
			writeFileSync(join(folder, 'yarn.lock'), '');
		},
		install: (folder, ...args) => yarn4(folder, 'install', '--no-immutable', ...args),
	});

/**
 * @param {string} folder
 * @param {...string} args
 */
export function yarn4(folder, ...args) {
	return execute(folder, process.execPath, join(modules, '@yarnpkg', 'cli-dist', 'bin', 'yarn.js'), ...args);
}

/** The package managers that create a node_modules folder. */
export const managers = [npm11, pnpm, yarnClassic, yarnBerry('node-modules')];

export const plugAndPlay = yarnBerry('pnp');
