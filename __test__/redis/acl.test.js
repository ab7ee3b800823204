// The Redis user that docs/redis.md describes may run the commands of the managers, and no others.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { describeWithRedis, startRedis } from '../support/redis.js';

const SOURCES = new URL('../../src/backplane/redis/', import.meta.url);
/** The call of a script, which `scripts.rs` writes in another way. */
const EVALSHA = 'evalsha';
/** Every user may log in, and ask a server about itself. `SELECT` is needed only for other databases than 0. */
const LOGIN = ['auth', 'hello', 'select'];
/** Commands of Redis Cluster, and commands to Sentinels. `topology.test.js` tests the permissions that they need. */
const TOPOLOGY = ['cluster', 'sentinel'];
/** Commands that are allowed only with this subcommand. */
const SUBCOMMANDS = { script: 'script|load', xinfo: 'xinfo|stream' };

const rights = /^~\{tmcp\}:\* [^`]+/m.exec(read('../../docs/redis.md'))?.[0].trim().split(/\s+/) ?? [];

describe('the Redis user of docs/redis.md', () => {
	test('may run the commands in the sources, and no others', () => {
		const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) =>
			/\.(rs|lua)$/.test(name),
		);
		const used = sources.flatMap((name) => {
			const calls = read(`../../src/backplane/redis/${name}`).matchAll(/(?:\bp?call\('|cmd\(")([A-Z]+)/g);
			return [...calls].map(([, command]) => command.toLowerCase());
		});
		const needed = new Set([...used.map((command) => SUBCOMMANDS[command] ?? command), EVALSHA]);
		for (const command of [...LOGIN, ...TOPOLOGY]) needed.delete(command);
		const allowed = rights.filter((right) => right.startsWith('+')).map((right) => right.slice(1));
		assert.deepEqual(allowed.sort(), [...needed].sort());
	});
});

describeWithRedis('the Redis user of docs/redis.md', () => {
	test('may make every call of the managers', { timeout: 60_000 }, async (t) => {
		const redis = await startRedis();
		t.after(() => redis.end());
		await redis.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', ...rights);
		const url = redis.url.replace('//', '//mcp:secret@');
		/** @type {unknown[]} */
		const errors = [];
		const options = {
			heartbeatMs: 50,
			nodeTtlMs: 5_000,
			onError: (/** @type {unknown} */ error) => errors.push(error),
		};
		const streams = new RedisStreamSessionManager(url, options);
		const info = new RedisInfoSessionManager(url, options);
		const subscriptions = new RedisSubscriptionManager(url, options);
		await streams.ready();

		streams.create('here', { enqueue() {}, close() {} });
		streams.send(['elsewhere'], 'text');
		streams.delete('here');
		assert.equal(await streams.has('elsewhere'), false);
		await subscriptions.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
		info.setClientInfo('a', { name: 'client', version: '1' });
		info.setClientCapabilities('a', {});
		info.setLogLevel('a', 'debug');
		info.addSubscription('a', 'uri:1');
		info.addSubscription('a', 'uri:2');
		info.removeSubscription('a', 'uri:2');
		assert.deepEqual(await info.getSubscriptions('uri:1'), ['a']);
		assert.equal(await info.getLogLevel('a'), 'debug');
		await info.delete('a');
		await streams.flush();

		// After a reconnect, the node is registered and has an inbox already.
		await redis.cutConnections();
		while (streams.stats().backplane.reconnects === 0 || !streams.stats().backplane.connected) {
			await new Promise((resolve) => setImmediate(resolve));
		}
		await Promise.all([streams, info, subscriptions].map((manager) => manager.close()));
		assert.deepEqual(await redis.command('ACL', 'LOG'), []);
		for (const error of errors) assert.doesNotMatch(String(error), /NOPERM|permission/i);
	});
});

/** @param {string} path */
function read(path) {
	return readFileSync(new URL(path, import.meta.url), 'utf8');
}
