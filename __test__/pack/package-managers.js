// The package managers: how each replaces one package by another, and how it installs a project.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, execute, npm, temporary } from './projects.js';
import { npmrc } from './registry.js';

const modules = fileURLToPath(new URL('node_modules', import.meta.url));

/**
 * The contents of a project.
 *
 * @typedef {object} ProjectContents
 * @property {Record<string, string>} dependencies
 * @property {Record<string, string> | undefined} replaced replacements of packages in the whole dependency tree
 * @property {string} registry address of the registry of our scope
 */

/**
 * @typedef {object} PackageManager
 * @property {string} name
 * @property {boolean} knowsLibc true when it installs only the packages for the C library of this machine
 * @property {(folder: string, contents: ProjectContents) => void} setUp writes the files of a project
 * @property {(folder: string, ...args: string[]) => Promise<unknown>} install
 * @property {(folder: string, file: string) => Promise<string>} run runs a module of the project, and returns its output
 */

const node = (/** @type {string} */ folder, /** @type {string} */ file) => execute(folder, process.execPath, file);

/** @type {PackageManager['setUp']} */
function withOverrides(folder, { dependencies, replaced, registry }) {
	describe(folder, { dependencies, overrides: replaced });
	writeFileSync(join(folder, '.npmrc'), npmrc(registry));
}

/** @type {PackageManager} */
const npm11 = {
	name: 'npm',
	knowsLibc: true,
	setUp: withOverrides,
	install: (folder, ...args) => npm(folder, 'install', ...args),
	run: node,
};

/** @type {PackageManager} */
const pnpm = {
	name: 'pnpm',
	knowsLibc: true,
	setUp(folder, { dependencies, replaced = {}, registry }) {
		describe(folder, { dependencies });
		writeFileSync(join(folder, '.npmrc'), npmrc(registry));
		const lines = Object.entries(replaced).map(
			([name, by]) => `  '${name}': '${by}'
`,
		);
		// pnpm adds to this file which packages were published a short time ago, and fails if it contains `{}`.
		writeFileSync(
			join(folder, 'pnpm-workspace.yaml'),
			lines.length > 0
				? `overrides:
${lines.join('')}`
				: '',
		);
	},
	install: (folder, ...args) =>
		execute(folder, join(modules, 'pnpm', 'pnpm'), 'install', '--store-dir', join(temporary, 'pnpm'), ...args),
	run: node,
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
	run: node,
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
				// yarn 4 refuses packages that were published a short time ago.
				npmPreapprovedPackages: ['@tmcp-native/*'],
				globalFolder: join(temporary, 'yarn-4'),
				enableTelemetry: false,
			};
			// JSON is valid YAML.
			writeFileSync(join(folder, '.yarnrc.yml'), JSON.stringify(settings));
			// Without a lock file, yarn 4 treats the folder as part of a project in a parent folder.
			writeFileSync(join(folder, 'yarn.lock'), '');
		},
		install: (folder, ...args) => yarn4(folder, 'install', '--no-immutable', ...args),
		run: linker === 'pnp' ? (folder, file) => yarn4(folder, 'node', file) : node,
	});

/** @type {PackageManager} */
const bun = {
	name: 'bun',
	knowsLibc: true,
	setUp: withOverrides,
	install: (folder, ...args) => runBun(folder, 'install', '--cache-dir', join(temporary, 'bun'), ...args),
	run: (folder, file) => runBun(folder, file),
};

/**
 * @param {string} folder
 * @param {...string} args
 */
function runBun(folder, ...args) {
	return execute(folder, join(modules, 'bun', 'bin', 'bun.exe'), ...args);
}

/**
 * @param {string} folder
 * @param {...string} args
 */
function yarn4(folder, ...args) {
	return execute(folder, process.execPath, join(modules, '@yarnpkg', 'cli-dist', 'bin', 'yarn.js'), ...args);
}

/** The package managers that create a node_modules folder. */
export const managers = [npm11, pnpm, yarnClassic, yarnBerry('node-modules'), bun];

export const plugAndPlay = yarnBerry('pnp');
