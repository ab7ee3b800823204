// The suites of the info manager in memory, for the info manager on Redis, as far as they apply to copies of values.

import { describe, test } from 'node:test';

import { InMemoryInfoSessionManager } from '@tmcp-native/session-manager';
import { RedisInfoSessionManager } from '@tmcp-native/session-manager/redis';

import { testInfo } from '../suites/info.js';
import { testInfoCopies, testInfoRefusals } from '../suites/info-values.js';
import { infoOperations } from '../support/info-operations.js';
import { IDS, InfoSandbox } from '../support/info-sandbox.js';
import { assertSameLogs, operationsToDo } from '../support/random.js';
import { describeWithRedis } from '../support/redis.js';
import { managersOnRedis, newPrefix } from '../support/redis-managers.js';
import { escapeRegExp } from '../support/regexp.js';

const OPERATIONS = operationsToDo(10_000);

describeWithRedis('on Redis', () => {
	const makeOf = managersOnRedis();
	const make = (/** @type {any} */ options) => makeOf(RedisInfoSessionManager, options);

	testInfo({ name: 'ours, on Redis', make, copies: true, promises: true });

	describe('a value that one manager has set', () => {
		testInfoCopies({
			make,
			async open() {
				const prefix = newPrefix();
				return [make({ prefix }), make({ prefix })].map((manager) => ({
					info: (method, ...args) => manager[method](...args),
				}));
			},
		});
	});

	testInfoRefusals({
		make,
		makeForOne: make,
		promises: true,
		refusal: (argument, found) =>
			RegExp(`^${escapeRegExp(argument)} must be data that JSON can represent, .*; ${escapeRegExp(found)}: `),
	});

	test(`${OPERATIONS} random operations on client info, one after the other, have the same effects in memory and on Redis`, async () => {
		const ids = IDS.filter((id) => typeof id === 'string');
		await assertSameLogs(
			OPERATIONS,
			infoOperations(ids),
			() => new InfoSandbox(promising(make({})), { copies: true, ids, waits: true }),
			() => new InfoSandbox(promising(new InMemoryInfoSessionManager()), { copies: true, ids, waits: true }),
		);
	});
});

/**
 * Makes every method return a promise.
 *
 * @param {any} manager
 */
function promising(manager) {
	return new Proxy(manager, {
		get:
			(_, method) =>
			async (/** @type {unknown[]} */ ...args) =>
				manager[method](...args),
	});
}
