// A node beside nodes of the old layout, which had one Redis stream for all nodes: it does not join them, and keeps them out.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { Node, newPrefix } from '../support/redis-node/node.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */

/** @param {TestContext} t */
async function start(t) {
	const redis = await startRedis();
	t.after(() => redis.end());
	const node = new Node();
	t.after(() => node.kill());
	const prefix = newPrefix();
	const options = { prefix, heartbeatMs: 200, nodeTtlMs: 1_000, commandTimeoutMs: 1_000 };
	return { redis, prefix, open: () => node.open(redis.url, options) };
}

describeWithRedis('a node', () => {
	test('does not join while a node of the old layout lives, names the cause, and joins when that node is dead', async (t) => {
		const { redis, prefix, open } = await start(t);
		// What a node of the old layout writes at each heartbeat: the time at which it counts as dead.
		const [seconds] = await redis.command('TIME');
		await redis.command('ZADD', `${prefix}:nodes`, (Number(seconds) + 600) * 1_000, 'old-node');
		await redis.command('HSET', `${prefix}:sent`, 'old-node', 7);
		const member = await open();
		const { code, message, cause } = await member.run(async (m) => {
			const error = await m.manager.ready().then(
				() => undefined,
				(/** @type {any} */ error) => error,
			);
			return { code: error?.code, message: error?.message, cause: error?.cause?.code };
		});
		assert.deepEqual({ code, cause }, { code: 'ERR_BACKPLANE_UNAVAILABLE', cause: 'ERR_OLD_LAYOUT' });
		assert.match(message, /nodes of another version of this package, which has other keys, use this prefix/);
		assert.deepEqual(await redis.command('KEYS', `{${prefix}}*`), []);
		assert.equal(await redis.command('HGET', `${prefix}:sent`, 'old-node'), '7');
		const [reported] = await member.do('errors', 1);
		assert.equal(reported.code, 'ERR_BACKPLANE_UNAVAILABLE');
		assert.match(reported.message, /nodes of another version/);

		await redis.command('ZADD', `${prefix}:nodes`, (Number(seconds) - 1) * 1_000, 'old-node');
		await until(async () => (await member.do('streams', 'stats')).backplane.connected);
		await member.do('create', 'a');
		await member.do('streams', 'flush');
		assert.deepEqual(await redis.command('HKEYS', `{${prefix}}:dir`), ['a']);
	});

	test('joins beside a node of the new layout whose prefix is the same without braces', async (t) => {
		const { redis, prefix, open } = await start(t);
		const member = await open();
		await member.do('streams', 'ready');
		const other = new Node();
		t.after(() => other.kill());
		// The list of nodes of the first prefix has the name that it had in the old layout with the second prefix.
		const withBraces = await other.open(redis.url, { prefix: `{${prefix}}`, heartbeatMs: 200, nodeTtlMs: 1_000 });
		await withBraces.do('streams', 'ready');
		for (const one of [member, withBraces]) {
			await one.do('create', 'a');
			await one.do('streams', 'flush');
		}
		assert.deepEqual(await redis.command('HKEYS', `{{${prefix}}}:dir`), ['a']);
	});

	test('keeps nodes of the old layout out until it has left', async (t) => {
		const { redis, prefix, open } = await start(t);
		const member = await open();
		await member.do('streams', 'ready');
		// The script with which a node of the old layout joins and beats reads its numbers from this hash.
		await assert.rejects(redis.command('HGET', `${prefix}:sent`, 'old-node'), /WRONGTYPE/);
		const ttl = await redis.command('PTTL', `${prefix}:sent`);
		assert.ok(ttl > 0 && ttl <= 1_000, `${ttl}`);
		await member.do('leave');
		await until(async () => (await redis.command('EXISTS', `${prefix}:sent`)) === 0);
	});
});
