// The packages of a release: what they contain, and what each package manager installs of them. Without the binary, the core in
// JavaScript takes its place, and a warning names the platform and a remedy.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
	copyFileSync,
	cpSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { managers, plugAndPlay } from './package-managers.js';
import { checkout, filesBelow, npm, pack, runModule, temporary } from './projects.js';
import { artifacts, here, manifestIn, prepare, publishRelease } from './release.js';

const native = (/** @type {string} */ file) => import(pathToFileURL(join(checkout, 'lib', 'native', file)).href);
const { platformName } = await native('load.cjs');
const { binaryMissing, platforms } = await native('missing-binary.js');
const { NAME, VERSION } = await native('package.js');
/** @type {Awaited<ReturnType<typeof publishRelease>>} */
let release;
/** @type {string} */
let name;
/** @type {string} */
let version;

before(async () => {
	release = await publishRelease();
	({ name, version } = release);
});
after(() => release.close());

const programUsing = (/** @type {string} */ specifier) => `
	import { InMemoryStreamSessionManager } from '${specifier}';
	const manager = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'to a');
	manager.delete('a');
	console.log(await new Response(stream).text());`;

const programWarned = (/** @type {string} */ specifier) => `
	delete process.env.TMCP_NATIVE;
	const warnings = [];
	process.on('warning', ({ code, message }) => warnings.push({ code, message }));
	const { InMemoryStreamSessionManager, isNative } = await import('${specifier}');
	const manager = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'to a');
	manager.delete('a');
	const received = await new Response(stream).text();
	await new Promise((resolve) => setImmediate(resolve));
	console.log(JSON.stringify({ isNative, received, warnings }));`;

const programCatching = (/** @type {string} */ specifier) => `
	const { code, platform, message, cause } = await import('${specifier}').catch((error) => error);
	console.log(JSON.stringify({ code, platform, message, cause: String(cause) }));`;

test('each platform of napi.targets has a package, and the main package depends on all of them at its own version', () => {
	assert.deepEqual(release.packages.sort(), [...platforms, 'main'].sort());
	const expected = Object.fromEntries(platforms.map((/** @type {string} */ each) => [`${name}-${each}`, version]));
	assert.deepEqual(manifest('main').optionalDependencies, expected);
	assert.equal(manifest('main').napi.targets.length, platforms.length);
});

test('a platform package contains its binary, is limited to its platform, and names the same repository', async () => {
	for (const platform of platforms) {
		const folder = await download(`${name}-${platform}`);
		const file = `session-manager.${platform}.node`;
		const documents = ['LICENSE', 'README.md', 'THIRD_PARTY_LICENSES'];
		assert.deepEqual(filesBelow(folder), [...documents, 'index.cjs', 'package.json', file].sort());
		for (const document of ['LICENSE', 'THIRD_PARTY_LICENSES']) {
			assert.deepEqual(
				readFileSync(join(folder, document)),
				readFileSync(join(checkout, document)),
				`${document} of ${platform}`,
			);
		}
		const { os, cpu, libc, main, engines, license, publishConfig, repository } = manifest(platform);
		const [system, processor, abi] = platform.split('-');
		assert.deepEqual({ os, cpu, main }, { os: [system], cpu: [processor], main: 'index.cjs' });
		assert.deepEqual(libc, system === 'linux' ? [abi === 'gnu' ? 'glibc' : 'musl'] : undefined);
		const { engines: ofMain, repository: source } = manifest('main');
		assert.deepEqual({ engines, repository }, { engines: ofMain, repository: source });
		assert.deepEqual({ license, publishConfig }, { license: 'MIT', publishConfig: { access: 'public' } });
	}
});

test('the main package equals the packed checkout without the binary', async () => {
	const local = unpack(readFileSync(await pack()));
	const main = await download(name);
	assert.deepEqual(
		filesBelow(main),
		filesBelow(local).filter((file) => !file.endsWith('.node')),
	);
	const { optionalDependencies, ...rest } = manifestIn(main);
	assert.deepEqual(rest, manifestIn(local));
});

