// What to tell somebody whose machine has no binary of the addon that it can load: which machine that is, and what helps.

import { readFileSync } from 'node:fs';

/** The platforms that there are binaries for: `napi.targets` of package.json, by the names that their packages end in. */
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

/** A constant, and not what a package.json says: once bundled, that beside this file is somebody else's. */
const NAME = '@tmcp-native/session-manager';

const home = 'https://github.com/tmcp-native/session-manager';

/**
 * The error for an addon that did not load. Its `code` is stable; `platform` and `cause` are there to look at.
 *
 * @param {unknown} cause what its loader threw
 * @param {string} [platform]
 */
export function binaryMissing(cause, platform = platformName()) {
	const version = ownVersion();
	const what = version === undefined ? NAME : `${NAME} ${version}`;
	const message = [`${what} has no binary to load on ${platform}, with Node.js ${process.version}.`];
	if (version === undefined) {
		message.push(`Its files were bundled or moved: mark ${NAME} as external, so that it is loaded from node_modules.`);
	}
	const refused = refusalIn(cause);
	if (refused !== undefined) {
		message.push(
			`There is one, and the system refuses it: ${refused}`,
			'It is broken, or was made for another system, or for a newer C library than this one has. Remove node_modules',
			'and install again on this machine; where that does not help, build it here.',
		);
	} else if (platforms.includes(platform)) {
		message.push(
			`It is in the package ${NAME}-${platform}, an optional dependency, which is not installed.`,
			'- Optional dependencies were left out (--omit=optional, --no-optional): npm install --include=optional',
			'- node_modules or the lock file is from another platform: remove both, and install again on this machine.',
			`- Else ask for it by name, in the same version: npm install ${NAME}-${platform}@${version ?? 'VERSION'}`,
		);
	} else {
		message.push(`There are binaries for ${platforms.join(', ')} only. Build it on this machine.`);
	}
	message.push(`To build it, with a Rust toolchain >= 1.88 (https://rustup.rs): git clone ${home}, then in there`);
	message.push('npm ci && npm run build && npm pack, and install the .tgz that this leaves.');
	const error = new Error(message.join('\n'), { cause });
	return Object.assign(error, { code: /** @type {const} */ ('ERR_NATIVE_BINARY_MISSING'), platform });
}

/** `undefined` where the package.json is not ours. */
function ownVersion() {
	try {
		const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
		return name === NAME ? String(version) : undefined;
	} catch {
		return undefined;
	}
}

/** This platform by the name that napi-rs gives it. */
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
 * What the system said of a binary that is there, if one is. The loader tries several places, and chains what it got, in
 * copies that have lost their `code`.
 *
 * @param {unknown} error
 * @returns {string | undefined}
 */
function refusalIn(error) {
	if (!(error instanceof Error)) return undefined;
	const absent =
		('code' in error && error.code === 'MODULE_NOT_FOUND') ||
		/^(Cannot find (module|native binding)|Unsupported (OS|architecture))/.test(error.message);
	return refusalIn(error.cause) ?? (absent ? undefined : error.message);
}
