// Our package in place of every `@tmcp/session-manager` (0.1.2, 0.2.2 and 0.3.0), by the override entry of each package manager: the
// transports behave the same.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { localDependencies, runInMemory, runStdio } from './local-transports.js';
import { assertServesNatively } from './native-server.js';
import { managers, plugAndPlay } from './package-managers.js';
import { load, managersIn, temporary } from './projects.js';
import { publishRelease } from './release.js';
import { runScenario, runScenario07 } from './scenarios.js';
import { dependencies, dependencies07, kinds, serve, serve07 } from './transports.js';

const all = { ...dependencies, ...dependencies07, ...localDependencies };
/** @type {Awaited<ReturnType<typeof publishRelease>>} */
let release;
/** @type {Record<string, string>} */
let replaced;
/** A project in which each transport has the upstream version of its own range. @type {string} */
let upstreams;
/** A project in which all transports have upstream 0.3.0. @type {string} */
let upstream03;

before(async () => {
	release = await publishRelease();
	replaced = { '@tmcp/session-manager': `npm:${release.name}@${release.version}` };
	upstreams = await install(managers[0], 'upstream', undefined);
	upstream03 = await install(managers[0], 'upstream-0-3', { '@tmcp/session-manager': '0.3.0' });
});
after(() => release.close());

/**
 * @param {import('./package-managers.js').PackageManager} manager
 * @param {string} [name]
 * @param {Record<string, string>} [replacements]
 */
async function install(manager, name = manager.name, replacements = name === manager.name ? replaced : undefined) {
	const folder = join(temporary, name.replaceAll(' ', '-'));
	mkdirSync(folder);
	manager.setUp(folder, { dependencies: all, registry: release.registry, replaced: replacements });
	await manager.install(folder);
	return folder;
}

test('without an override, each transport has the upstream version of its own range', () => {
	assert.deepEqual(managersIn(upstreams), {
		'@tmcp/session-manager': '@tmcp/session-manager',
		'http-0-8/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
		'http-0-9/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
		'in-memory-0-1/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
		'sse-0-6/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
		'stdio-0-5/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
	});
	assert.deepEqual(managersIn(upstream03), { '@tmcp/session-manager': '@tmcp/session-manager' });
});

for (const manager of managers) {
	/** @type {string} */
	let ours;

	test(`${manager.name}: the only session manager in the project is ours`, async () => {
		ours = await install(manager);
		assert.deepEqual([...new Set(Object.values(managersIn(ours)))], ['@tmcp-native/session-manager']);
	});

	test(`${manager.name}: a server runs with the native core`, async () => {
		await assertServesNatively(manager, ours, { transport: 'http-0-9' });
	});

	test(`${manager.name}: every transport imports the same module of ours as @tmcp/session-manager`, async () => {
		const source = `export { InMemorySessionManager as Manager } from '@tmcp/session-manager';`;
		const transports = Object.keys(all).filter((name) => !name.startsWith('tmcp'));
		const classes = await Promise.all(
			transports.map(async (from) => (await load(realpathSync(join(ours, 'node_modules', from)), source)).Manager),
		);
		assert.equal(new Set(classes).size, 1);
		assert.equal(new classes[0]().size, 0, 'only our manager has a size');
	});

	test(`${manager.name}: transport-http 0.7.1 behaves byte for byte as with upstream 0.1.2`, async () => {
		const mine = await runScenario07(await serve07(ours));
		assert.deepEqual(mine, await runScenario07(await serve07(upstreams)));
		const toolsChanged =
			'"data: {\\"jsonrpc\\":\\"2.0\\",\\"method\\":\\"notifications/tools/list_changed\\",\\"params\\":{}}\\n\\n"';
		assert.ok(mine.includes(`given got: ${toolsChanged}`));
		assert.equal(mine.at(-1), 'given got: undefined');
	});

	for (const kind of /** @type {import('./transports.js').Kind[]} */ (Object.keys(kinds))) {
		test(`${manager.name}: ${kind} behaves byte for byte as with upstream 0.3.0`, async () => {
			const mine = await runScenario(await serve(ours, kind));
			assert.deepEqual(mine, await runScenario(await serve(upstream03, kind)));
			assert.equal(mine.filter((line) => line.includes('tools/list_changed')).length, 17, mine.join('\n'));
		});
	}

	test(`${manager.name}: transport-in-memory 0.1.0 behaves as with upstream 0.3.0`, async () => {
		const mine = await runInMemory(ours);
		assert.deepEqual(mine, await runInMemory(upstream03));
		const counts = Object.entries(mine.received).map(([receiver, messages]) => [receiver, messages.length]);
		// Each listen also has its acknowledgement.
		assert.deepEqual(Object.fromEntries(counts), { tools: 3, memo: 4, both: 6, session: 4 });
	});

	test(`${manager.name}: transport-stdio 0.5.0 behaves byte for byte as with upstream 0.3.0`, async () => {
		const mine = await runStdio(ours);
		assert.deepEqual(mine, await runStdio(upstream03));
		assert.deepEqual([mine.code, mine.errors], [0, '']);
		const { session, 'listen tools': tools, 'listen memo': memo } = mine.received;
		// Each listen also has its acknowledgement.
		assert.deepEqual([session.length, tools.length, memo.length], [4, 2, 5]);
	});
}

test('upstream 0.2.2, the version for transport-http 0.8.6, differs from 0.3.0 only in keeping the subscriptions of an ended session', async () => {
	const lines = await Promise.all(
		[upstreams, upstream03].map(async (folder) => runScenario(await serve(folder, 'transport-http 0.8.6'))),
	);
	const [older, newer] = lines;
	const differ = older.map((line, at) => [line, newer[at]]).filter(([a, b]) => a !== b);
	assert.equal(differ.length, 1);
	assert.match(differ[0][0], /^b got: .*resources\/updated/);
	assert.match(differ[0][1], /^b got: .*tools\/list_changed/);
});

test('transport-http 0.7.1 behaves the same through node:http and fetch', { timeout: 60_000 }, async () => {
	const ours = join(temporary, managers[0].name);
	assert.deepEqual(await runScenario07(await serve07(ours), true), await runScenario07(await serve07(upstreams), true));
});

test(`${plugAndPlay.name}: a server runs with the native core, without a node_modules folder`, async () => {
	const folder = await install(plugAndPlay);
	await assertServesNatively(plugAndPlay, folder, { transport: 'http-0-9' });
	assert.equal(existsSync(join(folder, 'node_modules')), false);
	const program = `
		import { createRequire } from 'node:module';
		const names = ['http-0-7', 'http-0-8', 'sse-0-6', 'in-memory-0-1', 'stdio-0-5'];
		for (const name of names) console.log(createRequire(import.meta.resolve(name)).resolve('@tmcp/session-manager'));`;
	writeFileSync(join(folder, 'main.js'), program);
	const files = (await plugAndPlay.run(folder, 'main.js')).trim().split('\n');
	assert.equal(files.length, 5);
	for (const file of files) assert.match(file, /[\\/]@tmcp-native[\\/]session-manager[\\/]lib[\\/]index\.js$/);
});
