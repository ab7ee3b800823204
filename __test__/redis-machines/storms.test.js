// Thousands of clients reconnect at once, while messages go to a session of another node, which may be cut off or stand still.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pass } from 'node:timers/promises';

import { describeWithRedis, startRedis } from '../support/redis.js';
import {
	assertAllNumbers,
	assertNoGaps,
	createMany,
	startBehindLine,
	startLine,
	startMachines,
} from '../support/redis-node/machines.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { NodeManagersProxy } from '../support/redis-node/node.js' */

/** Number of clients that reconnect to a node. */
const CLIENTS = 5_000;

/**
 * Starts nodes on a line, and a last one, the target, on a line of its own.
 *
 * @param {TestContext} t
 * @param {{ delayMs: number, others: number }} given `others` is the number of nodes on the shared line
 */
async function start(t, { delayMs, others }) {
	const { redis, url } = await startBehindLine(t, { delayMs });
	const { line: targetLine, url: targetUrl } = await startLine(t, redis.port, { delayMs });
	const { members, nodes } = await startMachines(t, [...Array(others).fill(url), targetUrl]);
	const target = members[others];
	await target.do('create', 'target');
	await target.do('streams', 'flush');
	return { members, target, targetLine, targetNode: nodes[others], others: members.slice(0, others) };
}

/**
 * Creates the sessions of all nodes. In the same turn of its event loop, the first node sends messages between its calls of `create`.
 *
 * @param {NodeManagersProxy[]} members
 * @param {number} messages number of messages to the session `target`
 */
async function reconnectAndSend([sender, ...others], messages) {
	await Promise.all([
		...others.map((member, index) => createMany(member, String(index + 1), CLIENTS)),
		sender.run(
			(m, clients, messages) => {
				for (let n = 0; n < clients; n++) {
					if (n % (clients / messages) === 0) m.manager.send(['target'], String(n / (clients / messages)));
					m.create(`0-${n}`);
				}
			},
			CLIENTS,
			messages,
		),
	]);
}

/**
 * Asserts that each node knows sessions of each other, and that no stream was closed.
 *
 * @param {NodeManagersProxy[]} members that have each created {@link CLIENTS} sessions
 */
async function assertAllRegistered(members) {
	await Promise.all(members.map((member) => member.do('streams', 'flush')));
	for (const [index, member] of members.entries()) {
		assert.equal(await member.do('streams', 'size'), CLIENTS);
		for (const at of [0, CLIENTS / 2, CLIENTS - 1]) {
			const other = members[(index + 1) % members.length];
			await until(() => other.do('streams', 'has', `${index}-${at}`));
			assert.deepEqual(await member.do('seen', `${index}-${at}`), [{ messages: [], closed: 0 }]);
		}
	}
}

describeWithRedis('while clients reconnect, all messages to a session elsewhere arrive in order', () => {
	for (const delayMs of [0, 5]) {
		test(`1,000 messages, while 3 nodes get 5,000 clients each, ${delayMs} ms one way`, async (t) => {
			const { members, target, others } = await start(t, { delayMs, others: 3 });
			await reconnectAndSend(others, 1_000);
			assertAllNumbers(t, await target.do('receivedLast', 'target', '999'), 1_000);
			await assertAllRegistered(others);
			await assertNoGaps(members);
		});
	}

	for (const delayMs of [0, 1, 5]) {
		test(`1,000 messages to a node that is cut off for 2 s, while 4 nodes get 5,000 clients each, ${delayMs} ms one way`, async (t) => {
			const { members, target, targetLine, others } = await start(t, { delayMs, others: 4 });
			await targetLine.refuse();
			const created = reconnectAndSend(others, 1_000);
			await pass(2_000);
			await targetLine.accept();
			await created;
			assertAllNumbers(t, await target.do('receivedLast', 'target', '999'), 1_000);
			await assertAllRegistered(others);
			await assertNoGaps(members);
			assert.ok((await target.do('streams', 'stats')).backplane.reconnects > 0);
		});
	}
});

