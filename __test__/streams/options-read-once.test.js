// Every manager reads each of its options once, so that a getter cannot return another value after the check.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
} from '@tmcp-native/session-manager';
import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { needsNative } from '../support/native.js';

/**
 * Returns options that count how often each one is read.
 *
 * @param {Record<string, unknown>} options
 */
function counted(options) {
	/** @type {Record<string, number>} */
	const reads = {};
	const proxy = new Proxy(options, {
		get(target, name) {
			reads[String(name)] = (reads[String(name)] ?? 0) + 1;
			return target[String(name)];
		},
	});
	return { proxy, reads };
}

for (const [name, Manager, options] of /** @type {const} */ ([
	['InMemoryStreamSessionManager', InMemoryStreamSessionManager, { maxQueuedBytes: 1_000, onSlowClient: 'drop' }],
	['InMemoryInfoSessionManager', InMemoryInfoSessionManager, { maxSessions: 1, streams: { has: async () => true } }],
	['InMemorySubscriptionManager', InMemorySubscriptionManager, {}],
])) {
	test(`${name} reads each option once`, () => {
		const { proxy, reads } = counted(options);
		new Manager(/** @type {any} */ (proxy));
		for (const [option, count] of Object.entries(reads)) assert.equal(count, 1, option);
		for (const option of Object.keys(options)) assert.equal(reads[option], 1, option);
	});
}

for (const Manager of [RedisStreamSessionManager, RedisInfoSessionManager, RedisSubscriptionManager]) {
	test(`${Manager.name} reads each option once`, needsNative, async () => {
		const { proxy, reads } = counted({ heartbeatMs: 100, nodeTtlMs: 1_000, commandTimeoutMs: 10 });
		await new Manager('redis://127.0.0.1:1', proxy).close();
		for (const [option, count] of Object.entries(reads)) assert.equal(count, 1, option);
		assert.equal(reads.heartbeatMs, 1);
	});
}

test('close() of a stream manager reads drainMs once', async () => {
	const { proxy, reads } = counted({ drainMs: 0 });
	await new InMemoryStreamSessionManager().close(proxy);
	assert.deepEqual(reads, { drainMs: 1 });
});
