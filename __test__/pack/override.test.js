// In the place of `@tmcp/session-manager` 0.1.2, by npm's `overrides`: the transport that imports it does not notice.
//
// tmcp 1.13.0 stands outside the peer range of this transport (^1.15.3), but from 1.16.0 on tmcp tells of a changed list
// by an event that the transport does not listen to; 1.13.0 tells by the one it does. Hence the override of tmcp.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { load, managersIn, npm, pack, project, transport07 } from './folders.js';
import { Client, directly, Log, listen, makeServer, watched } from './mcp.js';

const { dependencies, overrides } = transport07;
const paths = { stream: '/mcp', message: '/mcp' };
/** @type {string} */
let ours;
/** @type {string} */
let upstreams;

before(async () => {
	const replaced = { ...overrides, '@tmcp/session-manager': 'file:./ours.tgz' };
	ours = project('ours', { dependencies, overrides: replaced }, await pack());
	upstreams = project('upstreams', transport07);
	await npm(ours, 'install');
	await npm(upstreams, 'install');
});

test('there is one session manager in the project, and it is ours', () => {
	assert.deepEqual(managersIn(ours), { '@tmcp/session-manager': '@tmcp-native/session-manager' });
	assert.deepEqual(managersIn(upstreams), { '@tmcp/session-manager': '@tmcp/session-manager' });
});

test('what the transport imports as @tmcp/session-manager is ours', async () => {
	const source = `export const at = import.meta.resolve('@tmcp/session-manager'); export * from '@tmcp/session-manager';`;
	const [seen, program] = [await load(`${ours}/node_modules/@tmcp/transport-http`, source), await load(ours, source)];
	assert.match(seen.at, /\/node_modules\/@tmcp\/session-manager\/lib\/index\.js$/);
	assert.equal(seen.InMemorySessionManager, program.InMemorySessionManager);
	assert.equal(seen.InMemorySessionManager.name, 'InMemoryStreamSessionManager');
	assert.equal(new seen.InMemorySessionManager().size, 0, 'upstream has no size');
});

test('every answer and every event is byte for byte what it is with upstream 0.1.2', async () => {
	const [mine, theirs] = [await converse(ours), await converse(upstreams)];
	assert.deepEqual(mine, theirs);
	assert.ok(
		mine.includes(
			'given got: "data: {\\"jsonrpc\\":\\"2.0\\",\\"method\\":\\"notifications/tools/list_changed\\",\\"params\\":{}}\\n\\n"',
		),
	);
	assert.equal(mine.at(-1), 'given got: undefined');
});

test('so it is through node:http and fetch', { timeout: 60_000 }, async () => {
	assert.deepEqual(await converse(ours, true), await converse(upstreams, true));
});

/**
 * @param {string} folder
 * @param {boolean} [bySocket]
 */
async function converse(folder, bySocket = false) {
	const source = `export { McpServer } from 'tmcp'; export { HttpTransport } from '@tmcp/transport-http';`;
	const { McpServer, HttpTransport } = await load(folder, source);
	const server = makeServer(McpServer);
	const transport = new HttpTransport(server, { path: '/mcp', getSessionId: () => 'given' });
	const http = bySocket ? await listen(transport) : undefined;
	const ask = http?.ask ?? directly(transport);
	const log = new Log();

	const newcomer = new Client('', ask, log, paths);
	await newcomer.initialize();
	const [given, other] = ['given', 'other'].map((id) => new Client(id, ask, log, paths));
	await other.initialize();
	for (const client of [given, other]) {
		await client.post('notifications/initialized');
		await client.open();
		await client.events.next();
	}
	assert.equal((await given.request('/mcp', { method: 'GET' })).status, 409);

	server.changed('tools');
	for (const client of [given, other]) await client.events.next();

	await given.post('resources/subscribe', { uri: watched });
	server.changed('resource', watched);
	server.changed('resources');
	await given.events.next();
	for (const client of [given, other]) await client.events.next();

	await other.post('tools/call', { name: 'greet', arguments: {} });
	server.changed('prompts');
	server.changed('tools');
	await given.end();
	// What was sent before the end is still there to be read.
	await given.events.next();
	await other.events.next();
	assert.equal(await given.events.next(), undefined);

	await http?.close();
	return log.lines;
}
