// Two concurrent GETs for one session: the newer stream replaces the older one, and stays open.
//
// With upstream, the older stream stays open without messages, and ends the newer one when its client disconnects.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { installBoth } from './install-both.js';
import { pack } from './projects.js';
import { Client, directly, Log } from './recording-clients.js';
import { kinds, serve } from './transports.js';

/** @type {Awaited<ReturnType<typeof installBoth>>} */
let installed;

before(async () => {
	installed = await installBoth(await pack());
});

for (const kind of /** @type {import('./transports.js').Kind[]} */ (Object.keys(kinds))) {
	const which = `with ${kind}`;

	test(`${which}, the later of two concurrent GETs is served, and stays open when the client of the earlier one disconnects`, async () => {
		const { server, clients } = await prepare(kind, new installed.Ours());
		const [older, newer] = await Promise.all(clients.map((client) => client.open()));
		assert.deepEqual([older.status, newer.status], [200, 200]);
		assert.equal(await older.next(), undefined);
		await older.cancel();
		await newer.next();
		server.changed('tools');
		assert.match(/** @type {string} */ (await newer.next()), /list_changed/);
	});

	test(`${which} and upstream's manager, the client of the earlier GET ends the later stream when it disconnects`, async () => {
		const { server, clients } = await prepare(kind, new installed.Upstreams());
		const [older, newer] = await Promise.all(clients.map((client) => client.open()));
		for (const stream of [older, newer]) await stream.next();
		server.changed('tools');
		assert.match(/** @type {string} */ (await newer.next()), /list_changed/);
		await older.cancel();
		assert.equal(await newer.next(), undefined);
	});

	test(`${which}, a GET that is accepted late ends the older stream after its queued messages`, async () => {
		const { server, clients, late } = await prepareLate(kind, installed.Ours);
		const [older, newer] = await late(clients);
		await older.next();
		assert.match(/** @type {string} */ (await older.next()), /list_changed/);
		assert.equal(await older.next(), undefined);
		await older.cancel();
		await newer.next();
		server.changed('tools');
		assert.match(/** @type {string} */ (await newer.next()), /list_changed/);
	});

	test(`${which}, a client that reconnects after that gets status 409 while the newer stream is open`, async () => {
		const { server, clients, late } = await prepareLate(kind, installed.Ours);
		const [, newer] = await late(clients);
		assert.equal((await clients[0].open()).status, 409);
		await newer.next();
		await newer.cancel();
		const again = await clients[0].open();
		assert.equal(again.status, 200);
		await again.next();
		await clients[1].end();
		assert.equal(await again.next(), undefined);
		const last = await clients[1].open();
		await last.next();
		server.changed('tools');
		assert.match(/** @type {string} */ (await last.next()), /list_changed/);
	});
}

/**
 * @param {import('./transports.js').Kind} kind
 * @param {object} streams
 */
async function prepare(kind, streams) {
	const { server, transport, paths } = await serve(installed.folder, kind, streams);
	const log = new Log();
	const clients = [1, 2].map(() => new Client('same', directly(transport), log, paths));
	return { server, clients };
}

/**
 * Creates a manager that can delay the result of `has`, as a manager that asks another machine does.
 *
 * @param {import('./transports.js').Kind} kind
 * @param {any} Manager
 */
async function prepareLate(kind, Manager) {
	/** @type {Promise<void> | undefined} */
	let pendingHas;
	class Slow extends Manager {
		/** @param {string} id */
		async has(id) {
			const until = pendingHas;
			const result = await super.has(id);
			await until;
			return result;
		}
	}
	const prepared = await prepare(kind, new Slow());

	/**
	 * The second client sends its GET first. It is accepted after the first client was served and has received an event.
	 *
	 * @param {Client[]} clients
	 */
	const late = async ([first, second]) => {
		/** @type {() => void} */
		let acceptSecond = () => {};
		pendingHas = new Promise((resolve) => {
			acceptSecond = resolve;
		});
		const pending = second.open();
		pendingHas = undefined;
		const older = await first.open();
		prepared.server.changed('tools');
		acceptSecond();
		return [older, await pending];
	};
	return { ...prepared, late };
}
