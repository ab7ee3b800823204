// What `scripts/prepare-publish.mjs` makes, installed from a registry: each package manager takes the binary of this
// platform and no other, and where it does not, the error says which platform this is and what helps.
//
// The binaries of the other platforms are stand-ins here. What is in them is tested where they are built.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { checkout, environment, filesBelow, npm, pack, runModule, workshop } from './folders.js';
import { managers } from './managers.js';
import { manifestOf, openRegistry } from './registry.js';

const { binaryMissing, platformName, platforms } = await import(
	pathToFileURL(join(checkout, 'lib', 'native', 'missing-binary.js')).href
);
const here = platformName();
const published = join(workshop, 'published');
/** @type {Awaited<ReturnType<typeof openRegistry>>} */
let registry;
/** @type {string[]} */
let tarballs;
/** @type {string} */
let name;
/** @type {string} */
let version;

before(async () => {
	const artifacts = join(workshop, 'artifacts');
	mkdirSync(artifacts);
	for (const platform of platforms) {
		const file = `session-manager.${platform}.node`;
		// As actions/download-artifact leaves them: a folder each.
		mkdirSync(join(artifacts, platform));
		if (platform !== here) writeFileSync(join(artifacts, platform, file), platform);
		else copyFileSync(join(checkout, 'native', file), join(artifacts, platform, file));
	}
	const script = join(checkout, 'scripts', 'prepare-publish.mjs');
	execFileSync(process.execPath, [script, artifacts, published], { env: environment, stdio: 'pipe' });
	tarballs = await Promise.all(readdirSync(published).map((folder) => pack(join(published, folder))));
	registry = await openRegistry(...tarballs);
	({ name, version } = manifest('main'));
});
after(() => registry.close());

const usesIt = (/** @type {string} */ specifier) => `
	import { InMemoryStreamSessionManager } from '${specifier}';
	const manager = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'to a');
	manager.delete('a');
	console.log(await new Response(stream).text());`;

const catchesIt = (/** @type {string} */ specifier) => `
	const { code, platform, message, cause } = await import('${specifier}').catch((error) => error);
	console.log(JSON.stringify({ code, platform, message, cause: String(cause) }));`;

test('there is a package for each platform of napi.targets, and the main one asks for all of them, at its own version', () => {
	assert.deepEqual(readdirSync(published).sort(), [...platforms, 'main'].sort());
	const expected = Object.fromEntries(platforms.map((/** @type {string} */ each) => [`${name}-${each}`, version]));
	assert.deepEqual(manifest('main').optionalDependencies, expected);
	assert.equal(manifest('main').napi.targets.length, platforms.length);
});

test('a platform package holds its binary, for that platform only, and comes from the same repository', () => {
	for (const platform of platforms) {
		const file = `session-manager.${platform}.node`;
		assert.deepEqual(filesBelow(join(published, platform)), ['LICENSE', 'README.md', 'package.json', file].sort());
		const { os, cpu, libc, main, engines, license, publishConfig, repository } = manifest(platform);
		const [system, processor, abi] = platform.split('-');
		assert.deepEqual({ os, cpu, main }, { os: [system], cpu: [processor], main: file });
		assert.deepEqual(libc, system === 'linux' ? [abi === 'gnu' ? 'glibc' : 'musl'] : undefined);
		const { engines: ofMain, repository: source } = manifest('main');
		assert.deepEqual({ engines, repository }, { engines: ofMain, repository: source });
		assert.deepEqual({ license, publishConfig }, { license: 'MIT', publishConfig: { access: 'public' } });
	}
});

test('the main package is what is packed here, without the binary', async () => {
	const local = await pack();
	const files = (/** @type {string} */ tarball) =>
		execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
			.split('\n')
			.filter((file) => file !== '')
			.sort();
	const main = tarballs.find((tarball) => manifestOf(tarball).name === name) ?? '';
	assert.deepEqual(
		files(main),
		files(local).filter((file) => !file.endsWith('.node')),
	);
	const { optionalDependencies, ...rest } = manifestOf(main);
	assert.deepEqual(rest, manifestOf(local));
});

test('it fails where the binary of a platform is missing', () => {
	const artifacts = join(workshop, 'too-few');
	mkdirSync(artifacts);
	writeFileSync(join(artifacts, 'session-manager.linux-x64-gnu.node'), '');
	const script = join(checkout, 'scripts', 'prepare-publish.mjs');
	const run = () =>
		execFileSync(process.execPath, [script, artifacts, join(workshop, 'not-made')], {
			env: environment,
			stdio: 'pipe',
		});
	assert.throws(run, /aarch64-apple-darwin/);
});

for (const manager of managers) {
	test(`${manager.name} takes the binary of this platform${manager.knowsLibc ? ' and no other' : ''}`, async () => {
		const folder = join(workshop, `platform ${manager.name}`.replaceAll(' ', '-'));
		mkdirSync(folder);
		manager.setUp(folder, {
			dependencies: { [name]: version },
			replaced: undefined,
			registry: registry.address,
		});
		await manager.install(folder);
		assert.equal(await runModule(folder, usesIt(name)), 'to a\n');
		const binaries = filesBelow(join(folder, 'node_modules')).filter((file) => file.endsWith('.node'));
		const expected = manager.knowsLibc ? [here] : [here, here.replace('gnu', 'musl')];
		const found = new Set(binaries.map((file) => basename(file)));
		assert.deepEqual(
			[...found].sort(),
			expected.map((platform) => `session-manager.${platform}.node`),
		);
	});
}

