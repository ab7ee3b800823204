// The MCP server of both programs: counters that clients subscribe to, and tools that change them. Nothing here is about
// this package: that the transport gets it as `@tmcp/session-manager` stands in package.json, under `overrides`.

import { ZodJsonSchemaAdapter } from '@tmcp/adapter-zod';
import { HttpTransport } from '@tmcp/transport-http';
import { McpServer } from 'tmcp';
import { resource, tool } from 'tmcp/utils';
import { z } from 'zod';

export const PATH = '/mcp';

/** @typedef {NonNullable<ConstructorParameters<typeof HttpTransport>[1]>['sessionManager']} SessionManager */

/**
 * @param {{ sessionManager?: SessionManager }} [options] to look over a manager's shoulder, as the demo does
 */
export function createMcpServer({ sessionManager } = {}) {
	const server = new McpServer(
		{ name: 'counters', version: '1.0.0', description: 'Counters to subscribe to' },
		{
			adapter: new ZodJsonSchemaAdapter(),
			capabilities: {
				logging: {},
				tools: { listChanged: true },
				resources: { listChanged: true, subscribe: true },
			},
		},
	);
	const counters = addCounters(server);
	const transport = new HttpTransport(server, {
		path: PATH,
		// Browsers' pages are kept out, so that no website can talk to a server on its visitor's machine.
		allowedOrigins: [],
		sessionManager,
	});
	return { server, transport, counters };
}

/** @param {McpServer<any>} server */
function addCounters(server) {
	/** @type {Map<string, number>} */
	const values = new Map();

	/** Adds a counter. Everybody is told (`resources/list_changed`). */
	function add(/** @type {string} */ name) {
		values.set(name, 0);
		server.resource({ name, uri: counterUri(name), description: `How many ${name} there were` }, (uri) =>
			resource.text(uri, String(values.get(name))),
		);
	}

	/** Counts one up. Who subscribed to the counter is told (`resources/updated`). */
	function count(/** @type {string} */ name) {
		set(name, values.get(name) + 1);
	}

	/** Adds a tool that resets a counter. Everybody is told (`tools/list_changed`). */
	function addReset(/** @type {string} */ name) {
		server.tool({ name: `reset_${name}`, description: `Sets ${name} to 0` }, () => {
			set(name, 0);
			return tool.text(`${name}: 0`);
		});
	}

	/**
	 * @param {string} name
	 * @param {number} value
	 */
	function set(name, value) {
		values.set(name, value);
		server.changed('resource', counterUri(name));
	}

	for (const name of ['visits', 'orders']) add(name);
	const schema = z.object({ counter: z.string().refine((name) => values.has(name), 'there is no such counter') });
	server.tool({ name: 'count', description: 'Counts one up', schema }, ({ counter }) => {
		count(counter);
		return tool.text(`${counter}: ${values.get(counter)}`);
	});
	server.tool({ name: 'add_reset', description: 'Adds a tool that resets a counter', schema }, ({ counter }) => {
		addReset(counter);
		return tool.text(`There is a tool reset_${counter} now`);
	});
	server.tool({ name: 'report', description: 'Logs the counters' }, () => {
		server.log('info', Object.fromEntries(values));
		return tool.text('There are log messages for those who set a level of info or below');
	});
	return { add, count, addReset };
}

/** @param {string} name */
export function counterUri(name) {
	return `counter://${name}`;
}
