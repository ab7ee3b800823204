// Loads the native addon: the binary in `native/` of a checkout or of a tarball, or that of the optional dependency for
// this platform.
//
// Bundlers and tools that trace files read this file. It is CommonJS, without `import.meta`, and it names each package in a
// literal, so that the tools find them. Each `require` is in a `try`: that makes the package optional for a bundler, and
// what a tool leaves of `require` and `__dirname` in its output may throw.

/** The addon; `undefined` when it is not loaded. @type {any} */
exports.binding = undefined;

/** What the attempts threw. @type {unknown[]} */
exports.errors = [];

/** The value of `TMCP_NATIVE`: `require` and `off` have a meaning. @type {string | undefined} */
exports.setting = undefined;

/** The name of this platform, as in the names of the packages. */
exports.platform = platformName(process);

exports.platformName = platformName;

/** The folder of this file; in a bundle that of the bundle, or `undefined`. @type {string | undefined} */
exports.folder = typeof __dirname === 'string' ? __dirname : undefined;

const { errors } = exports;

try {
	exports.setting = process.env.TMCP_NATIVE;
} catch {
	// Deno does not permit it without --allow-env.
}

if (exports.setting !== 'off') {
	exports.binding = fromFile(exports.platform) ?? fromPackage(exports.platform);
}

/**
 * Loads the binary in this package. Returns `undefined` when there is none.
 *
 * @param {string} platform
 */
function fromFile(platform) {
	try {
		const file = `${__dirname}/../../native/session-manager.${platform}.node`;
		if (!isThere(file)) return undefined;
		const addon = { exports: {} };
		process.dlopen(addon, require('node:path').toNamespacedPath(file));
		return addon.exports;
	} catch (error) {
		errors.push(error);
	}
}

/**
 * Loads the optional dependency for a platform. Returns `undefined` when it is not installed, or when there is none.
 *
 * @param {string} platform
 */
function fromPackage(platform) {
	try {
		switch (platform) {
			case 'linux-x64-gnu':
				return require('@tmcp-native/session-manager-linux-x64-gnu');
			case 'linux-arm64-gnu':
				return require('@tmcp-native/session-manager-linux-arm64-gnu');
			case 'linux-x64-musl':
				return require('@tmcp-native/session-manager-linux-x64-musl');
			case 'linux-arm64-musl':
				return require('@tmcp-native/session-manager-linux-arm64-musl');
			case 'darwin-x64':
				return require('@tmcp-native/session-manager-darwin-x64');
			case 'darwin-arm64':
				return require('@tmcp-native/session-manager-darwin-arm64');
			case 'win32-x64-msvc':
				return require('@tmcp-native/session-manager-win32-x64-msvc');
			case 'win32-arm64-msvc':
				return require('@tmcp-native/session-manager-win32-arm64-msvc');
		}
	} catch (error) {
		errors.push(error);
	}
}

/** @param {string} file */
function isThere(file) {
	try {
		require('node:fs').statSync(file);
		return true;
	} catch (error) {
		if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return false;
		// The permissions of the runtime may not allow it.
		throw error;
	}
}

/**
 * Returns the name of a platform, as napi-rs has it.
 *
 * @param {{ platform: string, arch: string }} process
 */
function platformName({ platform, arch }) {
	if (platform === 'win32') return `${platform}-${arch}-msvc`;
	if (platform !== 'linux') return `${platform}-${arch}`;
	return `${platform}-${arch}-${libc()}${arch === 'arm' ? 'eabihf' : ''}`;
}

/** Returns the C library of this process. The loader of musl is mapped into each process that uses musl. */
function libc() {
	try {
		return require('node:fs').readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-') ? 'musl' : 'gnu';
	} catch {
		// Deno does not permit it without --allow-read. Its own binaries need glibc.
		return 'gnu';
	}
}