test('under another name, it finds its binary all the same', async () => {
	const folder = join(workshop, 'alias');
	mkdirSync(folder);
	const alias = { '@tmcp/session-manager': `npm:${name}@${version}` };
	managers[0].setUp(folder, { dependencies: alias, replaced: undefined, registry: registry.address });
	await managers[0].install(folder);
	assert.equal(await runModule(folder, usesIt('@tmcp/session-manager')), 'to a\n');
});

test('where optional dependencies were left out, the error names the platform, its package and the remedy, which helps', async () => {
	const folder = join(workshop, 'omitted');
	mkdirSync(folder);
	managers[0].setUp(folder, { dependencies: { [name]: version }, replaced: undefined, registry: registry.address });
	await managers[0].install(folder, '--omit=optional');
	const { code, platform, message, cause } = JSON.parse(await runModule(folder, catchesIt(name)));
	assert.deepEqual({ code, platform }, { code: 'ERR_NATIVE_BINARY_MISSING', platform: here });
	assert.match(message, new RegExp(`${name} ${version} could not load a native binary on ${here} with Node.js v`));
	assert.match(message, new RegExp(`The binary is in the optional dependency ${name}-${here}, which is not installed`));
	assert.match(message, /npm install --include=optional/);
	assert.match(cause, /Cannot find native binding/);

	await npm(folder, 'install', '--include=optional');
	assert.equal(await runModule(folder, usesIt(name)), 'to a\n');
});

test('where node_modules is from another platform, the error says so, and the package by its name helps', async () => {
	const folder = join(workshop, 'moved');
	mkdirSync(folder);
	managers[0].setUp(folder, { dependencies: { [name]: version }, replaced: undefined, registry: registry.address });
	const elsewhere = here === 'darwin-arm64' ? ['--os=linux', '--cpu=x64'] : ['--os=darwin', '--cpu=arm64'];
	await managers[0].install(folder, ...elsewhere);
	const { message } = JSON.parse(await runModule(folder, catchesIt(name)));
	assert.match(message, /node_modules or the lock file comes from another platform: remove both/);
	const [remedy] = /npm install \S+-\S+@\S+$/m.exec(message) ?? [];
	assert.ok(remedy !== undefined, message);
	await npm(folder, ...remedy.split(' ').slice(1));
	assert.equal(await runModule(folder, usesIt(name)), 'to a\n');
});

test('where the system refuses the binary, the error says what the system said', async () => {
	const folder = join(workshop, 'broken');
	mkdirSync(folder);
	managers[0].setUp(folder, { dependencies: { [name]: version }, replaced: undefined, registry: registry.address });
	await managers[0].install(folder);
	const file = `session-manager.${here}.node`;
	writeFileSync(join(folder, 'node_modules', `${name}-${here}`, file), 'not an addon');
	const { code, message } = JSON.parse(await runModule(folder, catchesIt(name)));
	assert.equal(code, 'ERR_NATIVE_BINARY_MISSING');
	assert.match(
		message,
		new RegExp(`The system refused to load the installed binary: .*${file.replaceAll('.', '\\.')}`),
	);
});

test('on a platform that no binary is made for, the error lists those there are, and tells how to build it', async () => {
	const cause = new Error('Cannot find native binding.', {
		cause: new Error('Unsupported architecture on Linux: mips'),
	});
	const error = binaryMissing(cause, 'linux-mips-gnu');
	assert.equal(error.cause, cause);
	assert.match(error.message, /could not load a native binary on linux-mips-gnu/);
	for (const platform of platforms) assert.ok(error.message.includes(platform));
	assert.match(error.message, /Rust toolchain >= 1\.88/);
	assert.match(error.message, /npm run build/);
});

test('bundled into another package, the error never takes that one’s name for ours', async () => {
	const folder = join(workshop, 'bundled');
	mkdirSync(join(folder, 'dist', 'native'), { recursive: true });
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'my-app', version: '2.3.4', type: 'module' }));
	copyFileSync(
		join(checkout, 'lib', 'native', 'missing-binary.js'),
		join(folder, 'dist', 'native', 'missing-binary.js'),
	);
	const bundled = await import(pathToFileURL(join(folder, 'dist', 'native', 'missing-binary.js')).href);
	const { message } = bundled.binaryMissing(new Error('Cannot find module'), 'linux-x64-gnu');
	assert.match(message, new RegExp(`^${name} could not load a native binary on linux-x64-gnu`));
	assert.match(message, new RegExp(`mark ${name} as external`));
	assert.doesNotMatch(message, /my-app|2\.3\.4|undefined/);
});

test('platforms are named as napi-rs names them', () => {
	assert.equal(platformName({ platform: 'win32', arch: 'arm64' }), 'win32-arm64-msvc');
	assert.equal(platformName({ platform: 'darwin', arch: 'x64' }), 'darwin-x64');
	assert.equal(platformName({ platform: 'freebsd', arch: 'x64' }), 'freebsd-x64');
	assert.match(platformName({ platform: 'linux', arch: 'riscv64' }), /^linux-riscv64-(gnu|musl)$/);
	assert.match(platformName({ platform: 'linux', arch: 'arm' }), /^linux-arm-(gnu|musl)eabihf$/);
});

/** @param {string} folder */
function manifest(folder) {
	return JSON.parse(readFileSync(join(published, folder, 'package.json'), 'utf8'));
}
