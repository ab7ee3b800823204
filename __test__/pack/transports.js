// The published transports of tmcp in one folder, each installed under a name with its version.

import { load } from './projects.js';
import { makeServer } from './recording-clients.js';

/** The transports that work with tmcp 1.20. */
export const dependencies = {
	'http-0-8': 'npm:@tmcp/transport-http@0.8.6',
	'http-0-9': 'npm:@tmcp/transport-http@0.9.0',
	'sse-0-6': 'npm:@tmcp/transport-sse@0.6.0',
	tmcp: '1.20.0',
};

const http = { stream: '/mcp', message: '/mcp' };

export const kinds = {
	'transport-http 0.8.6': { from: 'http-0-8', name: 'HttpTransport', paths: http, answersOnStream: false },
	'transport-http 0.9.0': { from: 'http-0-9', name: 'HttpTransport', paths: http, answersOnStream: false },
	'transport-sse 0.6.0': {
		from: 'sse-0-6',
		name: 'SseTransport',
		paths: { stream: '/sse', message: '/message' },
		answersOnStream: true,
	},
};

/**
 * transport-http 0.7.1 needs an older tmcp: from 1.16.0 on, tmcp reports a changed list by an event that this transport does not
 * listen to. tmcp 1.13.0 is outside of its peer range (^1.15.3), but works, because the transport does not import it.
 */
export const dependencies07 = { 'http-0-7': 'npm:@tmcp/transport-http@0.7.1', 'tmcp-1-13': 'npm:tmcp@1.13.0' };

/** @typedef {keyof typeof kinds} Kind */

/**
 * @param {string} folder
 * @param {Kind} kind
 * @param {object} [streams] stream manager for the transport, instead of its default
 * @returns {Promise<import('./scenarios.js').ServedTransport>}
 */
export async function serve(folder, kind, streams) {
	const { from, name, paths, answersOnStream } = kinds[kind];
	const { McpServer, Transport } = await transportIn(folder, 'tmcp', from, name);
	const server = makeServer(McpServer);
	const given = { path: paths.stream, getSessionId: () => 'given' };
	const options = streams === undefined ? given : { ...given, sessionManager: { streams } };
	return { server, transport: new Transport(server, options), paths, answersOnStream };
}

/** @param {string} folder */
export async function serve07(folder) {
	const { McpServer, Transport } = await transportIn(folder, 'tmcp-1-13', 'http-0-7', 'HttpTransport');
	const server = makeServer(McpServer);
	const transport = new Transport(server, { path: http.stream, getSessionId: () => 'given' });
	return { server, transport, paths: http };
}

/**
 * @param {string} folder
 * @param {string} tmcp
 * @param {string} from
 * @param {string} name
 */
function transportIn(folder, tmcp, from, name) {
	return load(folder, `export { McpServer } from '${tmcp}'; export { ${name} as Transport } from '${from}';`);
}
