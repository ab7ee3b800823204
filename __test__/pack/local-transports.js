// The published transports of tmcp that use no HTTP. Both make their own subscription manager, so only an override puts ours in
// its place. Each scenario returns what its clients receive, so that tests can compare.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { bare, load } from './projects.js';
import { makeServer, watched } from './recording-clients.js';

export const localDependencies = {
	'in-memory-0-1': 'npm:@tmcp/transport-in-memory@0.1.0',
	'stdio-0-5': 'npm:@tmcp/transport-stdio@0.5.0',
};

const META = 'io.modelcontextprotocol';
const VERSION = '2026-07-28';
const initialize = {
	protocolVersion: '2025-06-18',
	capabilities: {},
	clientInfo: { name: 'client', version: '1.0.0' },
};

/**
 * Runs a session and three listens through transport-in-memory.
 *
 * @param {string} folder
 */
export async function runInMemory(folder) {
	const { McpServer, InMemoryTransport } = await load(
		folder,
		`export { McpServer } from 'tmcp'; export { InMemoryTransport } from 'in-memory-0-1';`,
	);
	const server = makeServer(McpServer);
	const transport = new InMemoryTransport(server);
	const session = transport.session('session');
	const [ada, bob] = [transport.stateless(), transport.stateless()];
	const answers = [await session.request('initialize', initialize), await ada.listTools()];

	const tools = await ada.listen({ toolsListChanged: true });
	const memo = await ada.listen({ resourceSubscriptions: [watched] });
	const both = await bob.listen({ toolsListChanged: true, resourceSubscriptions: [watched] });
	for (const change of [['tools'], ['resource', watched], ['resources'], ['tools']]) server.changed(...change);
	await turn();
	answers.push(await tools.close());
	server.changed('tools');
	server.changed('resource', watched);
	await turn();
	const beforeBobLeft = both.messages;
	await bob.close();
	server.changed('resource', watched);
	await turn();
	const received = {
		tools: tools.messages,
		memo: memo.messages,
		both: beforeBobLeft,
		session: session.broadcastMessages,
	};
	await transport.close();
	return { answers, received };
}

const STDIO_SERVER = `
import { McpServer } from 'tmcp';
import { StdioTransport } from 'stdio-0-5';
import { makeServer, watched } from '${new URL('recording-clients.js', import.meta.url).href}';

const server = makeServer(McpServer);
const changes = { tools: ['tools'], memo: ['resource', watched] };
for (const [name, change] of Object.entries(changes)) {
	server.tool({ name, description: 'Announces a change' }, () => {
		server.changed(...change);
		return { content: [] };
	});
}
new StdioTransport(server).listen();
`;

/**
 * Runs a session and two listens through transport-stdio, in a process of its own.
 *
 * @param {string} folder
 */
export async function runStdio(folder) {
	writeFileSync(join(folder, 'stdio.mjs'), STDIO_SERVER);
	const child = spawn(process.execPath, ['stdio.mjs'], { cwd: folder, env: bare });
	const exited = once(child, 'exit');
	let errors = '';
	child.stderr.setEncoding('utf8').on('data', (text) => {
		errors += text;
	});
	/** The lines for each receiver: a listen by its id, a request by its id, or the session. @type {Record<string, string[]>} */
	const received = {};
	const lines = linesOf(child.stdout);

	/** Reads lines until this receiver has this number of them. @param {string} receiver @param {number} count */
	const until = async (receiver, count) => {
		while ((received[receiver] ?? []).length < count) {
			const { done, value } = await lines.next();
			assert.ok(!done, `the server has ended: ${errors}`);
			record(value);
		}
	};
	/** @param {string} line */
	const record = (line) => {
		const { id, params } = JSON.parse(line);
		const listen = params?._meta?.[`${META}/subscriptionId`];
		const receiver = listen !== undefined ? `listen ${listen}` : id !== undefined ? `request ${id}` : 'session';
		received[receiver] ??= [];
		received[receiver].push(line);
	};
	const write = (/** @type {object} */ message) =>
		child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
	let requests = 0;
	/** @param {string} method @param {object} params */
	const ask = async (method, params) => {
		const id = ++requests;
		write({ id, method, params });
		await until(`request ${id}`, 1);
	};
	/** @param {string} id @param {object} notifications */
	const listen = async (id, notifications) => {
		const _meta = { [`${META}/protocolVersion`]: VERSION, [`${META}/clientCapabilities`]: {} };
		write({ id, method: 'subscriptions/listen', params: { notifications, _meta } });
		await until(`listen ${id}`, 1);
	};
	const change = (/** @type {string} */ name) => ask('tools/call', { name, arguments: {} });

	await ask('initialize', initialize);
	write({ method: 'notifications/initialized' });
	await ask('resources/subscribe', { uri: watched });
	await listen('tools', { toolsListChanged: true });
	await listen('memo', { toolsListChanged: true, resourceSubscriptions: [watched] });
	await change('tools');
	await change('memo');
	await until('listen tools', 2);
	await until('listen memo', 3);
	write({ method: 'notifications/cancelled', params: { requestId: 'tools' } });
	await change('memo');
	await change('tools');
	await until('listen memo', 5);
	child.stdin.end();
	for await (const line of lines) record(line);
	const [code] = await exited;
	return { code, errors, received };
}

/**
 * Splits a text at line feeds only: `node:readline` also splits at U+2028, which JSON does not escape.
 *
 * @param {import('node:stream').Readable} readable
 */
async function* linesOf(readable) {
	let rest = '';
	for await (const chunk of readable.setEncoding('utf8')) {
		const lines = (rest + chunk).split('\n');
		rest = lines.pop() ?? '';
		yield* lines;
	}
	assert.equal(rest, '');
}
