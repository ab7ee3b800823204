// Installed with npm on a machine without Rust, from the tarball and from a registry, the package works by its own name and by
// upstream's.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertServesNatively } from './native-server.js';
import { managers } from './package-managers.js';
import { bare, describe, managersIn, npm, pack, project, runModule, transport07 } from './projects.js';
import { npmrc } from './registry.js';
import { publishRelease } from './release.js';

const { name, version } = createRequire(import.meta.url)('../../package.json');
const transport09 = { dependencies: { tmcp: '1.20.0', '@tmcp/transport-http': '0.9.0' } };
/** @type {string} */
let tarball;
/** @type {Awaited<ReturnType<typeof publishRelease>>} */
let release;

before(async () => {
	tarball = await pack();
	release = await publishRelease();
});
after(() => release.close());

/** @param {string} folder folder whose npm gets the packages of our scope from our registry */
function useRegistry(folder) {
	writeFileSync(join(folder, '.npmrc'), npmrc(release.registry));
}

/** @param {string} specifier */
const program = (specifier) => `
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
const results = { sameClass: true, before: true, text: 'to all: ü to a', after: false };

test('cargo and rustc are not on the PATH of these installations', () => {
	for (const tool of ['cargo', 'rustc']) {
		const { error } = spawnSync(tool, ['--version'], { env: bare });
		assert.equal(/** @type {NodeJS.ErrnoException} */ (error)?.code, 'ENOENT', `${tool} was found`);
	}
});

for (const [how, ...flags] of [['run'], ['ignored', '--ignore-scripts']]) {
	test(`installed in an empty folder with scripts ${how}, the package serves a stream by its own name`, async () => {
		const folder = project(`scripts-${how}`, {}, tarball);
		await npm(folder, 'install', './ours.tgz', ...flags);
		assert.deepEqual(managersIn(folder), { [name]: name });
		assert.deepEqual(JSON.parse(await runModule(folder, program(name))), results);
	});
}

test('installed from the tarball, the package accepts a controller with only enqueue, and refuses numbers out of range', async () => {
	const folder = project('mistakes', {}, tarball);
	await npm(folder, 'install', './ours.tgz');
	const source = (/** @type {string} */ core) => `
		process.env.TMCP_NATIVE = '${core}';
		const ours = await import('${name}');
		const received = [];
		const manager = new ours.InMemoryStreamSessionManager();
		manager.create('a', { enqueue: (chunk) => received.push(new TextDecoder().decode(chunk)) });
		manager.send(['a'], 'to a');
		manager.delete('a');
		manager.send(['a'], 'after its end');
		const url = 'redis://127.0.0.1:1';
		const attempts = [
			() => new ours.InMemoryStreamSessionManager({ keepAliveMs: -1 }),
			() => new ours.InMemoryStreamSessionManager({ maxQueuedBytes: 1.5 }),
			() => new ours.InMemoryInfoSessionManager({ maxSessions: -1 }),
			() => new ours.InMemoryInfoSessionManager({ ttlMs: NaN }),
			...(ours.isNative ? [() => new ours.RedisStreamSessionManager(url, { maxLen: 1.5 })] : []),
		];
		const errors = attempts.map((attempt) => {
			try {
				attempt();
			} catch (error) {
				return [error instanceof RangeError, error.code];
			}
		});
		console.log(JSON.stringify({ isNative: ours.isNative, received, errors }));`;
	for (const [core, isNative] of /** @type {const} */ ([
		['require', true],
		['off', false],
	])) {
		const errors = Array.from({ length: isNative ? 5 : 4 }, () => [true, 'ERR_OUT_OF_RANGE']);
		assert.deepEqual(JSON.parse(await runModule(folder, source(core))), { isNative, received: ['to a'], errors });
	}
});

test('installed from a registry by its own name, the package does not replace the manager of the transport', async () => {
	const folder = project('own-name', transport07);
	useRegistry(folder);
	await npm(folder, 'install', name);
	assert.deepEqual(managersIn(folder), { [name]: name, '@tmcp/session-manager': '@tmcp/session-manager' });
	assert.deepEqual(JSON.parse(await runModule(folder, program(name))), results);
});

test('installed from a registry by its own name, and passed to the transport, the package serves with the native core', async () => {
	const folder = project('own-name-served', transport09);
	useRegistry(folder);
	await npm(folder, 'install', name);
	await assertServesNatively(managers[0], folder, { transport: '@tmcp/transport-http', manager: name });
});

test('installed only as an alias, the package is imported by the program, and not by the transport', async () => {
	const folder = project('alias', transport07);
	useRegistry(folder);
	await npm(folder, 'install', `@tmcp/session-manager@npm:${name}@${version}`);
	assert.deepEqual(managersIn(folder), {
		'@tmcp/session-manager': name,
		'@tmcp/transport-http/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
	});
	assert.deepEqual(JSON.parse(await runModule(folder, program('@tmcp/session-manager'))), results);
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
	test(`${form} makes the package the only manager of a new project, and of one that had upstream's`, async () => {
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
			assert.deepEqual(JSON.parse(await runModule(folder, program('@tmcp/session-manager'))), results);
		}
	});
}

test('with an alias and an override that points at it, a server runs with the native core', async () => {
	const folder = project('alias-and-override', {
		dependencies: { ...transport09.dependencies, '@tmcp/session-manager': alias },
		overrides: { '@tmcp/session-manager': '$@tmcp/session-manager' },
	});
	useRegistry(folder);
	await npm(folder, 'install');
	assert.deepEqual(Object.values(managersIn(folder)), [name]);
	await assertServesNatively(managers[0], folder, { transport: '@tmcp/transport-http' });
});

test('tmcp is optional, every version from 1.13.0 on is accepted, and npm refuses to install the package with an older one', async () => {
	const alone = project('alone', {}, tarball);
	await npm(alone, 'install', './ours.tgz');
	assert.deepEqual(
		readdirSync(join(alone, 'node_modules')).filter((name) => !name.startsWith('.')),
		['@tmcp-native'],
	);
	assert.deepEqual(JSON.parse(await runModule(alone, program(name))), results);

	for (const version of ['1.13.0', '1.20.0-next.1', '1.20.0']) {
		const beside = project(`tmcp-${version}`, { dependencies: { tmcp: version } }, tarball);
		await npm(beside, 'install', './ours.tgz');
	}
	const older = project('tmcp-1.12.2', { dependencies: { tmcp: '1.12.2' } }, tarball);
	await assert.rejects(npm(older, 'install', './ours.tgz'), /ERESOLVE/);
});

test('an alias replaces the package of the Redis managers, and a program without a Redis server exits', async () => {
	const redis = '@tmcp/session-manager-redis';
	const folder = project('redis', { dependencies: { ...dependencies, [redis]: alias }, overrides });
	useRegistry(folder);
	await npm(folder, 'install');
	const redisProgram = (/** @type {string} */ specifier) => `
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
		const { code } = await managers[0].ready().catch((error) => error);
		console.log(JSON.stringify({ text, code }));
	`;
	for (const specifier of [redis, `${redis}/redis`]) {
		const expected = { text: 'to all', code: 'ERR_BACKPLANE_UNAVAILABLE' };
		assert.deepEqual(JSON.parse(await runModule(folder, redisProgram(specifier))), expected);
	}
});
