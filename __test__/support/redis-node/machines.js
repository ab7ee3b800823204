// Machines for tests: nodes in processes of their own, with one prefix of one Redis, and what a test asserts about them.

import assert from 'node:assert/strict';

import { startRedis } from '../redis.js';
import { Node, newPrefix } from './node.js';
import { SlowProxy } from './slow-proxy.js';

/** @import { TestContext } from 'node:test' */
/** @import { NodeManagersProxy } from './node.js' */
/** @import { Line } from './slow-proxy.js' */

/**
 * Starts Redis behind a slow line. Both end with the test.
 *
 * @param {TestContext} t
 * @param {Line} line
 */
export async function startBehindLine(t, line) {
	const redis = await startRedis();
	t.after(() => redis.end());
	return { redis, ...(await startLine(t, redis.port, line)) };
}

/**
 * Starts a line to a Redis server, which ends with the test.
 *
 * @param {TestContext} t
 * @param {number} redisPort
 * @param {Line} given
 */
export async function startLine(t, redisPort, given) {
	const line = new SlowProxy(redisPort, given);
	t.after(() => line.end());
	return { line, url: await line.start() };
}

/**
 * Starts nodes, and resolves when they are connected. They end with the test.
 *
 * @param {TestContext} t
 * @param {string[]} urls one for each node
 * @param {any} [options] of the managers; all others have their defaults
 */
export async function startMachines(t, urls, options) {
	const prefix = newPrefix();
	const nodes = urls.map(() => new Node());
	t.after(() => Promise.all(nodes.map((node) => node.kill())));
	const members = await Promise.all(nodes.map((node, index) => node.open(urls[index], { prefix, ...options })));
	await Promise.all(members.map((member) => member.do('streams', 'ready')));
	return { prefix, nodes, members };
}

/**
 * Creates sessions in one turn of the event loop.
 *
 * @param {NodeManagersProxy} member
 * @param {string} name the first part of each id
 * @param {number} count
 */
export function createMany(member, name, count) {
	return member.run(
		(m, name, count) => {
			for (let n = 0; n < count; n++) m.create(`${name}-${n}`);
		},
		name,
		count,
	);
}

/**
 * Sends the numbers from `first` to `first + count - 1` to a session, in one turn of the event loop, and waits until Redis has them.
 *
 * @param {NodeManagersProxy} member
 * @param {string} id
 * @param {number} first
 * @param {number} count
 */
export function sendNumbers(member, id, first, count) {
	return member.run(
		async (m, id, first, count) => {
			for (let n = first; n < first + count; n++) m.manager.send([id], String(n));
			while (m.manager.stats().backplane.pendingBytes > 0) await m.manager.flush();
		},
		id,
		first,
		count,
	);
}

/**
 * Asserts that a session has received the numbers from 0 to `count - 1`, each once and in order.
 *
 * @param {TestContext} t
 * @param {string[]} received
 * @param {number} count
 */
export function assertAllNumbers(t, received, count) {
	const wanted = Array.from({ length: count }, (_, n) => String(n));
	const got = new Set(received);
	const lost = wanted.filter((number) => !got.has(number)).length;
	const twice = received.length - got.size;
	t.diagnostic(`${lost} of ${count} lost, ${twice} twice`);
	assert.deepEqual({ lost, twice }, { lost: 0, twice: 0 });
	assert.deepEqual(received, wanted);
}

/**
 * Asserts that no node has missed or dropped anything, or called `onGap`.
 *
 * @param {NodeManagersProxy[]} members
 */
export async function assertNoGaps(members) {
	for (const member of members) {
		const { gaps, missed, dropped, malformed } = (await member.do('streams', 'stats')).backplane;
		assert.deepEqual({ gaps, missed, dropped, malformed }, { gaps: 0, missed: 0, dropped: 0, malformed: 0 });
		assert.deepEqual(await member.do('gaps', 0), []);
	}
}
