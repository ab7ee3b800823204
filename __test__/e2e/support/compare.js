// Runs a scenario with upstream's managers, with ours, and with ours and native delivery, and compares everything that the
// clients received.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ours, upstreams } from './installations.js';
import { ListenClient } from './listen-client.js';
import { listen } from './listener.js';
import { makeNotesServer } from './notes-server.js';
import { SessionClient } from './session-client.js';

/** @typedef {'http' | 'sse'} Kind */
/** @typedef {Awaited<ReturnType<typeof startSetup>>} Setup */

const LONG_ENOUGH = { timeout: 30_000 };

/**
 * Defines a test for each kind of transport.
 *
 * @param {string} fact
 * @param {readonly Kind[]} kinds
 * @param {(setup: Setup) => Promise<unknown>} scenario contains assertions; its results with both managers are compared too
 */
export function testBoth(fact, kinds, scenario) {
	for (const kind of kinds) {
		const over = { http: 'HttpTransport', sse: 'SseTransport' }[kind];
		test(`over ${over}, ${fact}, with upstream’s managers and with ours`, LONG_ENOUGH, async () => {
			const theirs = await run(upstreams, kind, scenario);
			for (const isNative of [false, true]) {
				const mine = await run(ours, kind, scenario, isNative);
				assert.deepEqual(mine, theirs, isNative ? 'with native delivery' : 'without native delivery');
			}
		});
	}
}

/**
 * @param {import('./installations.js').Installation} installation
 * @param {Kind} kind
 * @param {(setup: Setup) => Promise<unknown>} scenario
 * @param {boolean} [isNative] true with native delivery
 */
async function run(installation, kind, scenario, isNative) {
	const setup = await startSetup(installation, kind, isNative);
	try {
		const returned = await scenario(setup);
		const all = [...setup.clients, ...setup.listeners];
		return {
			returned,
			received: Object.fromEntries(all.map(({ name, received }) => [name, received])),
			errors: all.flatMap(({ name, errors }) => errors.map(({ message }) => `${name}: ${message}`)),
			// Clients are served in parallel, so the order of requests may differ.
			exchanges: setup.exchanges.map(({ method, path, status }) => `${method} ${path}: ${status}`).sort(),
		};
	} finally {
		await setup.close();
	}
}

/**
 * @param {import('./installations.js').Installation} installation
 * @param {Kind} kind
 * @param {boolean} [isNative]
 */
async function startSetup(installation, kind, isNative) {
	const server = makeNotesServer(installation, 20);
	const transport =
		kind === 'http'
			? new installation.HttpTransport(server, { path: '/mcp', allowedOrigins: [] })
			: new installation.SseTransport(server, { path: '/sse', endpoint: '/message', allowedOrigins: [] });
	const { origin, exchanges, until, close } = await listen(transport, { isNative });
	/** @type {SessionClient[]} */
	const clients = [];
	/** @type {ListenClient[]} */
	const listeners = [];

	/**
	 * Connects a client of the SDK, and waits for its stream.
	 *
	 * @param {string} name
	 * @param {object} [capabilities]
	 */
	async function connect(name, capabilities) {
		const client = new SessionClient(name, kind, origin, capabilities);
		clients.push(client);
		await client.connect();
		// Over SSE the stream is open before any other request.
		if (kind === 'http') await until(({ method, session }) => method === 'GET' && session === client.session);
		return client;
	}

	/**
	 * Connects a client for MCP 2026-07-28.
	 *
	 * @param {string} name
	 */
	async function connectListener(name) {
		const client = new ListenClient(name, origin);
		listeners.push(client);
		await client.connect();
		return client;
	}

	return {
		server,
		transport,
		kind,
		origin,
		clients,
		listeners,
		exchanges,
		until,
		connect,
		connectListener,
		/** @param {...string} names */
		connectAll: (...names) => Promise.all(names.map((name) => connect(name))),
		async close() {
			await Promise.all([...clients, ...listeners].map((client) => client.drop()));
			await close();
		},
	};
}
