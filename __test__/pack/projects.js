// New projects in folders outside the checkout, the packed tarball, and npm without Rust on its PATH.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** A folder for everything that this test file writes. */
export const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'session-manager-pack-')));
after(() => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));

/**
 * This environment without the variables that `npm run` sets: with them, npm would work on this checkout. With
 * TMCP_NATIVE=require, a binary that does not load fails the tests. Otherwise they would run on the core in JavaScript.
 */
export const environment = { ...environmentWithoutNpm(), TMCP_NATIVE: 'require' };

/** An environment with only Node.js and a shell on its PATH. */
export const bare = { ...environment, PATH: pathWith('node', 'npm', 'sh') };

/** The same environment, in which the package chooses the core, and programs print no colors. @type {NodeJS.ProcessEnv} */
export const choosing = { ...bare, NO_COLOR: '1' };
delete choosing.TMCP_NATIVE;
delete choosing.FORCE_COLOR;

/** The part of a package.json for tmcp 1.13.0 and transport-http 0.7.1: see transports.js. */
export const transport07 = {
	dependencies: { tmcp: '1.13.0', '@tmcp/transport-http': '0.7.1' },
	overrides: { tmcp: '$tmcp' },
};

/**
 * @param {string} [folder] folder of a package
 * @returns {Promise<string>} the tarball that `npm publish` would upload
 */
export async function pack(folder = checkout) {
	const destination = mkdtempSync(join(temporary, 'packed-'));
	await run('npm', ['pack', '--loglevel=error', '--pack-destination', destination], { cwd: folder, env: environment });
	const tarballs = readdirSync(destination);
	assert.equal(tarballs.length, 1);
	return join(destination, tarballs[0]);
}

/**
 * Creates a folder with a package.json, and with the tarball as `ours.tgz`.
 *
 * @param {string} name
 * @param {object} manifest
 * @param {string} [tarball]
 */
export function project(name, manifest, tarball) {
	const folder = join(temporary, name);
	mkdirSync(folder);
	if (tarball !== undefined) copyFileSync(tarball, join(folder, 'ours.tgz'));
	describe(folder, manifest);
	return folder;
}

/**
 * @param {string} folder
 * @param {object} manifest
 */
export function describe(folder, manifest) {
	const content = { private: true, type: 'module', ...manifest };
	writeFileSync(join(folder, 'package.json'), JSON.stringify(content, null, '\t'));
}

/**
 * @param {string} folder
 * @param {...string} args
 */
export function npm(folder, ...args) {
	return execute(folder, 'npm', ...args, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
}

/**
 * Runs a program in a folder, without Rust on the PATH.
 *
 * @param {string} folder
 * @param {string} program
 * @param {...string} args
 */
export async function execute(folder, program, ...args) {
	try {
		const { stdout } = await run(program, args, { cwd: folder, env: bare });
		return stdout;
	} catch (error) {
		const { message, stdout, stderr } = /** @type {Error & { stdout?: string, stderr?: string }} */ (error);
		throw new Error([message, stdout, stderr].join('\n'), { cause: error });
	}
}

/**
 * Runs a module in a folder, without Rust on the PATH, and returns its output.
 *
 * @param {string} folder
 * @param {string} source
 */
export async function runModule(folder, source) {
	writeFileSync(join(folder, 'main.js'), source);
	return await execute(folder, process.execPath, 'main.js');
}

/**
 * Returns the texts of the warnings about the fallback.
 *
 * @param {string} stderr of a program
 */
export function warningsIn(stderr) {
	return stderr.split('[TMCP_NATIVE_FALLBACK] ').slice(1);
}

let loaded = 0;

/**
 * Writes a module into a folder and imports it here, so that its imports are resolved from that folder.
 *
 * @param {string} folder
 * @param {string} source
 */
export function load(folder, source) {
	const file = join(folder, `imports-${loaded++}.mjs`);
	writeFileSync(file, source);
	return import(pathToFileURL(file).href);
}

/**
 * Returns the session managers that are installed below a project's node_modules.
 *
 * @param {string} folder
 * @returns {Record<string, string>} the package names by folder
 */
export function managersIn(folder) {
	const modules = join(folder, 'node_modules');
	const manifests = filesBelow(modules).filter((file) => /(^|\/)session-manager\/package\.json$/.test(file));
	return Object.fromEntries(
		manifests.map((file) => [
			file.slice(0, -'/package.json'.length),
			JSON.parse(readFileSync(join(modules, file), 'utf8')).name,
		]),
	);
}

/**
 * @param {string} folder
 * @returns {string[]} paths below the folder, with slashes, sorted
 */
export function filesBelow(folder) {
	const found = readdirSync(folder, { recursive: true, encoding: 'utf8' });
	return found
		.filter((name) => statSync(join(folder, name)).isFile())
		.map((name) => relative(folder, join(folder, name)).replaceAll('\\', '/'))
		.sort();
}

/** @param {...string} names of programs */
function pathWith(...names) {
	const folder = join(temporary, 'bin');
	mkdirSync(folder);
	for (const name of names) {
		const places = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, name));
		const program = name === 'node' ? process.execPath : places.find((place) => existsSync(place));
		assert.ok(program !== undefined, `${name} is not on the PATH`);
		symlinkSync(realpathSync(program), join(folder, name));
	}
	return folder;
}

function environmentWithoutNpm() {
	const kept = /^npm_config_(registry|cache|userconfig)$/i;
	const entries = Object.entries(process.env);
	return Object.fromEntries(
		entries.filter(([name]) => kept.test(name) || !/^(npm_|INIT_CWD$|NODE_OPTIONS$|NODE_TEST_CONTEXT$)/i.test(name)),
	);
}