describeWithRedis('a node that stands still', () => {
	test('for 4 s, while 15,000 clients reconnect elsewhere, gets the 100 messages of that time', async (t) => {
		const { members, target, others, targetNode } = await start(t, { delayMs: 0, others: 3 });
		targetNode.pause();
		await reconnectAndSend(others, 100);
		await pass(4_000);
		targetNode.resume();
		assertAllNumbers(t, await target.do('receivedLast', 'target', '99'), 100);
		await assertAllRegistered(others);
		await assertNoGaps(members);
		assert.equal(await others[2].do('streams', 'has', 'target'), true);
	});

	describe('until it counts as dead and its inbox is full', () => {
		/** @type {[string, any, number][]} */
		const LIMITS = [
			['maxLen', { maxLen: 50 }, 1],
			['maxInboxBytes', { maxInboxBytes: 65_536, maxPendingBytes: 65_536 }, 50],
		];
		for (const [limit, options, atOnce] of LIMITS) {
			test(`reports the exact number of missed messages of each node, gets the newest ones, and is alive again: ${limit}`, async (t) => {
				const redis = await startRedis();
				t.after(() => redis.end());
				const { members, nodes } = await startMachines(t, [redis.url, redis.url, redis.url], {
					...options,
					nodeTtlMs: 1_500,
					heartbeatMs: 300,
				});
				const [a, b, c] = members;
				await c.do('create', 'target');
				await b.do('create', 'other');
				await Promise.all([b, c].map((member) => member.do('streams', 'flush')));
				await sendPadded(a, ['target'], { first: 0, count: 10, atOnce });
				await c.do('received', 'target', 10);
				nodes[2].pause();
				await until(async () => !(await a.do('streams', 'has', 'target')));
				await sendPadded(b, ['target'], { first: 5_000, count: 150, atOnce });
				// Another node still gets everything.
				await sendPadded(a, ['target', 'other'], { first: 10, count: 990, atOnce });
				await b.do('received', 'other', 990);
				assert.deepEqual((await b.do('seen', 'other'))[0].messages.map(Number.parseFloat), numbers(10, 990));
				nodes[2].resume();
				await a.do('streams', 'send', undefined, 'end');
				const received = (await c.do('receivedLast', 'target', 'end')).slice(0, -1).map(Number.parseFloat);
				const ofA = received.filter((/** @type {number} */ number) => number < 5_000);
				const ofB = received.length - ofA.length;
				t.diagnostic(`${ofA.length} of 1000, and ${ofB} of 150 received`);
				assert.ok(ofA.length < 1_000 && ofA.length > 10, `${ofA.length} received`);
				// The first ten, and then the newest without a hole.
				assert.deepEqual(ofA, [...numbers(0, 10), ...numbers(1_010 - ofA.length, ofA.length - 10)]);
				const lost = [1_000 - ofA.length, 150 - ofB].filter((count) => count > 0);
				const missed = (await c.do('gaps', lost.length)).map(({ missed }) => missed);
				assert.deepEqual(missed.sort(), lost.sort());
				await until(() => a.do('streams', 'has', 'target'));
				await a.do('streams', 'send', ['target'], 'again');
				await c.do('receivedLast', 'target', 'again');
				await assertNoGaps([a, b]);
			});
		}
	});
});

/**
 * Sends numbers that are padded to 200 characters, some at once, and waits each time until Redis has them.
 *
 * @param {NodeManagersProxy} member
 * @param {string[]} to
 * @param {{ first: number, count: number, atOnce: number }} given
 */
function sendPadded(member, to, given) {
	return member.run(
		async (m, to, { first, count, atOnce }) => {
			for (let n = first; n < first + count; n++) {
				m.manager.send(to, String(n).padEnd(200));
				if (n % atOnce === 0) await m.manager.flush();
			}
			await m.manager.flush();
		},
		to,
		given,
	);
}

/**
 * @param {number} first
 * @param {number} count
 */
function numbers(first, count) {
	return Array.from({ length: count }, (_, n) => first + n);
}