test('the script makes the same main package in a checkout where the addon was not built', () => {
	const root = join(temporary, 'not-built');
	mkdirSync(root);
	for (const name of readdirSync(checkout).filter((name) => name !== 'native' && !name.startsWith('.'))) {
		symlinkSync(join(checkout, name), join(root, name));
	}
	// Not links, because npm packs no links, and the script finds its checkout by its real path.
	for (const name of ['lib', 'scripts']) {
		rmSync(join(root, name));
		cpSync(join(checkout, name), join(root, name), { recursive: true });
	}
	const documents = filesBelow(join(release.folder, 'main')).filter((file) => !file.includes('/'));
	for (const name of documents) {
		rmSync(join(root, name));
		copyFileSync(join(checkout, name), join(root, name));
	}
	const folder = join(temporary, 'published-not-built');
	prepare(artifacts, folder, root);
	assert.deepEqual(filesBelow(join(folder, 'main')), filesBelow(join(release.folder, 'main')));
});

test('the script fails when the binary of a platform is missing', () => {
	const tooFew = join(temporary, 'too-few');
	mkdirSync(tooFew);
	writeFileSync(join(tooFew, 'session-manager.linux-x64-gnu.node'), '');
	assert.throws(() => prepare(tooFew, join(temporary, 'not-made')), /aarch64-apple-darwin/);
});

for (const manager of [...managers, plugAndPlay]) {
	test(`${manager.name} installs the binary of this platform${manager.knowsLibc ? ' and no other' : ''}`, async () => {
		const folder = join(temporary, `platform ${manager.name}`.replaceAll(' ', '-'));
		mkdirSync(folder);
		manager.setUp(folder, {
			dependencies: { [name]: version },
			replaced: undefined,
			registry: release.registry,
		});
		await manager.install(folder);
		writeFileSync(join(folder, 'main.js'), programUsing(name));
		assert.equal(await manager.run(folder, 'main.js'), 'to a\n');
		// With Plug'n'Play, yarn unpacks a package with a binary into this folder.
		const modules = manager === plugAndPlay ? join('.yarn', 'unplugged') : 'node_modules';
		const binaries = filesBelow(join(folder, modules)).filter((file) => file.endsWith('.node'));
		const expected = manager.knowsLibc ? [here] : [here, here.replace('gnu', 'musl')];
		const found = new Set(binaries.map((file) => basename(file)));
		assert.deepEqual(
			[...found].sort(),
			expected.map((platform) => `session-manager.${platform}.node`),
		);
	});
}

test('installed under an alias, the package finds its binary', async () => {
	const folder = join(temporary, 'alias');
	mkdirSync(folder);
	const alias = { '@tmcp/session-manager': `npm:${name}@${version}` };
	managers[0].setUp(folder, { dependencies: alias, replaced: undefined, registry: release.registry });
	await managers[0].install(folder);
	assert.equal(await runModule(folder, programUsing('@tmcp/session-manager')), 'to a\n');
});

