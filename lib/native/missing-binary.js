// The error for a native binary that cannot be loaded: its message names the platform and the remedy.

import { readFileSync } from 'node:fs';

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
	const version = ownVersion();
	const packageName = version === undefined ? NAME : `${NAME} ${version}`;
	const message = [`${packageName} could not load a native binary on ${platform} with Node.js ${process.version}.`];
	if (version === undefined) {
		message.push(`Its files were bundled or moved: mark ${NAME} as external so that it is loaded from node_modules.`);
	}
	const loadError = loadErrorIn(cause);
	if (loadError !== undefined) {
		message.push(
			`The system refused to load the installed binary: ${loadError}`,
			'The file is damaged, or it was built for another system or for a newer C library. Remove node_modules and',
			'install again on this machine. If that does not help, build the binary from source.',
		);
	} else if (platforms.includes(platform)) {
		message.push(
			`The binary is in the optional dependency ${NAME}-${platform}, which is not installed.`,
			'- If optional dependencies were omitted (--omit=optional, --no-optional): npm install --include=optional',
			'- If node_modules or the lock file comes from another platform: remove both and install again on this machine.',
			`- Otherwise install the package by its name, in the same version: npm install ${NAME}-${platform}@${version ?? 'VERSION'}`,
		);
	} else {
		message.push(`Binaries exist only for ${platforms.join(', ')}. Build the binary from source.`);
	}
	message.push(
		'To build from source, install a Rust toolchain >= 1.88 (https://rustup.rs) and run:',
		`  git clone ${REPOSITORY} && cd session-manager && npm ci && npm run build && npm pack`,
		'Then install the .tgz file that this creates.',
	);
	const error = new Error(message.join('\n'), { cause });
	return Object.assign(error, { code: /** @type {const} */ ('ERR_NATIVE_BINARY_MISSING'), platform });
}

/** Returns the version in this package's package.json, or `undefined` when that file belongs to another package. */
function ownVersion() {
	try {
		const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
		return name === NAME ? String(version) : undefined;
	} catch {
		return undefined;
	}
}

/** Returns the name that napi-rs gives to a platform; to this one by default. */
export function platformName({ platform, arch } = process) {
	if (platform === 'win32') return `${platform}-${arch}-msvc`;
	if (platform !== 'linux') return `${platform}-${arch}`;
	return `${platform}-${arch}-${libc()}${arch === 'arm' ? 'eabihf' : ''}`;
}

function libc() {
	const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport());
	return report?.header?.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
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
