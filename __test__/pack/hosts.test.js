// The packages of a release where the binary is not loaded: the runtime, the system or the host does not allow it, or there is
// none for the platform. The core in JavaScript takes its place, and a warning names the reason and a remedy. Also, `require`
// of the package on each runtime.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { managers } from './package-managers.js';
import { checkout, choosing, temporary, warningsIn } from './projects.js';
import { here, publishRelease } from './release.js';

const modules = join(checkout, '__test__', 'runtimes', 'node_modules');
const nodes = ['20', '22', '24', '26'].map((version) => ({
	name: `Node.js ${version}`,
	runtime: new RegExp(`with Node\\.js v${version}\\.`),
	command: [join(modules, `node-${version}`, 'bin', 'node')],
	permission: version === '20' ? '--experimental-permission' : '--permission',
}));
const bun = { name: 'Bun', runtime: /with Bun /, command: [join(modules, '@oven', 'bun-linux-x64', 'bin', 'bun')] };
const deno = {
	name: 'Deno',
	runtime: /with Deno /,
	command: [join(modules, '@deno', 'linux-x64-glibc', 'deno'), 'run', '--no-prompt', '--no-check', '--no-lock'],
};
const allowed = { ...deno, command: [...deno.command, '--allow-all'] };
/** The environment of all programs. They are named by their paths, apart from those of the system. */
const env = { ...choosing, PATH: process.env.PATH, DENO_DIR: join(temporary, 'deno'), DENO_NO_UPDATE_CHECK: '1' };

/** Serves a stream, and prints what it received and on which core, and how a scope is refused. */
const PROGRAM = `
	import { InMemoryStreamSessionManager, isNative } from '@tmcp-native/session-manager';
	const manager = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'to a');
	manager.delete('a');
	let refused;
	try {
		new InMemoryStreamSessionManager({ scope: 'a' });
	} catch ({ code, message }) {
		refused = { code, message };
	}
	console.log(JSON.stringify({ isNative, received: await new Response(stream).text(), refused }));`;

/** The runtime of these tests, in a warning. */
const NODE = /with Node\.js v/;

/** @type {Awaited<ReturnType<typeof publishRelease>>} */
let release;
/** A project with the packages for this platform. @type {string} */
let folder;

before(async () => {
	release = await publishRelease();
	folder = await install('installed');
});
after(() => release.close());

/**
 * Installs the package from the registry, in a project with the program as `main.js`.
 *
 * @param {string} name
 * @param {...string} options of npm
 */
async function install(name, ...options) {
	const created = join(temporary, name);
	mkdirSync(created);
	const dependencies = { [release.name]: release.version };
	managers[0].setUp(created, { dependencies, replaced: undefined, registry: release.registry });
	await managers[0].install(created, ...options);
	writeFileSync(join(created, 'main.js'), PROGRAM);
	return created;
}

/**
 * Runs a program, and returns what it printed as JSON, and the warnings about the fallback.
 *
 * @param {string[]} command
 * @param {string} [file]
 */
async function run(command, file = join(folder, 'main.js')) {
	const [program, ...options] = command;
	const { stdout, stderr } = await promisify(execFile)(program, [...options, file], {
		cwd: folder,
		env,
		timeout: 60_000,
	});
	return { ...JSON.parse(stdout), warnings: warningsIn(stderr) };
}

/**
 * Asserts that a program ran on the core in JavaScript, and that its only warning and the refusal of what needs the binary
 * give the same reason.
 *
 * @param {Awaited<ReturnType<typeof run>>} result
 * @param {string} platform
 * @param {RegExp} runtime
 * @param {RegExp} reason
 */
function assertFallback({ isNative, received, refused, warnings }, platform, runtime, reason) {
	assert.deepEqual({ isNative, received }, { isNative: false, received: 'to a' });
	assert.equal(warnings.length, 1, warnings.join('\n'));
	const [explanation] = warnings[0].replace(/^Warning: /, '').split('\nWithout it, ');
	const [first, ...lines] = explanation.split('\n');
	assert.match(first, runtime);
	assert.ok(first.startsWith(`${release.name} ${release.version} could not load a native binary on ${platform} with `));
	assert.match(lines.join('\n'), reason);
	assert.equal(refused.code, 'ERR_NATIVE_REQUIRED');
	assert.ok(refused.message.endsWith(`needs the native binary.\n${explanation}`), refused.message);
}

/** @param {Awaited<ReturnType<typeof run>>} result */
function assertNative({ isNative, received, warnings }) {
	assert.deepEqual({ isNative, received, warnings }, { isNative: true, received: 'to a', warnings: [] });
}

for (const { name, runtime, command, permission } of nodes) {
	describe(name, () => {
		test('with --no-addons, the warning names that option', async () => {
			const reason = /^Node\.js runs with --no-addons\. Remove this option/;
			assertFallback(await run([...command, '--no-addons']), here, runtime, reason);
		});

		test('with --permission and without --allow-addons, the warning names --allow-addons', async () => {
			const reason =
				/^Node\.js runs with its permission model, which does not allow native addons: add --allow-addons\.$/;
			assertFallback(await run([...command, permission, '--allow-fs-read=*']), here, runtime, reason);
		});

		test('with --permission and without the right to read the binary, the warning names --allow-fs-read', async () => {
			const main = join(folder, 'node_modules', release.name);
			const readable = [main, join(folder, 'main.js'), join(folder, 'package.json')];
			const options = [permission, '--allow-addons', ...readable.map((path) => `--allow-fs-read=${path}`)];
			const reason = /^Node\.js runs with its permission model: add --allow-addons, and --allow-fs-read for the folder/;
			assertFallback(await run([...command, ...options]), here, runtime, reason);
		});

		test('with --permission and what these warnings name, the binary is loaded', async () => {
			assertNative(await run([...command, permission, '--allow-addons', `--allow-fs-read=${folder}`]));
		});
	});
}