test('without optional dependencies, the warning names the platform, its package and a remedy that works', async () => {
	const folder = join(temporary, 'omitted');
	mkdirSync(folder);
	managers[0].setUp(folder, { dependencies: { [name]: version }, replaced: undefined, registry: release.registry });
	await managers[0].install(folder, '--omit=optional');
	const message = await warningIn(folder);
	assert.match(message, new RegExp(`${name} ${version} could not load a native binary on ${here} with Node.js v`));
	assert.match(message, new RegExp(`The binary is in the optional dependency ${name}-${here}, which is not installed`));
	assert.match(message, /npm install --include=optional/);

	const { cause, ...refused } = JSON.parse(await runModule(folder, programCatching(name)));
	const [explanation] = message.split('\nWithout it, ');
	assert.deepEqual(refused, { code: 'ERR_NATIVE_BINARY_MISSING', platform: here, message: explanation });
	assert.match(cause, /Cannot find module '@tmcp-native\/session-manager-/);

	await npm(folder, 'install', '--include=optional');
	assert.equal(await runModule(folder, programUsing(name)), 'to a\n');
});

test('with the node_modules of another platform, the warning says so, and its install command works', async () => {
	const folder = join(temporary, 'moved');
	mkdirSync(folder);
	managers[0].setUp(folder, { dependencies: { [name]: version }, replaced: undefined, registry: release.registry });
	const elsewhere = here === 'darwin-arm64' ? ['--os=linux', '--cpu=x64'] : ['--os=darwin', '--cpu=arm64'];
	await managers[0].install(folder, ...elsewhere);
	const message = await warningIn(folder);
	assert.match(message, /node_modules or the lock file comes from another platform: remove both/);
	const [remedy] = /npm install \S+-\S+@\S+$/m.exec(message) ?? [];
	assert.ok(remedy !== undefined, message);
	await npm(folder, ...remedy.split(' ').slice(1));
	assert.equal(await runModule(folder, programUsing(name)), 'to a\n');
});

test('when the system cannot load the binary, the warning contains the message of the system', async () => {
	const folder = join(temporary, 'broken');
	mkdirSync(folder);
	managers[0].setUp(folder, { dependencies: { [name]: version }, replaced: undefined, registry: release.registry });
	await managers[0].install(folder);
	const file = `session-manager.${here}.node`;
	writeFileSync(join(folder, 'node_modules', `${name}-${here}`, file), 'not an addon');
	assert.match(
		await warningIn(folder),
		new RegExp(`The system refused to load the installed binary: .*${file.replaceAll('.', '\\.')}`),
	);
});

test('on a platform without a binary, the error lists the supported platforms and how to build', async () => {
	const error = binaryMissing([], 'linux-mips-gnu', false);
	assert.equal(error.code, 'ERR_NATIVE_BINARY_MISSING');
	assert.match(error.message, /could not load a native binary on linux-mips-gnu/);
	for (const platform of platforms) assert.ok(error.message.includes(platform));
	assert.match(error.message, /Rust toolchain >= 1\.88/);
	assert.match(error.message, /npm run build/);
});

test('the name and the version in the messages are those of package.json', () => {
	assert.deepEqual({ name: NAME, version: VERSION }, { name, version });
});

test('platform names are those of napi-rs', () => {
	assert.equal(platformName({ platform: 'win32', arch: 'arm64' }), 'win32-arm64-msvc');
	assert.equal(platformName({ platform: 'darwin', arch: 'x64' }), 'darwin-x64');
	assert.equal(platformName({ platform: 'freebsd', arch: 'x64' }), 'freebsd-x64');
	assert.match(platformName({ platform: 'linux', arch: 'riscv64' }), /^linux-riscv64-(gnu|musl)$/);
	assert.match(platformName({ platform: 'linux', arch: 'arm' }), /^linux-arm-(gnu|musl)eabihf$/);
});

/**
 * Asserts that the package in a folder delivers on its core in JavaScript, and returns the message of its only warning.
 *
 * @param {string} folder
 * @returns {Promise<string>}
 */
async function warningIn(folder) {
	const { isNative, received, warnings } = JSON.parse(await runModule(folder, programWarned(name)));
	assert.deepEqual({ isNative, received }, { isNative: false, received: 'to a' });
	assert.equal(warnings.length, 1);
	assert.equal(warnings[0].code, 'TMCP_NATIVE_FALLBACK');
	return warnings[0].message;
}

/**
 * Downloads a package from the registry.
 *
 * @param {string} packageName
 * @returns {Promise<string>} the folder with its files
 */
async function download(packageName) {
	const described = await fetch(`${release.registry}/${encodeURIComponent(packageName)}`);
	const { versions } = await described.json();
	const tarball = await fetch(versions[version].dist.tarball);
	return unpack(Buffer.from(await tarball.arrayBuffer()));
}

/**
 * @param {Buffer} tarball
 * @returns {string} the folder with its files
 */
function unpack(tarball) {
	const folder = mkdtempSync(join(temporary, 'unpacked-'));
	execFileSync('tar', ['-xz'], { cwd: folder, input: tarball });
	return join(folder, 'package');
}

/** @param {string} folder */
function manifest(folder) {
	return manifestIn(join(release.folder, folder));
}
