// What the user is told when the native binary cannot be loaded: the reason, the platform and the remedy, as an error or as a
// warning.

import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { NAME, REPLACED, REPOSITORY, VERSION } from './package.js';

const isBun = process.versions.bun !== undefined;

/** The platforms with a binary: `napi.targets` of package.json, named like the suffixes of their npm packages. */
export const platforms = [
	'linux-x64-gnu',
	'linux-arm64-gnu',
	'linux-x64-musl',
	'linux-arm64-musl',
	'darwin-x64',
	'darwin-arm64',
	'win32-x64-msvc',
	'win32-arm64-msvc',
];

/**
 * Returns the error for an addon that did not load. It has a stable `code`, the `platform` and the `cause`.
 *
 * @param {readonly unknown[]} errors what the attempts threw
 * @param {string} platform
 * @param {boolean} isMoved true when this file is not in the folder of its package: in a bundle
 */
export function binaryMissing(errors, platform, isMoved) {
	const message = [`${NAME} ${VERSION} could not load a native binary on ${platform} with ${runtimeName()}.`];
	const loadError = errors.map(loadErrorIn).find((text) => text !== undefined);
	const refusal = loadError === undefined ? undefined : refusalIn(loadError);
	if (process.versions.webcontainer !== undefined) {
		message.push('This is a WebContainer (StackBlitz). It loads no native addons. The binary works elsewhere.');
	} else if (refusal !== undefined) {
		message.push(...refusal);
	} else if (loadError === undefined && !platforms.includes(platform)) {
		message.push(`Binaries exist only for ${platforms.join(', ')}. Build the binary from source.`, ...FROM_SOURCE);
	} else if (isMoved) {
		message.push(
			'Its code was bundled, and the program finds no installed copy of the same version to load the binary from.',
			`- Mark the package as external in the bundler, under the name that is imported: ${NAME}, or`,
			`  ${REPLACED} where an override or an alias puts it in the place of that package.`,
			'- Install it where the bundle runs: list it in "dependencies", not in "devDependencies".',
		);
	} else if (loadError !== undefined) {
		message.push(
			`The system refused to load the installed binary: ${loadError}`,
			'The file is damaged, or it was built for another system or for a newer C library. Remove node_modules and',
			'install again on this machine. If that does not help, build the binary from source.',
			...FROM_SOURCE,
		);
	} else {
		message.push(
			`The binary is in the optional dependency ${NAME}-${platform}, which is not installed.`,
			'- If optional dependencies were omitted (--omit=optional, --no-optional): npm install --include=optional',
			'- If node_modules or the lock file comes from another platform: remove both and install again on this machine.',
			`- Otherwise install the package by its name, in the same version: npm install ${NAME}-${platform}@${VERSION}`,
			...FROM_SOURCE,
		);
	}
	const error = new Error(message.join('\n'), { cause: errors.length > 1 ? new AggregateError(errors) : errors[0] });
	return Object.assign(error, { code: /** @type {const} */ ('ERR_NATIVE_BINARY_MISSING'), platform });
}

const FROM_SOURCE = [
	'To build from source, install a Rust toolchain >= 1.88 (https://rustup.rs) and run:',
	`  git clone ${REPOSITORY} && cd session-manager && npm ci && npm run build && npm pack`,
	'Then install the .tgz file that this creates.',
];

/** The key under which a thread passes on to the threads that it starts that the warning was emitted. */
const WARNED = `${NAME}: warned of the fallback`;

/**
 * Emits a warning that the fallback is used: once for this thread and the threads that it starts.
 *
 * @param {Error} failure why the addon was not loaded
 */
export function warnOfFallback(failure) {
	if (getEnvironmentData(WARNED) === true) return;
	setEnvironmentData(WARNED, true);
	const message = [
		failure.message,
		'Without it, the managers run in JavaScript. Only the option "scope" and the Redis managers do not work.',
		'To get an error instead of this warning, set TMCP_NATIVE=require in the environment; to get neither, TMCP_NATIVE=off.',
	];
	process.emitWarning(message.join('\n'), { code: 'TMCP_NATIVE_FALLBACK' });
}

/**
 * Returns what to do when the binary may be fine, but the runtime or the system does not allow this program to load it.
 * Otherwise returns `undefined`.
 *
 * @param {string} loadError
 */
function refusalIn(loadError) {
	if (/loading addons is disabled/.test(loadError)) {
		const [name, variable] = isBun ? ['Bun', 'BUN_OPTIONS'] : ['Node.js', 'NODE_OPTIONS'];
		const isPermission = /** @type {{ permission?: unknown }} */ (process).permission !== undefined;
		return isPermission
			? ['Node.js runs with its permission model, which does not allow native addons: add --allow-addons.']
			: [`${name} runs with --no-addons. Remove this option from the command line and from ${variable}.`];
	}
	if (/Access to this API has been restricted/.test(loadError)) {
		return [
			'Node.js runs with its permission model: add --allow-addons, and --allow-fs-read for the folder of this package.',
		];
	}
	if (/run again with the --allow-/.test(loadError)) {
		return [`Deno does not permit it (${loadError}).`, 'Run the program with --allow-ffi --allow-read.'];
	}
	if (/failed to map segment from shared object|Operation not permitted/.test(loadError)) {
		return [
			`The system does not execute files from the folder of the binary: ${loadError}`,
			'Its file system is mounted with noexec. Install node_modules on a file system without that option.',
		];
	}
	return undefined;
}

/** Returns the name and version of the runtime. Bun and Deno also have the version of a Node.js that they imitate. */
function runtimeName() {
	const { bun, deno } = process.versions;
	if (isBun) return `Bun ${bun}`;
	return deno === undefined ? `Node.js ${process.version}` : `Deno ${deno}`;
}

/**
 * Returns the message of the system for a binary that exists and does not load, or `undefined` when no binary exists.
 *
 * @param {unknown} error
 * @returns {string | undefined}
 */
function loadErrorIn(error) {
	// Not `instanceof`: the error may come from another realm.
	const { code, message } = /** @type {{ code?: unknown, message?: unknown }} */ (error ?? {});
	const isNotFound =
		code === 'MODULE_NOT_FOUND' ||
		/^(Cannot find (module|package)|Dynamic require of|require is not defined)/.test(`${message}`);
	return isNotFound || message === undefined ? undefined : String(message);
}
