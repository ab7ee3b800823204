// The ends of direct streams and of their servers, as user code and clients see them: the same as without native delivery.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { hosts } from './hosts/index.js';
import { attachNativeDelivery } from './hosts/listening.js';
import { isAvailable, openDirect, setUp } from './support/setup.js';
import { until, within } from './support/until.js';

const MESSAGES = 60;

/** @param {import('./support/setup.js').TestSession} session */
function sendMany(session) {
	for (let message = 0; message < MESSAGES; message++) session.send(`data: ${message}\n\n`);
}

describe('with native delivery', () => {
	for (const [name, start] of Object.entries(hosts)) {
		it(`a session is gone at once when its client leaves, behind ${name}`, async (test) => {
			/** @type {string[]} */
			const reasons = [];
			const { setup, session } = await openDirect(test, {
				start,
				manager: { onClose: (_id, reason) => reasons.push(reason) },
			});
			session.client.leave();
			// Without native delivery, `pipe` does not cancel the stream.
			if (isAvailable || !name.endsWith('with pipe')) await session.isGone();
			await until(() => setup.direct === 0, 'no session is direct');
			// The web app deletes the session of a stream that is canceled.
			if (isAvailable) assert.ok(['gone', 'deleted'].includes(reasons[0]) && reasons.length === 1, String(reasons));
			const again = await setup.open('a');
			await again.becomesDirect();
			await again.isDeleted();
		});

		it(`a response that ends emits what it emits without, behind ${name}`, async (test) => {
			const { setup, session } = await openDirect(test, { start });
			const response = setup.responseOf('a');
			const finished = once(response, 'finish');
			const closed = once(response, 'close');
			sendMany(session);
			await session.isDeleted();
			await within(finished, () => 'finish');
			await within(closed, () => 'close');
			assert.equal(response.writableEnded, true);
			assert.equal(response.writableFinished, true);
			assert.equal(response.destroyed, true);
		});

		it(`a client that leaves makes its response emit close, behind ${name}`, async (test) => {
			const { setup, session } = await openDirect(test, { start });
			const response = setup.responseOf('a');
			const closed = once(response, 'close');
			session.client.reset();
			await within(closed, () => 'close');
			assert.equal(response.destroyed, true);
		});
	}

	it('a server that is closed serves its open streams until they end', async (test) => {
		const { setup, session } = await openDirect(test);
		const closed = once(setup.host.server, 'close');
		setup.host.server.close();
		for (let message = 0; message < MESSAGES; message++) {
			session.send(`data: ${message}\n\n`);
			await session.settled();
		}
		await session.isDeleted();
		session.client.leave();
		await within(closed, () => 'the server is closed');
	});

	it('closeAllConnections ends the streams, after what was sent before', async (test) => {
		const setup = await setUp(test);
		const sessions = await Promise.all(['a', 'b', 'c'].map((id) => setup.open(id)));
		for (const session of sessions) await session.becomesDirect();
		for (const session of sessions) sendMany(session);
		// Without native delivery, the messages are with the socket a turn later.
		await turn();
		setup.host.server.closeAllConnections();
		for (const session of sessions) {
			assert.equal(await within(session.response.ended, () => 'the response ends'), 'cut');
			session.expected.verify(session.response.body, session.id, true);
			await session.isGone();
		}
		await until(() => setup.direct === 0, 'no session is direct');
	});

	for (const what of /** @type {const} */ (['response', 'socket'])) {
		it(`a ${what} that is destroyed ends the stream, after what was sent before`, async (test) => {
			const { setup, session } = await openDirect(test);
			sendMany(session);
			await turn();
			const response = setup.responseOf('a');
			if (what === 'response') response.destroy();
			else response.socket?.destroy();
			assert.equal(await within(session.response.ended, () => 'the response ends'), 'cut');
			session.expected.verify(session.response.body, 'a', true);
			await session.isGone();
		});
	}

	it('a socket that is ended ends the stream, after what was sent before', async (test) => {
		const { setup, session } = await openDirect(test);
		sendMany(session);
		await turn();
		setup.responseOf('a').socket?.end();
		assert.equal(await within(session.client.closed, () => 'the connection is closed'), 'fin');
		session.expected.verify(session.response.body, 'a', true);
		await session.isGone();
	});

	it('a stream whose controller the application closes sends what was enqueued, and nothing more', async (test) => {
		const { setup, session } = await openDirect(test);
		sendMany(session);
		const controller = setup.app.controllers.get('a');
		controller?.enqueue(Buffer.from('data: last\n\n'));
		session.expected.message(Buffer.from('data: last\n\n'));
		controller?.close();
		setup.manager.send(['a'], 'data: too late\n\n');
		await session.ends();
		await session.isGone();
	});

	for (const where of /** @type {const} */ (['server', 'socket'])) {
		it(`the timeout of a ${where} ends only a stream on which nothing is sent`, async (test) => {
			const TIMEOUT_MS = 400;
			const setup = await setUp(test, {
				prepare: (server) => {
					if (where === 'server') server.timeout = TIMEOUT_MS;
				},
			});
			const session = await setup.open('a');
			if (where === 'socket') setup.responseOf('a').socket?.setTimeout(TIMEOUT_MS, () => socket?.destroy());
			const { socket } = setup.responseOf('a');
			await session.becomesDirect();
			const start = performance.now();
			// Three times the timeout. The pauses are much shorter than it.
			while (performance.now() - start < 3 * TIMEOUT_MS) {
				session.send('data: x\n\n');
				await session.settled();
				await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 8));
			}
			const last = performance.now();
			assert.equal(await within(session.response.ended, () => 'the stream ends'), 'cut');
			const idle = performance.now() - last;
			assert.ok(idle > TIMEOUT_MS / 2, `the stream ended after ${idle} ms`);
			session.expected.verify(session.response.body, 'a', true);
			await session.isGone();
		});
	}

	it('a manager that is closed first ends the streams completely', async (test) => {
		const setup = await setUp(test);
		const sessions = await Promise.all(['a', 'b', 'c'].map((id) => setup.open(id)));
		for (const session of sessions) await session.becomesDirect();
		for (const session of sessions) sendMany(session);
		await setup.manager.close();
		for (const session of sessions) await session.ends();
		await until(() => setup.direct === 0, 'no session is direct');
		const next = sessions[0].client.request('/plain');
		assert.equal(await next.ended, 'complete');
	});

	it('detach leaves direct streams as they are, and makes no others direct', { skip: !isAvailable }, async (test) => {
		const setup = await setUp(test);
		const before = await setup.open('before');
		await before.becomesDirect();
		setup.host.delivery?.detach();
		const after = await setup.open('after');
		for (let message = 0; message < MESSAGES; message++) {
			before.send(`data: ${message}\n\n`);
			after.send(`data: ${message}\n\n`);
			await Promise.all([before.settled(), after.settled()]);
		}
		assert.equal(setup.manager.stats().direct, 1);
		await before.isDeleted();
		await after.isDeleted();
	});

	it('a second call returns what the first one has returned, until detach', { skip: !isAvailable }, async (test) => {
		const setup = await setUp(test);
		const { server, delivery } = setup.host;
		assert.equal(attachNativeDelivery?.(server), delivery);
		delivery?.detach();
		const next = attachNativeDelivery?.(server);
		assert.notEqual(next, delivery);
		const session = await setup.open('a');
		for (let message = 0; next?.stats().direct === 0 && message < MESSAGES; message++) {
			session.send(`data: ${message}\n\n`);
			await session.settled();
			await turn();
		}
		assert.equal(next?.stats().direct, 1);
		await session.isDeleted();
	});
});
