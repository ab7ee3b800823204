// A program that serves tmcp's transport-http with our package.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a client of the program receives. */
const received = ['200 packed', '202 ', '{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}'];

/**
 * Asserts that a server runs in a project with the native core of our package, and that a client receives its messages.
 *
 * @param {import('./package-managers.js').PackageManager} packageManager that of the project
 * @param {string} folder
 * @param {object} specifiers
 * @param {string} specifiers.transport specifier of transport-http 0.9
 * @param {string} [specifiers.manager] specifier of the manager to pass to the transport, instead of its default
 */
export async function assertServesNatively(packageManager, folder, { transport, manager }) {
	writeFileSync(join(folder, 'server.js'), programServing(transport, manager));
	const { file, ...result } = JSON.parse(await packageManager.run(folder, 'server.js'));
	assert.deepEqual(result, { name: '@tmcp-native/session-manager', isNative: true, received }, file);
}

/**
 * Returns a program that prints, as JSON, the package and the file of the manager, its `isNative`, and what a client received.
 *
 * @param {string} transport
 * @param {string} [manager]
 */
function programServing(transport, manager) {
	const given = manager === undefined ? '' : ', sessionManager: { streams: new given.InMemoryStreamSessionManager() }';
	return `
		import { createRequire } from 'node:module';
		import { pathToFileURL } from 'node:url';
		import { HttpTransport } from '${transport}';
		import { McpServer } from 'tmcp';

		const importer = ${manager === undefined ? `import.meta.resolve('${transport}')` : 'import.meta.url'};
		const require = createRequire(importer);
		const file = require.resolve('${manager ?? '@tmcp/session-manager'}');
		const { name } = require('${manager ?? '@tmcp/session-manager'}/package.json');
		const given = await import(pathToFileURL(file).href);

		const capabilities = { tools: { listChanged: true } };
		const server = new McpServer({ name: 'packed', version: '1.0.0', description: 'a server' }, { capabilities });
		const tool = (name) => server.tool({ name, description: name }, () => ({ content: [] }));
		tool('first');
		const transport = new HttpTransport(server, { path: '/mcp', getSessionId: () => 'a'${given} });
		const ask = (method, message) =>
			transport.respond(
				new Request('http://localhost/mcp', {
					method,
					headers: {
						'content-type': 'application/json',
						accept: method === 'POST' ? 'application/json, text/event-stream' : 'text/event-stream',
						'mcp-protocol-version': '2025-06-18',
						...(message?.method === 'initialize' ? {} : { 'mcp-session-id': 'a' }),
					},
					body: message && JSON.stringify({ jsonrpc: '2.0', ...message }),
				}),
			);
		const dataIn = (text) => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data);
		const clientInfo = { name: 'client', version: '1.0.0' };
		const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
		const initialized = await ask('POST', { id: 1, method: 'initialize', params });
		const { result } = JSON.parse(dataIn(await initialized.text())[0]);
		const accepted = await ask('POST', { method: 'notifications/initialized' });
		const stream = await ask('GET');
		const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
		tool('second');
		let text = '';
		while (!text.includes('list_changed')) text += (await reader.read()).value;
		await reader.cancel();
		const received = [
			initialized.status + ' ' + result.serverInfo.name,
			accepted.status + ' ' + (await accepted.text()),
			...dataIn(text),
		];
		console.log(JSON.stringify({ file, name, isNative: given.isNative, received }));`;
}
