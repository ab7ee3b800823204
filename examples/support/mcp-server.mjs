// The MCP server of all examples: counters that clients can subscribe to, and tools that change them. Nothing in this file
// depends on this package: the `overrides` in package.json give it to the transport as `@tmcp/session-manager`.

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
 * @property {TransportOptions['sessionManager']} [sessionManager] the managers of the sessions
 * @property {TransportOptions['subscriptionManager']} [subscriptionManager] the manager of the streams of subscriptions/listen
 * @property {CounterState | import('../redis/support/counter-state.mjs').RedisCounterState} [state] the counters, to share them
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
		// Refuses requests from web pages: a website must not reach a server on its visitor's machine.
		allowedOrigins: [],
		sessionManager,
		subscriptionManager,
	});
	return { server, transport, counters };
}

/**
 * @param {McpServer<any>} server
 * @param {NonNullable<Options['state']>} state some methods of the Redis state are asynchronous
 */
function addCounters(server, state) {
	// Each server registers its own tools and resources, and tmcp notifies all clients of a new one. So everything that
	// another thread may add is registered at the start, and enabled when the shared state has it.
	for (const name of state.names) {
		const enabled = () => state.has(name);
		server.resource({ name, uri: counterUri(name), description: `Number of ${name}`, enabled }, async (uri) =>
			resource.text(uri, String(await state.value(name))),
		);
		const hasReset = () => state.hasReset(name);
		server.tool({ name: `reset_${name}`, description: `Sets ${name} to 0`, enabled: hasReset }, async () => {
			await state.reset(name);
			server.changed('resource', counterUri(name));
			return tool.text(`${name}: 0`);
		});
	}

	/** Adds a counter, and notifies all clients (`resources/list_changed`). */
	async function add(/** @type {string} */ name) {
		await state.add(name);
		server.changed('resources');
	}

	/** Adds one to a counter, and notifies its subscribers (`resources/updated`). */
	async function count(/** @type {string} */ name) {
		const value = await state.count(name);
		server.changed('resource', counterUri(name));
		return value;
	}

	/** Adds a tool that resets a counter, and notifies all clients (`tools/list_changed`). */
	async function addReset(/** @type {string} */ name) {
		await state.addReset(name);
		server.changed('tools');
	}

	const schema = z.object({ counter: z.string().refine((name) => state.has(name), 'no such counter') });
	server.tool({ name: 'count', description: 'Adds one to a counter', schema }, async ({ counter }) =>
		tool.text(`${counter}: ${await count(counter)}`),
	);
	server.tool({ name: 'add_reset', description: 'Adds a tool that resets a counter', schema }, async ({ counter }) => {
		await addReset(counter);
		return tool.text(`Added the tool reset_${counter}`);
	});
	server.tool({ name: 'report', description: 'Logs the values of all counters' }, async () => {
		const values = new Map();
		for (const name of state.names) {
			if (await state.has(name)) values.set(name, await state.value(name));
		}
		server.log('info', Object.fromEntries(values));
		return tool.text('Logged for the clients with level info or below');
	});
	return { add, count, addReset };
}
