// A tmcp server whose transport creates its managers itself: they are this package by an entry in package.json.

import { isNative } from '@tmcp/session-manager';
import { HttpTransport } from '@tmcp/transport-http';
import { McpServer } from 'tmcp';

const server = new McpServer(
	{ name: 'bundled', version: '1.0.0', description: 'a server for tests' },
	{ adapter: undefined, capabilities: { tools: { listChanged: true } } },
);
server.tool({ name: 'core', description: 'Changes the list of tools, and tells the core' }, () => {
	server.tool({ name: 'added', description: 'Added while a client listens' }, () => ({ content: [] }));
	return { content: [{ type: 'text', text: isNative ? 'native' : 'JavaScript' }] };
});

const transport = new HttpTransport(server, { path: '/mcp' });

/**
 * @param {Request} request
 * @returns {Promise<Response | null>}
 */
export const respond = (request) => transport.respond(request);
