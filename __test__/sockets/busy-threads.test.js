// Sessions become direct while other threads send to them all the time, so that there is no moment at which no message waits
// for this thread. Each client receives the messages of each thread without a gap, without a duplicate, and in order.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';

import { hosts } from './hosts/index.js';
import { isAvailable, setUp } from './support/setup.js';
import { until, within } from './support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { Response } from './support/response.js' */

const IDS = ['a', 'b', 'c', 'd'];
const PROGRAM = new URL('./programs/sending-thread.js', import.meta.url);
/** More than one turn of the event loop takes out of a mailbox, and more than a response takes at once. */
const BACKLOG_BYTES = 1024 * 1024;
const LAST = 'data: main last\n\n';

/**
 * Resolves to a thread that sends to all sessions.
 *
 * @param {TestContext} test
 * @param {string} scope
 * @param {string} name
 */
async function startSender(test, scope, name) {
	const worker = new Worker(PROGRAM, { workerData: { scope, ids: IDS, name } });
	test.after(() => worker.terminate());
	await within(once(worker, 'message'), () => 'the thread sends');
	return {
		/** Resolves to the number of messages that it has sent. @returns {Promise<number>} */
		async stop() {
			worker.postMessage('stop');
			const [sent] = await within(once(worker, 'message'), () => 'the thread stops');
			return sent;
		},
	};
}

/** @param {import('./support/setup.js').Setup} setup */
function bytesInMailbox({ manager }) {
	return /** @type {{ mailboxBytes: number }} */ (/** @type {unknown} */ (manager.stats())).mailboxBytes;
}

/**
 * Asserts that the messages of each sender are there without a gap. Returns the number of the last message of each.
 *
 * @param {Response} response
 */
function lastMessages(response) {
	/** @type {Record<string, number>} */
	const last = {};
	for (const [, name, number] of response.text.matchAll(/^data: (\w+) (\d+)/gm)) {
		const expected = name in last ? last[name] + 1 : Number(number);
		assert.equal(Number(number), expected, `of ${name}`);
		last[name] = expected;
	}
	return last;
}

