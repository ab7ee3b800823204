// Projects with the packed tarball and with the tools of package.json, and programs that tools have built there.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { checkout, choosing, execute, npm, pack, project, temporary, warningsIn } from '../pack/projects.js';
import { publishedNpmrc } from './published.js';

const { name, version } = createRequire(import.meta.url)('../../package.json');
const programs = join(checkout, '__test__', 'bundlers', 'programs');

/**
 * The projects. A tool is found in the node_modules of a parent folder, so that the node_modules of a project has only what a
 * program imports.
 */
const projects = join(temporary, 'projects');
mkdirSync(projects);
symlinkSync(join(checkout, '__test__', 'bundlers', 'node_modules'), join(projects, 'node_modules'), 'junction');

/** Where no node_modules is reachable. */
const elsewhere = join(temporary, 'elsewhere');
mkdirSync(elsewhere);

/**
 * @typedef {object} Use
 * @property {string} how
 * @property {string} program
 * @property {string} specifier what a bundler sees
 * @property {string} received what the program prints
 * @property {boolean} isPublished true for the packages of a release, with the binary in a package of its own
 * @property {(tarball: string) => object} manifest
 */

/** The ways to use the package. @type {Use[]} */
export const uses = [
	{
		how: 'imported by its own name',
		program: 'manager.js',
		specifier: name,
		received: 'to a, to all',
		isPublished: false,
		manifest: (tarball) => ({ dependencies: { [name]: tarball } }),
	},
	{
		how: 'imported by its own name from a registry',
		program: 'manager.js',
		specifier: name,
		received: 'to a, to all',
		isPublished: true,
		manifest: () => ({ dependencies: { [name]: version } }),
	},
	{
		how: 'imported by a transport',
		program: 'transport.js',
		specifier: '@tmcp/session-manager',
		received: 'notifications/tools/list_changed',
		isPublished: false,
		manifest: (tarball) => replacing('dependencies', tarball),
	},
];

/**
 * Returns the part of a package.json with a transport for which this package takes the place of upstream's.
 *
 * @param {'dependencies' | 'devDependencies'} kind
 * @param {string} tarball
 */
export function replacing(kind, tarball) {
	return {
		[kind]: { '@tmcp/session-manager': tarball, '@tmcp/transport-http': '0.9.0', tmcp: '1.20.0' },
		overrides: { '@tmcp/session-manager': '$@tmcp/session-manager' },
	};
}

/** @type {Promise<string> | undefined} */
let tarball;

/**
 * Creates a project with the tarball and the programs, and installs its dependencies.
 *
 * @param {string} folder its name
 * @param {Pick<Use, 'manifest' | 'isPublished'>} use
 */
export async function createProject(folder, { manifest, isPublished }) {
	tarball ??= pack();
	const created = project(join('projects', folder), manifest('file:./ours.tgz'), await tarball);
	if (isPublished) write(created, { '.npmrc': await publishedNpmrc() });
	await npm(created, 'install');
	for (const file of readdirSync(programs)) copyFileSync(join(programs, file), join(created, file));
	return created;
}

/**
 * Writes files, by their paths in a folder.
 *
 * @param {string} folder
 * @param {Record<string, string>} files
 */
export function write(folder, files) {
	for (const [file, content] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, file)), { recursive: true });
		writeFileSync(join(folder, file), content);
	}
}

/**
 * Runs the command of a tool in a project.
 *
 * @param {string} folder
 * @param {string} command
 * @param {...string} args
 */
export function runTool(folder, command, ...args) {
	return execute(folder, toolPath(command), ...args);
}

/** @param {string} command of a tool */
export function toolPath(command) {
	return join(projects, 'node_modules', '.bin', command);
}

/**
 * Copies files to a new folder from which no node_modules is reachable, and returns the folder.
 *
 * @param {string} from
 * @param {string} name of the new folder
 */
export function copyElsewhere(from, name) {
	const folder = join(elsewhere, name);
	cpSync(from, folder, { recursive: true, verbatimSymlinks: true });
	return folder;
}

