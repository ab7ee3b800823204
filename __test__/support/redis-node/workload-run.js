// Runs a workload on machines (see `node-workload.js`) while a test brings something about, and asserts that nothing is lost.

import assert from 'node:assert/strict';

import { until } from '../until.js';
import { assertNothingLost } from './node-workload.js';

/** @import { TestContext } from 'node:test' */
/** @import { NodeManagersProxy } from './node.js' */
/** @import { NodeWorkloadOptions } from './node-workload.js' */

const SESSIONS_OF_A_NODE = 10;

/**
 * Returns a workload.
 *
 * @param {{ nodes: number, messages: number, perSecond: number, seed?: number }} given `messages` and `perSecond` of each node
 * @returns {NodeWorkloadOptions}
 */
export function workloadOf({ nodes, messages, perSecond, seed = Math.floor(Math.random() * 2 ** 31) }) {
	const sessions = Array.from({ length: nodes }, (_, node) =>
		Array.from({ length: SESSIONS_OF_A_NODE }, (_, session) => `${node}-${session}`),
	);
	return { sessions, messages, perSecond, seed };
}

/**
 * Runs the workload, and brings events about, evenly spread over it. Asserts that each session has received all its messages
 * once and in order, that no node has missed anything, and that all nodes know all sessions in the end.
 *
 * @param {TestContext} t
 * @param {NodeManagersProxy[]} members
 * @param {NodeWorkloadOptions} workload
 * @param {(() => Promise<unknown>)[]} events
 */
export async function runWorkload(t, members, workload, events) {
	t.diagnostic(`seed ${workload.seed}`);
	await Promise.all(members.map((member, node) => member.do('prepareWorkload', node, workload)));
	const all = Promise.all(members.map((member) => member.do('runWorkload')));
	for (const [index, bringAbout] of events.entries()) {
		await members[0].do('workloadReached', Math.floor(((index + 1) * workload.messages) / (events.length + 2)));
		const start = performance.now();
		await bringAbout();
		t.diagnostic(`over after ${Math.round(performance.now() - start)} ms`);
	}
	await all;
	await assertDelivered(t, members, workload);
	for (const member of members) {
		for (const id of workload.sessions.flat()) await until(() => member.do('streams', 'has', id));
	}
}

/**
 * Waits until all messages of a workload have arrived, and asserts that each session has received its messages once and in order,
 * and that no node has missed anything. Resolves with the statistics of the nodes.
 *
 * @param {TestContext} t
 * @param {NodeManagersProxy[]} members that have sent the workload
 * @param {NodeWorkloadOptions} workload
 */
export async function assertDelivered(t, members, workload) {
	const sent = performance.now();
	const reports = await Promise.all(members.map((member) => member.do('workloadReport')));
	t.diagnostic(`all received ${Math.round(performance.now() - sent)} ms after the last was sent`);
	const stats = await Promise.all(members.map((member) => member.do('streams', 'stats')));
	for (const { backplane } of stats) t.diagnostic(JSON.stringify(backplane));
	assertNothingLost(new Map(reports.entries()), workload);
	for (const { backplane } of stats) {
		const { gaps, missed, malformed } = backplane;
		assert.deepEqual({ gaps, missed, malformed }, { gaps: 0, missed: 0, malformed: 0 });
	}
	return stats;
}