describe('while other threads send all the time', { skip: !isAvailable }, () => {
	for (const [name, start] of Object.entries(hosts)) {
		it(`sessions become direct, and their clients receive everything in order, behind ${name}`, async (test) => {
			const scope = randomUUID();
			const setup = await setUp(test, { start, manager: { scope } });
			const senders = await Promise.all(['one', 'two'].map((name) => startSender(test, scope, name)));
			const sessions = await Promise.all(IDS.map((id) => setup.open(id)));
			let own = 0;
			await until(() => {
				setup.manager.send(undefined, `data: main ${own++}\n\n`);
				return setup.direct === IDS.length;
			}, 'all sessions are direct');
			for (const { id, response } of sessions) {
				const both = Promise.all(['data: one ', 'data: two '].map((text) => response.contains(text)));
				await within(both, () => `the client of ${id} receives messages of both threads`);
			}
			const [one, two] = await Promise.all(senders.map((sender) => sender.stop()));
			await /** @type {any} */ (setup.manager).flush();
			setup.manager.send(undefined, LAST);
			for (const { id, response } of sessions) {
				await within(response.contains(LAST), () => `the client of ${id} receives the last message`);
				setup.manager.delete(id);
				assert.equal(await within(response.ended, () => `the response of ${id} ends`), 'complete');
				assert.deepEqual(lastMessages(response), { one: one - 1, two: two - 1, main: own - 1 });
			}
		});
	}

	for (const name of ['node:http with a loop', 'node:http with pipe', 'node:http with pipeline', 'Fastify']) {
		it(`many messages that wait when sessions become direct arrive before the later ones, behind ${name}`, async (test) => {
			const ROUNDS = 2;
			const scope = randomUUID();
			const setup = await setUp(test, { start: hosts[name], manager: { scope } });
			const sender = await startSender(test, scope, 'one');
			for (let round = 0; round < ROUNDS; round++) {
				// The clients read slowly, so adapters have to keep messages.
				const sessions = await Promise.all(IDS.map((id) => setup.open(id, { pieceBytes: 512 })));
				// The thread does nothing else, so messages wait.
				while (bytesInMailbox(setup) < BACKLOG_BYTES);
				await until(() => setup.direct === IDS.length, 'all sessions are direct');
				setup.manager.send(undefined, LAST);
				for (const { id, response } of sessions) {
					if (round % 2 === 0)
						await within(response.contains(LAST), () => `the client of ${id} receives the last message`);
					setup.manager.delete(id);
					assert.equal(await within(response.ended, () => `the response of ${id} ends`), 'complete');
					lastMessages(response);
					assert.ok(response.text.includes(LAST));
				}
			}
			await sender.stop();
		});
	}

	for (const end of /** @type {const} */ (['deleted', 'replaced', 'closed by the application'])) {
		it(`a session that is ${end} as soon as it is direct has a complete response without a gap`, async (test) => {
			const ROUNDS = 20;
			const scope = randomUUID();
			const setup = await setUp(test, { manager: { scope } });
			const sender = await startSender(test, scope, 'one');
			for (let round = 0; round < ROUNDS; round++) {
				const { response } = await setup.open('a');
				const before = setup.direct;
				// In some rounds, many messages wait then.
				while (round % 4 === 0 && bytesInMailbox(setup) < BACKLOG_BYTES);
				await until(() => setup.direct > before, 'the session is direct');
				setup.manager.send(['a'], LAST);
				if (end === 'deleted') setup.manager.delete('a');
				else if (end === 'closed by the application') setup.app.controllers.get('a')?.close();
				else setup.manager.create('a', { enqueue() {}, close() {} });
				assert.equal(await within(response.ended, () => 'the response ends'), 'complete');
				lastMessages(response);
				assert.ok(response.text.includes(LAST));
				setup.manager.delete('a');
			}
			await until(() => setup.direct === 0, 'no session is direct');
			await sender.stop();
		});
	}

	it('a manager that is closed as soon as its sessions are direct ends complete responses without a gap', async (test) => {
		const scope = randomUUID();
		const setup = await setUp(test, { manager: { scope } });
		const sender = await startSender(test, scope, 'one');
		const sessions = await Promise.all(IDS.map((id) => setup.open(id)));
		while (bytesInMailbox(setup) < BACKLOG_BYTES);
		await until(() => setup.direct === IDS.length, 'all sessions are direct');
		setup.manager.send(undefined, LAST);
		await setup.manager.close();
		for (const { id, response } of sessions) {
			assert.equal(await within(response.ended, () => `the response of ${id} ends`), 'complete');
			lastMessages(response);
			assert.ok(response.text.includes(LAST));
		}
		await until(() => setup.direct === 0, 'no session is direct');
		await sender.stop();
	});

	it('a client that leaves as soon as its session is direct ends the session', async (test) => {
		const ROUNDS = 20;
		const scope = randomUUID();
		const setup = await setUp(test, { manager: { scope } });
		const sender = await startSender(test, scope, 'one');
		for (let round = 0; round < ROUNDS; round++) {
			const session = await setup.open('a');
			await until(() => setup.direct === 1, 'the session is direct');
			if (round % 2 === 0) session.client.leave();
			else setup.responseOf('a').socket?.destroy();
			await session.isGone();
			await until(() => setup.direct === 0, 'no session is direct');
		}
		await sender.stop();
	});

	it('sessions that an overflow of the mailbox closes have a complete response without a gap', async (test) => {
		const ROUNDS = 10;
		const scope = randomUUID();
		/** @type {string[]} */
		const reasons = [];
		const setup = await setUp(test, {
			manager: {
				scope,
				maxMailboxBytes: 65_536,
				onClose: (/** @type {string} */ _id, /** @type {string} */ reason) => reasons.push(reason),
			},
		});
		const senders = await Promise.all(['one', 'two', 'three'].map((name) => startSender(test, scope, name)));
		for (let round = 0; round < ROUNDS; round++) {
			const sessions = await Promise.all(IDS.map((id) => setup.open(id)));
			// The thread has no time for its mailbox until it is full.
			await until(() => {
				for (const end = performance.now() + 20; performance.now() < end; );
				return (
					sessions.every(({ response, id }) => response.end !== undefined || !setup.manager.ids().includes(id)) ||
					setup.direct > 0
				);
			}, 'sessions are closed or direct');
			for (const { id, response } of sessions) {
				setup.manager.delete(id);
				assert.equal(await within(response.ended, () => `the response of ${id} ends`), 'complete');
				lastMessages(response);
			}
		}
		await Promise.all(senders.map((sender) => sender.stop()));
		assert.ok(reasons.includes('overflow'), String(reasons));
	});
});
