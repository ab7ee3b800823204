// The MCP server of all programs here: counters that clients subscribe to, and tools that change them. Nothing here is
// about this package: that the transport gets it as `@tmcp/session-manager` stands in package.json, under `overrides`.

import { ZodJsonSchemaAdapter } from '@tmcp/adapter-zod';
import { HttpTransport } from '@tmcp/transport-http';
import { McpServer } from 'tmcp';
import { resource, tool } from 'tmcp/utils';
import { z } from 'zod';
import { PATH } from './address.mjs';
import { CounterState, counterUri } from './counter-state.mjs';

/** @typedef {NonNullable<ConstructorParameters<typeof HttpTransport>[1]>} TransportOptions */

/**
 * @typedef {object} Options
 * @property {TransportOptions['sessionManager']} [sessionManager] to look over a manager's shoulder, or to share sessions
 * @property {TransportOptions['subscriptionManager']} [subscriptionManager] the same for the streams of who listens
 * @property {CounterState | import('../redis/support/counter-state.mjs').RedisCounterState} [state] to share the counters
 */

/** @param {Options} [options] */
export function createMcpServer({ sessionManager, subscriptionManager, state = new CounterState() } = {}) {
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
	const counters = addCounters(server, state);
	const transport = new HttpTransport(server, {
		path: PATH,
		// Browsers' pages are kept out, so that no website can talk to a server on its visitor's machine.
		allowedOrigins: [],
		sessionManager,
		subscriptionManager,
	});
	return { server, transport, counters };
}

/**
 * @param {McpServer<any>} server
 * @param {NonNullable<Options['state']>} state which may have to be waited for
 */
function addCounters(server, state) {
	// tmcp knows tools and resources for each server apart, and tells everybody of each that is registered. What another
	// thread may add is therefore registered from the start, and shown once the shared state says that it is there.
	for (const name of state.names) {
		const enabled = () => state.has(name);
		server.resource({ name, uri: counterUri(name), description: `How many ${name} there were`, enabled }, async (uri) =>
			resource.text(uri, String(await state.value(name))),
		);
		const hasReset = () => state.hasReset(name);
		server.tool({ name: `reset_${name}`, description: `Sets ${name} to 0`, enabled: hasReset }, async () => {
			await state.reset(name);
			server.changed('resource', counterUri(name));
			return tool.text(`${name}: 0`);
		});
	}

	/** Adds a counter. Everybody is told (`resources/list_changed`). */
	async function add(/** @type {string} */ name) {
		await state.add(name);
		server.changed('resources');
	}

	/** Counts one up. Who subscribed to the counter is told (`resources/updated`). */
	async function count(/** @type {string} */ name) {
		const value = await state.count(name);
		server.changed('resource', counterUri(name));
		return value;
	}

	/** Adds a tool that resets a counter. Everybody is told (`tools/list_changed`). */
	async function addReset(/** @type {string} */ name) {
		await state.addReset(name);
		server.changed('tools');
	}

	const schema = z.object({ counter: z.string().refine((name) => state.has(name), 'there is no such counter') });
	server.tool({ name: 'count', description: 'Counts one up', schema }, async ({ counter }) =>
		tool.text(`${counter}: ${await count(counter)}`),
	);
	server.tool({ name: 'add_reset', description: 'Adds a tool that resets a counter', schema }, async ({ counter }) => {
		await addReset(counter);
		return tool.text(`There is a tool reset_${counter} now`);
	});
	server.tool({ name: 'report', description: 'Logs the counters' }, async () => {
		const values = new Map();
		for (const name of state.names) {
			if (await state.has(name)) values.set(name, await state.value(name));
		}
		server.log('info', Object.fromEntries(values));
		return tool.text('There are log messages for those who set a level of info or below');
	});
	return { add, count, addReset };
}
