// Plays a scenario with upstream's managers and again with ours, and compares all that the clients saw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen } from './listener.js';
import { ListeningClient } from './listening-client.js';
import { makeNotesServer } from './notes-server.js';
import { ours, upstreams } from './sides.js';
import { WatchingClient } from './watching-client.js';

/** @typedef {'http' | 'sse'} Kind */
/** @typedef {Awaited<ReturnType<typeof openStage>>} Stage */

const LONG_ENOUGH = { timeout: 30_000 };

/**
 * A test for each kind of transport.
 *
 * @param {string} fact
 * @param {readonly Kind[]} kinds
 * @param {(stage: Stage) => Promise<unknown>} scenario asserts what has to be; what it returns has to be equal, too
 */
export function both(fact, kinds, scenario) {
	for (const kind of kinds) {
		const over = { http: 'HttpTransport', sse: 'SseTransport' }[kind];
		test(`over ${over}, ${fact}, with upstream’s managers and with ours`, LONG_ENOUGH, async () => {
			const theirs = await play(upstreams, kind, scenario);
			const mine = await play(ours, kind, scenario);
			assert.deepEqual(mine, theirs);
		});
	}
}

/**
 * @param {import('./sides.js').Side} side
 * @param {Kind} kind
 * @param {(stage: Stage) => Promise<unknown>} scenario
 */
async function play(side, kind, scenario) {
	const stage = await openStage(side, kind);
	try {
		const returned = await scenario(stage);
		const everybody = [...stage.clients, ...stage.listeners];
		return {
			returned,
			told: Object.fromEntries(everybody.map(({ name, told }) => [name, told])),
			errors: everybody.flatMap(({ name, errors }) => errors.map(({ message }) => `${name}: ${message}`)),
			// Clients are served at the same time: the order is not the managers' matter.
			exchanges: stage.exchanges.map(({ method, path, status }) => `${method} ${path}: ${status}`).sort(),
		};
	} finally {
		await stage.close();
	}
}

/**
 * @param {import('./sides.js').Side} side
 * @param {Kind} kind
 */
async function openStage(side, kind) {
	const server = makeNotesServer(side, 20);
	const transport =
		kind === 'http'
			? new side.HttpTransport(server, { path: '/mcp', allowedOrigins: [] })
			: new side.SseTransport(server, { path: '/sse', endpoint: '/message', allowedOrigins: [] });
	const { origin, exchanges, until, close } = await listen(transport);
	/** @type {WatchingClient[]} */
	const clients = [];
	/** @type {ListeningClient[]} */
	const listeners = [];

	/**
	 * Connects a client of the SDK, and waits for its stream.
	 *
	 * @param {string} name
	 * @param {object} [capabilities]
	 */
	async function connect(name, capabilities) {
		const client = new WatchingClient(name, kind, origin, capabilities);
		clients.push(client);
		await client.connect();
		// Over SSE it is there before anything else.
		if (kind === 'http') await until(({ method, session }) => method === 'GET' && session === client.session);
		return client;
	}

	/**
	 * Connects a client for MCP 2026-07-28.
	 *
	 * @param {string} name
	 */
	async function connectListener(name) {
		const client = new ListeningClient(name, origin);
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
