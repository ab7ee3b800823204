// The transports of tmcp 1.20.0, unchanged, in one folder: with our stream manager handed over, or with upstream's.

import { load, npm, project } from './folders.js';
import { makeServer } from './mcp.js';

export const kinds = {
	'transport-http 0.9.0': { name: 'HttpTransport', paths: { stream: '/mcp', message: '/mcp' } },
	'transport-sse 0.6.0': { name: 'SseTransport', paths: { stream: '/sse', message: '/message' } },
};

/** @typedef {keyof typeof kinds} Kind */

/** @param {string} tarball */
export async function installTransports(tarball) {
	const dependencies = {
		'@tmcp-native/session-manager': 'file:./ours.tgz',
		'@tmcp/session-manager': '0.3.0',
		'@tmcp/transport-http': '0.9.0',
		'@tmcp/transport-sse': '0.6.0',
		tmcp: '1.20.0',
	};
	const folder = project('transports', { dependencies }, tarball);
	await npm(folder, 'install');
	const modules = await load(
		folder,
		`export { McpServer } from 'tmcp';
		export { HttpTransport } from '@tmcp/transport-http';
		export { SseTransport } from '@tmcp/transport-sse';
		export { InMemoryStreamSessionManager as Ours } from '@tmcp-native/session-manager';
		export { InMemoryStreamSessionManager as Upstreams } from '@tmcp/session-manager';`,
	);
	return {
		folder,
		Ours: modules.Ours,
		Upstreams: modules.Upstreams,
		/**
		 * @param {Kind} kind
		 * @param {object} streams the stream manager to hand over
		 */
		make(kind, streams) {
			const { name, paths } = kinds[kind];
			const server = makeServer(modules.McpServer);
			const options = { path: paths.stream, getSessionId: () => 'given', sessionManager: { streams } };
			return { server, transport: new modules[name](server, options), paths };
		},
	};
}
