// The Redis server of the benchmark: the one that the tests start. Imported here only, so that a move of that file changes one
// line.

export { startRedis } from '../../__test__/support/redis.js';

/** @typedef {import('../../__test__/support/redis.js').RedisServer} RedisServer */
