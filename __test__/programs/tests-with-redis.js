// A test file that needs Redis, as the tests of the Redis managers do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { describeWithRedis, startRedis } from '../support/redis.js';

describeWithRedis('a Redis server', () => {
	/** @type {import('../support/redis.js').RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis?.end());

	test('answers', async () => assert.equal(await redis.command('PING'), 'PONG'));
});
