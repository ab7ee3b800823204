// In the place of every `@tmcp/session-manager`, 0.1.2, 0.2.2 and 0.3.0, by one entry that each package manager has for
// it: the transports that import it do not notice.

import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { managers, plugAndPlay, yarn4 } from './package-managers.js';
import { load, managersIn, pack, temporary } from './projects.js';
import { manifestOf, openRegistry } from './registry.js';
import { converse, converse07 } from './scenarios.js';
import { dependencies, dependencies07, kinds, serve, serve07 } from './transports.js';

const all = { ...dependencies, ...dependencies07 };
/** @type {Awaited<ReturnType<typeof openRegistry>>} */
let registry;
/** @type {Record<string, string>} */
let replaced;
/** Each transport with the upstream it asks for. @type {string} */
let upstreams;
/** All of them with upstream 0.3.0. @type {string} */
let upstream03;

before(async () => {
	const tarball = await pack();
	const { name, version } = manifestOf(tarball);
	replaced = { '@tmcp/session-manager': `npm:${name}@${version}` };
	registry = await openRegistry(tarball);
	upstreams = await install(managers[0], 'upstream', undefined);
	upstream03 = await install(managers[0], 'upstream-0-3', { '@tmcp/session-manager': '0.3.0' });
});
after(() => registry.close());

/**
 * @param {import('./package-managers.js').PackageManager} manager
 * @param {string} [name]
 * @param {Record<string, string>} [instead]
 */
async function install(manager, name = manager.name, instead = name === manager.name ? replaced : undefined) {
	const folder = join(temporary, name.replaceAll(' ', '-'));
	mkdirSync(folder);
	manager.setUp(folder, { dependencies: all, registry: registry.address, replaced: instead });
	await manager.install(folder);
	return folder;
}

test('with no entry, each transport has the version of upstream that it asks for', () => {
	assert.deepEqual(managersIn(upstreams), {
		'@tmcp/session-manager': '@tmcp/session-manager',
		'http-0-8/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
		'http-0-9/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
		'sse-0-6/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
	});
	assert.deepEqual(managersIn(upstream03), { '@tmcp/session-manager': '@tmcp/session-manager' });
});

for (const manager of managers) {
	/** @type {string} */
	let ours;

	test(`${manager.name}: there is no session manager in the project but ours`, async () => {
		ours = await install(manager);
		assert.deepEqual([...new Set(Object.values(managersIn(ours)))], ['@tmcp-native/session-manager']);
	});

	test(`${manager.name}: what each transport imports as @tmcp/session-manager is one and the same, ours`, async () => {
		const source = `export { InMemorySessionManager as Manager } from '@tmcp/session-manager';`;
		const froms = Object.keys(all).filter((name) => !name.startsWith('tmcp'));
		const classes = await Promise.all(
			froms.map(async (from) => (await load(realpathSync(join(ours, 'node_modules', from)), source)).Manager),
		);
		assert.equal(new Set(classes).size, 1);
		assert.equal(new classes[0]().size, 0, 'upstream has no size');
	});

	test(`${manager.name}: transport-http 0.7.1 does to the byte what it does with upstream 0.1.2`, async () => {
		const mine = await converse07(await serve07(ours));
		assert.deepEqual(mine, await converse07(await serve07(upstreams)));
		const toolsChanged =
			'"data: {\\"jsonrpc\\":\\"2.0\\",\\"method\\":\\"notifications/tools/list_changed\\",\\"params\\":{}}\\n\\n"';
		assert.ok(mine.includes(`given got: ${toolsChanged}`));
		assert.equal(mine.at(-1), 'given got: undefined');
	});

	for (const kind of /** @type {import('./transports.js').Kind[]} */ (Object.keys(kinds))) {
		test(`${manager.name}: ${kind} does to the byte what it does with upstream 0.3.0`, async () => {
			const mine = await converse(await serve(ours, kind));
			assert.deepEqual(mine, await converse(await serve(upstream03, kind)));
			assert.equal(mine.filter((line) => line.includes('tools/list_changed')).length, 17, mine.join('\n'));
		});
	}
}

test('upstream 0.2.2, which transport-http 0.8.6 asks for, is as 0.3.0 but keeps the subscriptions of a session that ended', async () => {
	const lines = await Promise.all(
		[upstreams, upstream03].map(async (folder) => converse(await serve(folder, 'transport-http 0.8.6'))),
	);
	const [older, newer] = lines;
	const differ = older.map((line, at) => [line, newer[at]]).filter(([a, b]) => a !== b);
	assert.equal(differ.length, 1);
	assert.match(differ[0][0], /^b got: .*resources\/updated/);
	assert.match(differ[0][1], /^b got: .*tools\/list_changed/);
});

test('so it is through node:http and fetch', { timeout: 60_000 }, async () => {
	const ours = join(temporary, managers[0].name);
	assert.deepEqual(await converse07(await serve07(ours), true), await converse07(await serve07(upstreams), true));
});

test(`${plugAndPlay.name}: there are no folders of packages, and the transports get it all the same`, async () => {
	const folder = await install(plugAndPlay);
	const lines = Object.values(kinds).map(({ from, name }) => `import { ${name} as T${from.at(-1)} } from '${from}';`);
	const source = `${lines.join('\n')}
		import { McpServer } from 'tmcp';
		import { createRequire } from 'node:module';
		const at = createRequire(import.meta.resolve('http-0-9')).resolve('@tmcp/session-manager');
		const server = new McpServer({ name: 'a', version: '1', description: '' }, { capabilities: { tools: {} } });
		for (const Transport of [T8, T9, T6]) new Transport(server, { path: '/mcp' });
		console.log(at);`;
	writeFileSync(join(folder, 'main.js'), source);
	assert.match(await yarn4(folder, 'node', 'main.js'), /[\\/]@tmcp-native[\\/]session-manager[\\/]lib[\\/]index\.js$/m);
});
