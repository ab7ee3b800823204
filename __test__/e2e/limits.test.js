// The limits of an info manager in a tmcp server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { InMemoryInfoSessionManager } from '../../lib/index.js';

import { ours } from './support/installations.js';

test('a client above maxSessions gets a response, onSessionLimit is called, and the server keeps running', async () => {
	/** @type {string[]} */
	const refused = [];
	const info = new InMemoryInfoSessionManager({ maxSessions: 1, onSessionLimit: (_, id) => refused.push(id) });
	const server = new ours.McpServer({ name: 'limited', version: '1.0.0', description: '' }, { capabilities: {} });
	let last = 0;
	const getSessionId = () => `client ${++last}`;
	const transport = new ours.HttpTransport(server, { path: '/mcp', getSessionId, sessionManager: { info } });
	for (let client = 1; client <= 3; client++) {
		const answer = await transport.respond(initialize());
		assert.equal(answer?.status, 200);
		assert.match((await answer?.text()) ?? '', /"serverInfo":\{"name":"limited"/);
	}
	assert.deepEqual([...new Set(refused)], ['client 2', 'client 3']);
	assert.deepEqual(await info.getClientInfo('client 1'), { name: 'client', version: '1.0.0' });
	await assert.rejects(info.getClientInfo('client 2'));
});

function initialize() {
	const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'client', version: '1.0.0' } };
	return new Request('http://localhost/mcp', {
		method: 'POST',
		headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
	});
}
