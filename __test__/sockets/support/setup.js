// A host with a manager and its web app, and sessions whose clients see each byte.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { attachNativeDelivery } from '../hosts/listening.js';
import * as nodeLoop from '../hosts/node-loop.js';
import { ExpectedStream } from './expected-stream.js';
import { RawClient } from './raw-client.js';
import { until, within } from './until.js';
import { pathOf, WebApp } from './web-app.js';

/** @import { TestContext } from 'node:test' */
/** @import { Host, HostOptions } from '../hosts/listening.js' */
/** @import { RawClientOptions, RawRequest } from './raw-client.js' */
/** @import { RawResponse } from './raw-response.js' */

/**
 * @typedef {object} SetupOptions
 * @property {(options: HostOptions) => Promise<Host>} [start] of a host; plain node:http with a loop by default
 * @property {object} [manager] options of the manager
 * @property {ConstructorParameters<typeof WebApp>[1]} [app] options of the web app
 * @property {HostOptions['prepare']} [prepare]
 * @property {boolean} [attach] attaches native delivery, as by default
 */

/** Number of messages after which a session that could be direct would be. */
const ENOUGH_MESSAGES = 30;

export const isAvailable = attachNativeDelivery !== undefined;

/**
 * Starts a host that is stopped after the test.
 *
 * @param {TestContext} test
 * @param {SetupOptions} [options]
 */
export async function setUp(
	test,
	{ start = nodeLoop.start, manager: options, app: appOptions, prepare, attach = true } = {},
) {
	const manager = new InMemoryStreamSessionManager(options);
	const app = new WebApp(manager, appOptions);
	/** @type {Map<string, import('node:http').ServerResponse>} */
	const responses = new Map();
	const host = await start({
		fetch: app.fetch,
		attach: attach && isAvailable,
		prepare: (server) => {
			server.prependListener('request', ({ url = '' }, response) => responses.set(url, response));
			prepare?.(server);
		},
	});
	/** @type {RawClient[]} */
	const clients = [];
	test.after(async () => {
		for (const client of clients) client.leave();
		await host.stop();
		await manager.close();
	});

	/** @param {RawClientOptions} [clientOptions] */
	async function connect(clientOptions) {
		const client = await RawClient.connect(host.port, clientOptions);
		clients.push(client);
		return client;
	}

	/**
	 * Opens the stream of a session.
	 *
	 * @param {string} id
	 * @param {RawRequest & { client?: RawClient, pieceBytes?: number, allowHalfOpen?: boolean }} [request] `client`: a
	 *   connection that is open
	 */
	async function open(id, { client, pieceBytes, allowHalfOpen, ...request } = {}) {
		const used =
			client ?? (await connect({ ...(pieceBytes && { pieceBytes }), ...(allowHalfOpen && { allowHalfOpen }) }));
		const created = app.created(id);
		const response = used.request(pathOf(id), request);
		await within(created, () => `session ${id} is created`);
		return new TestSession(setup, id, used, response);
	}

	const setup = {
		manager,
		app,
		host,
		connect,
		open,
		/** Returns the response of Node.js for the stream of a session. @param {string} id */
		responseOf: (id) => /** @type {import('node:http').ServerResponse} */ (responses.get(pathOf(id))),
		/** Number of direct sessions. */
		get direct() {
			return host.delivery?.stats().direct ?? 0;
		},
		/** Number of sessions that stay ordinary, by reason. */
		get fallback() {
			return host.delivery?.stats().fallback ?? {};
		},
	};
	return setup;
}

/** @typedef {Awaited<ReturnType<typeof setUp>>} Setup */

/**
 * Opens a session `a` that is direct.
 *
 * @param {Parameters<typeof setUp>[0]} test
 * @param {Parameters<typeof setUp>[1]} [options]
 */
export async function openDirect(test, options) {
	const setup = await setUp(test, options);
	const session = await setup.open('a');
	await session.becomesDirect();
	return { setup, session };
}

/** A session, its client, and all that was sent to it. */
export class TestSession {
	#setup;
	expected = new ExpectedStream();

	/**
	 * @param {Setup} setup
	 * @param {string} id
	 * @param {RawClient} client
	 * @param {RawResponse} response
	 */
	constructor(setup, id, client, response) {
		this.#setup = setup;
		this.id = id;
		this.client = client;
		this.response = response;
	}

	/** Sends a message to this session only. @param {string} text */
	send(text) {
		this.expected.message(Buffer.from(text));
		this.#setup.manager.send([this.id], text);
	}

	/** Resolves when the client has received all messages. */
	async settled() {
		const { length } = this.expected;
		await within(
			this.response.reaches(length),
			() => `the client of ${this.id} has ${length} bytes; it has ${this.response.length}`,
		);
	}

	/** Sends messages until the session is direct. */
	async becomesDirect() {
		const before = this.#setup.direct;
		for (let messages = 1; messages <= ENOUGH_MESSAGES; messages++) {
			this.send(`: message ${messages}\n\n`);
			await this.settled();
			if (!isAvailable) return;
			await turn();
			if (this.#setup.direct > before) return;
		}
		const { fallback } = this.#setup;
		assert.fail(`${this.id} is not direct after ${ENOUGH_MESSAGES} messages: ${JSON.stringify(fallback)}`);
	}

	/**
	 * Sends messages, and asserts that the session does not become direct.
	 *
	 * @param {...string} reasons one of them is counted; none where the reason depends on the version of Node.js
	 */
	async staysOrdinary(...reasons) {
		const before = this.#setup.direct;
		for (let messages = 1; messages <= ENOUGH_MESSAGES; messages++) {
			this.send(`: message ${messages}\n\n`);
			await turn();
			await turn();
			assert.equal(this.#setup.direct, before, 'the session is direct');
		}
		if (!isAvailable || reasons.length === 0) return;
		const isCounted = () => reasons.some((reason) => this.#setup.fallback[reason] > 0);
		// Some reasons are certain only after a second.
		await until(
			() => {
				if (!isCounted()) this.send(': message\n\n');
				return isCounted();
			},
			`the session is counted as ${reasons.join(' or ')}`,
		);
		assert.equal(this.#setup.direct, before, 'the session is direct');
	}

	/** Asserts that a session is counted as ordinary for one of these reasons. @param {...string} reasons */
	isCounted(...reasons) {
		if (!isAvailable || reasons.length === 0) return;
		const { fallback } = this.#setup;
		assert.ok(
			reasons.some((reason) => fallback[reason] > 0),
			`counted as ${JSON.stringify(fallback)}, and not as ${reasons.join(' or ')}`,
		);
	}

	/** Asserts that the response ends completely, with exactly the messages. */
	async ends() {
		assert.equal(await within(this.response.ended, () => `the response of ${this.id} ends`), 'complete');
		this.expected.verify(this.response.body, this.id, true);
	}

	/** Deletes the session, and asserts that the client has received all messages and the end. */
	async isDeleted() {
		this.#setup.manager.delete(this.id);
		await this.ends();
	}

	/** Resolves when the manager has no session with this id. */
	isGone() {
		return until(() => !this.#setup.manager.ids().includes(this.id), `session ${this.id} is removed`);
	}
}
