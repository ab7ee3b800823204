// The suites of the stream manager in memory, for the stream manager on Redis with a single process.

import { test } from 'node:test';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';
import { RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';

import { testHttp } from '../suites/http.js';
import { testStreamDifferences } from '../suites/stream-differences.js';
import { testStreamMistakes } from '../suites/stream-mistakes.js';
import { testStreams } from '../suites/streams.js';
import { assertSameLogs, operationsToDo } from '../support/random.js';
import { describeWithRedis } from '../support/redis.js';
import { managersOnRedis } from '../support/redis-managers.js';
import { streamOperations } from '../support/stream-operations.js';
import { KINDS, StreamSandbox } from '../support/stream-sandbox.js';

const OPERATIONS = operationsToDo(10_000);

describeWithRedis('on Redis', () => {
	const makeOf = managersOnRedis();
	const make = (/** @type {any} */ options) => makeOf(RedisStreamSessionManager, options);

	testStreams({ name: 'ours, on Redis', make, promises: true });
	testStreams({ name: 'ours, on Redis, without a pool', make: () => make({ pool: false }), promises: true });
	testStreamDifferences({ make });
	testStreamMistakes({ make });
	testHttp({ make });

	test(`${OPERATIONS} random operations have the same effects in memory and on Redis`, async () => {
		await assertSameLogs(
			OPERATIONS,
			streamOperations(KINDS, ['cancel', 'error', 'close', 'enqueue']),
			() => new StreamSandbox(answeringNothing(make({}))),
			() => new StreamSandbox(new InMemoryStreamSessionManager()),
		);
	});
});

/**
 * Drops the promises that the manager in memory does not return, so that the results are the same.
 *
 * @param {any} manager
 */
function answeringNothing(manager) {
	const without =
		(/** @type {string} */ method) =>
		(/** @type {unknown[]} */ ...args) => {
			manager[method](...args);
		};
	return {
		create: without('create'),
		delete: without('delete'),
		send: without('send'),
		has: (/** @type {string} */ id) => manager.has(id),
	};
}