/**
 * Runs a program, and returns what it printed as JSON and the texts of the warnings about the fallback.
 *
 * @param {string} file
 * @param {{ cwd?: string, command?: string[] }} [options] `command` comes before the file
 * @returns {Promise<{ isNative: boolean, received: string, warnings: string[] }>}
 */
export async function run(file, { cwd = dirname(file), command = [process.execPath] } = {}) {
	const [program, ...args] = [...command, file];
	const { stdout, stderr } = await promisify(execFile)(program, args, { cwd, env: choosing, timeout: 60_000 });
	return { ...JSON.parse(stdout), warnings: warningsIn(stderr) };
}

/**
 * Asserts that a program used the addon, and that no warning was emitted.
 *
 * @param {{ isNative: boolean, received: string, warnings: string[] }} result
 * @param {string} received
 */
export function assertNative(result, received) {
	assert.deepEqual(result, { isNative: true, received, warnings: [] });
}

/**
 * Asserts that a bundled program used the JavaScript core, and that one warning says how to get the addon.
 *
 * @param {{ isNative: boolean, received: string, warnings: string[] }} result
 * @param {string} received
 */
export function assertFallback({ warnings, ...result }, received) {
	assert.deepEqual(result, { isNative: false, received });
	assert.equal(warnings.length, 1, warnings.join('\n'));
	const [text] = warnings;
	assert.match(text, /@tmcp-native\/session-manager .*could not load a native binary/);
	assert.match(text, /code was bundled/);
	assert.match(text, /as external.*: @tmcp-native\/session-manager, or\n +@tmcp\/session-manager where an override/);
	assert.match(text, /"dependencies"/);
	assert.doesNotMatch(text, /VERSION/);
}

/**
 * Tests a bundler: each way to use the package, bundled and as an external.
 *
 * @param {string} bundler
 * @param {(folder: string, program: string, options: { out: string, external: string | undefined }) => Promise<string>} build
 *   Builds a program of the folder into `out`, and returns the file to run.
 * @param {{ command?: string[], hasExternals?: boolean }} [options] `command` runs the file
 */
export function testBundler(bundler, build, { command = [process.execPath], hasExternals = true } = {}) {
	for (const use of uses) {
		const { how, program, specifier, received } = use;
		test(`${bundler}: bundled and ${how}, the package runs natively beside node_modules, and in JavaScript elsewhere`, async () => {
			const folder = await projectFor(use);
			const out = `${slug(bundler)}-bundled`;
			const file = await build(folder, program, { out, external: undefined });
			assertNative(await run(file, { command }), received);
			const moved = join(copyElsewhere(join(folder, out), `${out}-${slug(how)}`), basename(file));
			// Bun writes the path of the project into its output. And from the working folder nothing is loaded: it can
			// belong to a stranger.
			const renamed = `${folder}-renamed`;
			renameSync(folder, renamed);
			try {
				assertFallback(await run(moved, { command, cwd: renamed }), received);
			} finally {
				renameSync(renamed, folder);
			}
		});

		if (!hasExternals) continue;
		test(`${bundler}: marked as external and ${how}, the package is loaded from node_modules`, async () => {
			const folder = await projectFor(use);
			const file = await build(folder, program, { out: `${slug(bundler)}-external`, external: specifier });
			assertNative(await run(file, { command }), received);
			const moved = join(copyElsewhere(dirname(file), `${slug(bundler)}-external-${slug(how)}`), basename(file));
			await assert.rejects(run(moved, { command }), (/** @type {Error} */ error) => error.message.includes(specifier));
		});
	}
}

/** @type {Map<string, Promise<string>>} */
const created = new Map();

/** @param {Use} use */
function projectFor(use) {
	const folder = created.get(use.how) ?? createProject(slug(use.how), use);
	created.set(use.how, folder);
	return folder;
}

/**
 * Returns a text as the name of a folder.
 *
 * @param {string} text
 */
export function slug(text) {
	return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
