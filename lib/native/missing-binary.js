// What the user is told when the native binary cannot be loaded: the reason, the platform and the remedy, as an error or as a
// warning.

import { readFileSync } from 'node:fs';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

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

/** A constant: in a bundle, the package.json next to this file belongs to another package. */
const NAME = '@tmcp-native/session-manager';

const REPOSITORY = 'https://github.com/tmcp-native/session-manager';

/**
 * Returns the error for an addon that did not load. It has a stable `code`, the `platform` and the `cause`.
 *
 * @param {unknown} cause what the loader threw
 * @param {string} [platform]
 */
export function binaryMissing(cause, platform = platformName()) {
	const { isOurs, version } = ownManifest();
	const packageName = version === undefined ? NAME : `${NAME} ${version}`;
	const message = [`${packageName} could not load a native binary on ${platform} with ${runtimeName()}.`];
	if (!isOurs) {
		message.push(`Its files were bundled or moved: mark ${NAME} as external so that it is loaded from node_modules.`);
	}
	const loadError = loadErrorIn(cause);
	const refusal = loadError === undefined ? undefined : refusalIn(loadError);
	if (refusal !== undefined) {
		message.push(...refusal);
	} else if (loadError !== undefined) {
		message.push(
			`The system refused to load the installed binary: ${loadError}`,
			'The file is damaged, or it was built for another system or for a newer C library. Remove node_modules and',
			'install again on this machine. If that does not help, build the binary from source.',
			...FROM_SOURCE,
		);
	} else if (platforms.includes(platform)) {
		message.push(
			`The binary is in the optional dependency ${NAME}-${platform}, which is not installed.`,
			'- If optional dependencies were omitted (--omit=optional, --no-optional): npm install --include=optional',
			'- If node_modules or the lock file comes from another platform: remove both and install again on this machine.',
			`- Otherwise install the package by its name, in the same version: npm install ${NAME}-${platform}@${version ?? 'VERSION'}`,
			...FROM_SOURCE,
		);
	} else {
		message.push(`Binaries exist only for ${platforms.join(', ')}. Build the binary from source.`, ...FROM_SOURCE);
	}
	const error = new Error(message.join('\n'), { cause });
	return Object.assign(error, { code: /** @type {const} */ ('ERR_NATIVE_BINARY_MISSING'), platform });
}

const FROM_SOURCE = [
	'To build from source, install a Rust toolchain >= 1.88 (https://rustup.rs) and run:',
	`  git clone ${REPOSITORY} && cd session-manager && npm ci && npm run build && npm pack`,
	'Then install the .tgz file that this creates.',
];

/**
 * Returns the error for something that only the addon has.
 *
 * @param {string} what the subject of the message, such as `InMemoryStreamSessionManager: the option "scope"`
 * @param {Error | undefined} failure why the addon was not loaded; `undefined` when it was switched off
 */
export function nativeRequired(what, failure) {
	const reason = failure?.message ?? 'TMCP_NATIVE is "off" in the environment, so the binary was not loaded.';
	const error = new Error(`${what} needs the native binary.\n${reason}`, failure && { cause: failure });
	return Object.assign(error, { code: /** @type {const} */ ('ERR_NATIVE_REQUIRED') });
}

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
 * Returns the version in this package's package.json. `isOurs` is false when that file is missing or belongs to another
 * package, and true when the runtime does not permit this program to read it.
 *
 * @returns {{ isOurs: boolean, version?: string }}
 */
function ownManifest() {
	try {
		const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
		return name === NAME ? { isOurs: true, version: String(version) } : { isOurs: false };
	} catch (error) {
		return { isOurs: isRefused(error) };
	}
}

/**
 * Returns true for the error of a runtime whose permissions do not allow a call: that of Deno, or of Node with `--permission`.
 *
 * @param {unknown} error
 */
function isRefused(error) {
	const { name, code } = /** @type {{ name?: unknown, code?: unknown }} */ (error ?? {});
	return name === 'NotCapable' || code === 'ERR_ACCESS_DENIED';
}

/**
 * Returns what to do when the binary may be fine, but the runtime or the system does not allow this program to load it.
 * Otherwise returns `undefined`.
 *
 * @param {string} loadError
 */
function refusalIn(loadError) {
	if (/loading addons is disabled/.test(loadError)) {
		const isPermission = /** @type {{ permission?: unknown }} */ (process).permission !== undefined;
		return isPermission
			? ['Node.js runs with its permission model, which does not allow native addons: add --allow-addons.']
			: ['Node.js runs with --no-addons. Remove this option from the command line and from NODE_OPTIONS.'];
	}
	if (/Access to this API has been restricted/.test(loadError)) {
		return [
			'Node.js runs with its permission model: add --allow-addons, and --allow-fs-read for the folder of this package.',
		];
	}
	if (/run again with the --allow-/.test(loadError)) {
		return [`Deno does not permit it (${loadError}).`, 'Run the program with --allow-ffi --allow-read --allow-env.'];
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
	if (bun !== undefined) return `Bun ${bun}`;
	return deno === undefined ? `Node.js ${process.version}` : `Deno ${deno}`;
}

/** Returns the name that napi-rs gives to a platform; to this one by default. */
export function platformName({ platform, arch } = process) {
	if (platform === 'win32') return `${platform}-${arch}-msvc`;
	if (platform !== 'linux') return `${platform}-${arch}`;
	return `${platform}-${arch}-${libc()}${arch === 'arm' ? 'eabihf' : ''}`;
}

function libc() {
	try {
		const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport());
		return report?.header?.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
	} catch {
		// Deno does not permit the report without --allow-sys. Its own binaries need glibc.
		return 'gnu';
	}
}

/**
 * Returns the message of the system for a binary that exists and does not load, or `undefined` when no binary exists. The
 * loader tries several places and chains its errors as causes, in copies without a `code`.
 *
 * @param {unknown} error
 * @returns {string | undefined}
 */
function loadErrorIn(error) {
	if (!(error instanceof Error)) return undefined;
	const isNotFound =
		('code' in error && error.code === 'MODULE_NOT_FOUND') ||
		/^(Cannot find (module|native binding)|Unsupported (OS|architecture))/.test(error.message);
	return loadErrorIn(error.cause) ?? (isNotFound ? undefined : error.message);
}