test('Bun with --no-addons: the warning names that option, and Bun', async () => {
	const reason = /^Bun runs with --no-addons\. Remove this option from the command line/;
	assertFallback(await run([...bun.command, '--no-addons']), here, bun.runtime, reason);
});

for (const [how, given, needed] of /** @type {const} */ ([
	['without permissions', [], '--allow-read'],
	['with --allow-read only', ['--allow-read'], '--allow-ffi'],
])) {
	test(`Deno ${how}: the warning names the permissions`, async () => {
		const reason = new RegExp(
			`^Deno does not permit it \\(.*${needed} flag\\)\\.\nRun the program with --allow-ffi --allow-read\\.$`,
		);
		assertFallback(await run([...deno.command, ...given]), here, deno.runtime, reason);
	});
}

test('Deno with the permissions that the warnings name loads the binary', async () => {
	assertNative(await run([...deno.command, '--allow-ffi', '--allow-read']));
});

describe('node_modules on a file system that is mounted with noexec', () => {
	// In a mount namespace that ends with its process. That needs root.
	const inNamespace = [...(process.getuid?.() === 0 ? [] : ['sudo', '-n']), 'unshare', '--mount', 'sh', '-euc'];
	const mount = 'mount -t tmpfs -o noexec tmpfs /mnt';
	const [unshare, ...args] = inNamespace;
	const { status, stderr } = spawnSync(unshare, [...args, mount], { encoding: 'utf8' });
	const skip = status !== 0 && `a mount is not permitted here: ${stderr}`;

	for (const { name, runtime, command } of [...nodes, bun, allowed]) {
		test(`${name}: the warning names noexec`, { skip }, async () => {
			const script = `${mount}; cp -R "$0/." /mnt; cd /mnt; exec "$@"`;
			const result = await run([...inNamespace, script, folder, ...command], 'main.js');
			const reason =
				/^The system does not execute files from the folder of the binary: .*\n(.*\n)?Its file system is mounted with noexec\./;
			assertFallback(result, here, runtime, reason);
		});
	}
});

for (const { name, command } of [...nodes, bun, allowed]) {
	test(`${name}: require() in CommonJS returns what import returns, from each entry point`, async () => {
		copyFileSync(join(checkout, '__test__', 'programs', 'require-entries.cjs'), join(folder, 'main.cjs'));
		assert.deepEqual(await run(command, join(folder, 'main.cjs')), {
			isNative: true,
			received: 'message',
			different: [],
			functions: ['function', 'function', 'function'],
			warnings: [],
		});
	});
}

/**
 * Returns the options with which Node.js runs a statement before the program.
 *
 * @param {string} name
 * @param {string} statement
 */
function preload(name, statement) {
	const file = join(temporary, `${name}.cjs`);
	writeFileSync(file, statement);
	return ['--require', file];
}

describe('a platform without a binary', () => {
	for (const [platform, system, cpu] of [
		['freebsd-x64', 'freebsd', 'x64'],
		['linux-s390x-gnu', 'linux', 's390x'],
		['linux-riscv64-gnu', 'linux', 'riscv64'],
	]) {
		test(`${platform}: npm installs no binary, and the warning lists the platforms and how to build one`, async () => {
			const project = await install(platform, `--os=${system}`, `--cpu=${cpu}`);
			const imitated = `
				Object.defineProperty(process, 'platform', { value: '${system}' });
				Object.defineProperty(process, 'arch', { value: '${cpu}' });`;
			const command = [process.execPath, ...preload(platform, imitated)];
			const reason =
				/^Binaries exist only for linux-x64-gnu, .*\. Build the binary from source\.\n(.*\n)+.* npm run build /;
			assertFallback(await run(command, join(project, 'main.js')), platform, NODE, reason);
		});
	}
});

describe('a WebContainer (StackBlitz), imitated by what it does to Node.js', () => {
	const imitated = `
		const versions = { ...process.versions, webcontainer: '1.0.0' };
		Object.defineProperty(process, 'versions', { value: versions });`;
	const reason = /^This is a WebContainer \(StackBlitz\)\. It loads no native addons\. The binary works elsewhere\.$/;

	test('with the binary, the warning names the host, and no option to remove', async () => {
		const command = [process.execPath, '--no-addons', ...preload('webcontainer', imitated)];
		assertFallback(await run(command), here, NODE, reason);
	});

	test('without the binary, the warning names the host, and no package to install', async () => {
		const project = await install('webcontainer', '--omit=optional');
		const command = [process.execPath, '--no-addons', ...preload('webcontainer', imitated)];
		const result = await run(command, join(project, 'main.js'));
		assertFallback(result, here, NODE, reason);
		assert.doesNotMatch(result.warnings[0], /npm install/);
	});
});
