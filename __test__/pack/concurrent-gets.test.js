// Two GETs for one session, neither of which has heard of the other: the newer stream wins, and stays.
//
// With upstream the older one stays open, gets nothing more, and takes the newer one with it when its client leaves.

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

	test(`${which}, of two GETs at once the later one is served, and outlives the earlier one's client`, async () => {
		const { server, clients } = await prepare(kind, new installed.Ours());
		const [older, newer] = await Promise.all(clients.map((client) => client.open()));
		assert.deepEqual([older.status, newer.status], [200, 200]);
		assert.equal(await older.next(), undefined);
		await older.cancel();
		await newer.next();
		server.changed('tools');
		assert.match(/** @type {string} */ (await newer.next()), /list_changed/);
	});

	test(`${which} and upstream's manager, the earlier one's client ends the later stream by leaving`, async () => {
		const { server, clients } = await prepare(kind, new installed.Upstreams());
		const [older, newer] = await Promise.all(clients.map((client) => client.open()));
		for (const stream of [older, newer]) await stream.next();
		server.changed('tools');
		assert.match(/** @type {string} */ (await newer.next()), /list_changed/);
		await older.cancel();
		assert.equal(await newer.next(), undefined);
	});

	test(`${which}, a GET that was let in late ends the older stream behind what is queued there`, async () => {
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

	test(`${which}, a client that reconnects after that is told of the conflict until it leaves or ends`, async () => {
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
 * A manager that can keep an answer of `has` back, as one that asks another machine does.
 *
 * @param {import('./transports.js').Kind} kind
 * @param {any} Manager
 */
async function prepareLate(kind, Manager) {
	/** @type {Promise<void> | undefined} */
	let kept;
	class Slow extends Manager {
		/** @param {string} id */
		async has(id) {
			const until = kept;
			const answer = await super.has(id);
			await until;
			return answer;
		}
	}
	const prepared = await prepare(kind, new Slow());

	/**
	 * The second client asks first, and is let in when the first one is served and has had an event.
	 *
	 * @param {Client[]} clients
	 */
	const late = async ([first, second]) => {
		/** @type {() => void} */
		let letIn = () => {};
		kept = new Promise((resolve) => {
			letIn = resolve;
		});
		const pending = second.open();
		kept = undefined;
		const older = await first.open();
		prepared.server.changed('tools');
		letIn();
		return [older, await pending];
	};
	return { ...prepared, late };
}
