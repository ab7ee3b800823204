// The tarball where there is no Rust: it installs, loads and works, by its own name and by upstream's.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { npmrc } from './package-managers.js';
import { bare, describe, managersIn, npm, pack, project, runModule, transport07 } from './projects.js';
import { openRegistry } from './registry.js';

const { name, version } = createRequire(import.meta.url)('../../package.json');
/** @type {string} */
let tarball;
/** @type {Awaited<ReturnType<typeof openRegistry>>} */
let registry;

before(async () => {
	tarball = await pack();
	registry = await openRegistry(tarball);
});
after(() => registry.close());

/** @param {string} folder whose npm is to ask our registry for the packages of our scope */
function useRegistry(folder) {
	writeFileSync(join(folder, '.npmrc'), npmrc(registry.address));
}

/** @param {string} specifier */
const conversation = (specifier) => `
	import { InMemorySessionManager, InMemoryStreamSessionManager } from '${specifier}';
	const manager = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	const before = await manager.has('a');
	manager.send(undefined, 'to all: ü ');
	manager.send(['a', 'b'], 'to a');
	manager.send(['b'], 'to b');
	manager.delete('a');
	const text = await new Response(stream).text();
	const sameClass = InMemorySessionManager === InMemoryStreamSessionManager;
	console.log(JSON.stringify({ sameClass, before, text, after: await manager.has('a') }));
`;
const answers = { sameClass: true, before: true, text: 'to all: ü to a', after: false };

test('neither cargo nor rustc is on the PATH of these installs', () => {
	for (const program of ['cargo', 'rustc']) {
		const { error } = spawnSync(program, ['--version'], { env: bare });
		assert.equal(/** @type {NodeJS.ErrnoException} */ (error)?.code, 'ENOENT', `${program} was found`);
	}
});

for (const [how, ...flags] of [['run'], ['ignored', '--ignore-scripts']]) {
	test(`installed in an empty folder with scripts ${how}, it serves a stream by its own name`, async () => {
		const folder = project(`scripts-${how}`, {}, tarball);
		await npm(folder, 'install', './ours.tgz', ...flags);
		assert.deepEqual(managersIn(folder), { [name]: name });
		assert.deepEqual(JSON.parse(await runModule(folder, conversation(name))), answers);
	});
}

test('installed from a registry by its own name, it leaves the transport its own manager', async () => {
	const folder = project('own-name', transport07);
	useRegistry(folder);
	await npm(folder, 'install', name);
	assert.deepEqual(managersIn(folder), { [name]: name, '@tmcp/session-manager': '@tmcp/session-manager' });
	assert.deepEqual(JSON.parse(await runModule(folder, conversation(name))), answers);
});

test('installed as an alias only, it is what the program imports, and not what the transport imports', async () => {
	const folder = project('alias', transport07);
	useRegistry(folder);
	await npm(folder, 'install', `@tmcp/session-manager@npm:${name}@${version}`);
	assert.deepEqual(managersIn(folder), {
		'@tmcp/session-manager': name,
		'@tmcp/transport-http/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
	});
	assert.deepEqual(JSON.parse(await runModule(folder, conversation('@tmcp/session-manager'))), answers);
});

const { dependencies, overrides } = transport07;
const alias = `npm:${name}@${version}`;
const forms = {
	'an override with an exact version': {
		dependencies,
		overrides: { ...overrides, '@tmcp/session-manager': alias },
	},
	'an alias with an exact version and an override that points at it': {
		dependencies: { ...dependencies, '@tmcp/session-manager': alias },
		overrides: { ...overrides, '@tmcp/session-manager': '$@tmcp/session-manager' },
	},
};

for (const [form, manifest] of Object.entries(forms)) {
	test(`${form} makes it the only manager of a new project, and of one that had upstream's`, async () => {
		const aliased = '@tmcp/session-manager' in manifest.dependencies;
		const fresh = project(aliased ? 'alias-fresh' : 'override-fresh', manifest);
		const existing = project(aliased ? 'alias-existing' : 'override-existing', transport07);
		useRegistry(fresh);
		useRegistry(existing);
		await npm(fresh, 'install');
		await npm(existing, 'install');
		assert.deepEqual(Object.values(managersIn(existing)), ['@tmcp/session-manager']);
		describe(existing, manifest);
		await npm(existing, 'install');
		for (const folder of [fresh, existing]) {
			assert.deepEqual(Object.values(managersIn(folder)), [name]);
			rmSync(join(folder, 'node_modules'), { recursive: true });
			await npm(folder, 'ci');
			assert.deepEqual(Object.values(managersIn(folder)), [name]);
			if (!aliased) continue;
			assert.deepEqual(JSON.parse(await runModule(folder, conversation('@tmcp/session-manager'))), answers);
		}
	});
}

test('tmcp may be missing, or be any from 1.13.0 on; beside an older one npm refuses to install it', async () => {
	const alone = project('alone', {}, tarball);
	await npm(alone, 'install', './ours.tgz');
	assert.deepEqual(
		readdirSync(join(alone, 'node_modules')).filter((name) => !name.startsWith('.')),
		['@tmcp-native'],
	);
	assert.deepEqual(JSON.parse(await runModule(alone, conversation(name))), answers);

	for (const version of ['1.13.0', '1.20.0-next.1', '1.20.0']) {
		const beside = project(`tmcp-${version}`, { dependencies: { tmcp: version } }, tarball);
		await npm(beside, 'install', './ours.tgz');
	}
	const older = project('tmcp-1.12.2', { dependencies: { tmcp: '1.12.2' } }, tarball);
	await assert.rejects(npm(older, 'install', './ours.tgz'), /ERESOLVE/);
});

test('by an alias it is in the place of the Redis managers, and exits where there is no Redis', async () => {
	const redis = '@tmcp/session-manager-redis';
	const folder = project('redis', { dependencies: { ...dependencies, [redis]: alias }, overrides });
	useRegistry(folder);
	await npm(folder, 'install');
	const program = (/** @type {string} */ specifier) => `
		import { RedisInfoSessionManager, RedisStreamSessionManager, RedisSubscriptionManager } from '${specifier}';
		const url = 'redis://127.0.0.1:1';
		const options = { commandTimeoutMs: 100 };
		const managers = [RedisInfoSessionManager, RedisStreamSessionManager, RedisSubscriptionManager].map(
			(Manager) => new Manager(url, options),
		);
		const stream = new ReadableStream({ start: (controller) => managers[1].create('a', controller) });
		await managers[1].send(undefined, 'to all');
		await managers[1].delete('a');
		const text = await new Response(stream).text();
		const { code } = await managers[0].getClientInfo('a').catch((error) => error);
		console.log(JSON.stringify({ text, code }));
	`;
	for (const specifier of [redis, `${redis}/redis`]) {
		const answers = { text: 'to all', code: 'ERR_BACKPLANE_UNAVAILABLE' };
		assert.deepEqual(JSON.parse(await runModule(folder, program(specifier))), answers);
	}
});
