// How a node finds its Redis server: one of several hosts, a node of a cluster, or the primary that Sentinels name. Failovers under
// load are tested in redis-machines.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test as testOf } from 'node:test';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { FakeSentinel } from '../support/fake-sentinel.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { portWithBus, startCluster } from '../support/redis-cluster.js';
import { newPrefix } from '../support/redis-managers.js';
import { isInSync, SYNC_AT_ONCE } from '../support/redis-replicas.js';
import { startSentinel } from '../support/redis-sentinel.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { AddressInfo } from 'node:net' */
/** @import { RedisServer } from '../support/redis.js' */

const DOCS = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');
const RIGHTS = /^~\{tmcp\}:\* [^`]+/m.exec(DOCS)?.[0].trim().split(/\s+/) ?? [];
const [CLUSTER_RIGHT = ''] = /\+cluster\|\w+/.exec(DOCS) ?? [];
const [SENTINEL_RIGHT = ''] = /\+sentinel\|[\w-]+/.exec(DOCS) ?? [];
const NO_SERVER = '127.0.0.1:1';

const test = (/** @type {string} */ name, /** @type {(t: TestContext) => unknown} */ what) =>
	testOf(name, { timeout: 60_000 }, what);

/**
 * Creates a manager that is closed after the test.
 *
 * @param {TestContext} t
 * @param {string} url
 * @param {any} [options]
 */
function manager(t, url, options) {
	/** @type {any[]} */
	const errors = [];
	const made = new RedisStreamSessionManager(url, {
		prefix: newPrefix(),
		heartbeatMs: 50,
		onError: (error) => errors.push(error),
		...options,
	});
	t.after(() => made.close());
	return { made, errors };
}

/**
 * Starts Redis servers that end with the test.
 *
 * @param {TestContext} t
 * @param {number} count
 * @param {Parameters<typeof startRedis>[0]} [options]
 */
async function startServers(t, count, options) {
	const servers = await Promise.all(Array.from({ length: count }, () => startRedis(options)));
	t.after(() => Promise.all(servers.map((server) => server.end())));
	return servers;
}

/**
 * Starts Sentinels that name these servers as the primary, and resolves with them and their URL.
 *
 * @param {TestContext} t
 * @param {(RedisServer | null | undefined)[]} primaries
 */
async function startFakes(t, primaries) {
	const fakes = await Promise.all(
		primaries.map((primary) => new FakeSentinel(primary === null ? null : primary?.port).start()),
	);
	t.after(() => {
		for (const fake of fakes) fake.end();
	});
	return { fakes, url: `redis-sentinel://${fakes.map(({ host }) => host).join(',')}#primary` };
}

/**
 * Resolves with the number of connections of nodes to a server.
 *
 * @param {RedisServer} server
 */
async function connections(server) {
	/** @type {string} */
	const list = await server.command('CLIENT', 'LIST', 'TYPE', 'normal');
	// A node waits in XREAD. The command of the test is the last one of its own connection.
	return list.split('\n').filter((line) => line.includes('cmd=xread')).length;
}

/** @param {RedisStreamSessionManager} manager */
const backplaneOf = (manager) => manager.stats().backplane;

/**
 * Asserts that a manager cannot connect.
 *
 * @param {RedisStreamSessionManager} manager
 * @param {string} code
 * @param {RegExp} message
 */
async function cannotConnect(manager, code, message) {
	const error = await manager.ready().then(
		() => assert.fail('it connected'),
		(/** @type {any} */ reason) => reason,
	);
	assert.equal(error.cause?.code, code, String(error));
	assert.match(error.cause.message, message);
	assert.doesNotMatch(`${error.stack} ${error.cause.stack}`, /secret/);
}

describe('the URL of a manager', () => {
	for (const Manager of [RedisStreamSessionManager, RedisInfoSessionManager, RedisSubscriptionManager]) {
		test(`of ${Manager.name} may name several hosts, or Sentinels`, async () => {
			for (const url of [
				`redis://mcp:secret@${NO_SERVER},[::1]:1/2`,
				`valkeys://${NO_SERVER},${NO_SERVER}`,
				`redis-sentinel://${NO_SERVER},127.0.0.1:2/3#primary`,
				`rediss-sentinel://mcp:secret@${NO_SERVER}#primary`,
				`valkeys-sentinel://${NO_SERVER}#insecure`,
			]) {
				const options = { prefix: newPrefix(), commandTimeoutMs: 10 };
				await new Manager(url, options).close();
				if (/^(redis|valkey)s[-:]/.test(url)) await new Manager(url, { ...options, tls: {} }).close();
			}
		});

		test(`of ${Manager.name} is refused with a list of the forms when it has none of them, and never repeated`, () => {
			for (const url of [
				'redis://mcp:secret@a,',
				'redis://mcp:secret@a,b:c',
				'redis-sentinel://mcp:secret@a',
				'redis-sentinel://mcp:secret@a/0#',
				'http://mcp:secret@a',
				'',
				undefined,
			]) {
				assert.throws(
					() => new Manager(/** @type {any} */ (url)),
					(/** @type {any} */ error) => {
						assert.equal(error.code, 'ERR_INVALID_ARG_VALUE');
						assert.match(error.message, /"url" must be redis:.*several hosts.*redis-sentinel:.*#name.*rediss:/);
						assert.doesNotMatch(error.message, /secret/);
						return true;
					},
				);
			}
		});
	}
});

describeWithRedis('with several hosts, a node', () => {
	test('connects to one that works, when another refuses connections and a third never replies', async (t) => {
		const silent = createServer(() => {});
		t.after(() => silent.close());
		await once(silent.listen(0, '127.0.0.1'), 'listening');
		const [redis] = await startServers(t, 1);
		const { port } = /** @type {AddressInfo} */ (silent.address());
		const { made, errors } = manager(t, `redis://${NO_SERVER},127.0.0.1:${port},127.0.0.1:${redis.port}`);
		await made.ready();
		assert.deepEqual(errors, []);
	});

	test('connects to the primary, not to its replica, and to the replica while there is no primary', async (t) => {
		const [primary] = await startServers(t, 1, { args: SYNC_AT_ONCE });
		const args = [...SYNC_AT_ONCE, '--replicaof', '127.0.0.1', String(primary.port)];
		const [replica] = await startServers(t, 1, { args });
		await isInSync(replica);
		const { made } = manager(t, `redis://127.0.0.1:${replica.port},127.0.0.1:${primary.port}`);
		await made.ready();
		await until(async () => (await connections(primary)) === 1);
		assert.equal(await connections(replica), 0);

		await primary.kill();
		await until(() => backplaneOf(made).lastError?.code === 'READONLY');
		await replica.command('REPLICAOF', 'NO', 'ONE');
		await until(async () => (await connections(replica)) === 1);
		await made.flush();
		assert.equal(await made.has('elsewhere'), false);
	});

	test('names the cause when none of them works', async (t) => {
		const { made } = manager(t, `redis://mcp:secret@${NO_SERVER},127.0.0.1:2`, {
			commandTimeoutMs: 200,
		});
		await cannotConnect(made, 'ECONNREFUSED', /connect ECONNREFUSED 127\.0\.0\.1:[12]$/);
	});
});

describeWithRedis('on a cluster, a node', () => {
	test('connects from any server of it with the permissions of docs/redis.md, and no others', async (t) => {
		const cluster = await startCluster();
		t.after(() => cluster.end());
		for (const server of cluster.servers) {
			await server.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', ...RIGHTS, CLUSTER_RIGHT);
		}
		const owner = await cluster.masterOf('{tmcp}');
		for (const { port } of cluster.servers) {
			const { made, errors } = manager(t, `redis://mcp:secret@127.0.0.1:${port}`, { prefix: 'tmcp' });
			await made.ready();
			assert.equal(await made.has('elsewhere'), false);
			await made.close();
			assert.deepEqual(errors, []);
		}
		for (const server of cluster.servers) assert.deepEqual(await server.command('ACL', 'LOG'), []);

		const { made } = manager(t, `redis://mcp:secret@127.0.0.1:${owner.port}`, { prefix: 'tmcp' });
		await made.ready();
		// A replica that the URL does not name.
		const next = await cluster.killMaster('{tmcp}');
		await until(async () => (await connections(next)) === 1);
	});

	test('follows redirections when the user may not ask for the list of servers', async (t) => {
		const cluster = await startCluster();
		t.after(() => cluster.end());
		for (const server of cluster.servers) await server.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', ...RIGHTS);
		const owner = await cluster.masterOf('{tmcp}');
		const other = cluster.servers.find((server) => server !== owner);
		const { made } = manager(t, `redis://mcp:secret@127.0.0.1:${other?.port}`, { prefix: 'tmcp' });
		await made.ready();
		assert.equal(backplaneOf(made).lastError?.code, 'MOVED');
		await until(async () => (await connections(owner)) === 1);
	});

	test('finds a server that joined the cluster after it connected, when all others are gone', async (t) => {
		const [first, next] = await startServers(t, 2, {
			args: ['--cluster-enabled', 'yes', ...SYNC_AT_ONCE],
			anyPort: portWithBus,
		});
		await first.command('CLUSTER', 'ADDSLOTS', ...Array(16_384).keys());
		const { made } = manager(t, first.url);
		await until(() => backplaneOf(made).connected);

		await next.command('CLUSTER', 'MEET', '127.0.0.1', first.port);
		const id = await first.command('CLUSTER', 'MYID');
		await until(() => next.command('CLUSTER', 'REPLICATE', id).catch(() => false));
		await isInSync(next);
		const isListed = async () => JSON.stringify(await first.command('CLUSTER', 'SLOTS')).includes(`,${next.port},`);
		await until(isListed);
		const asked = async () => {
			const counts = await first.commandCounts();
			// Redis 6.2 does not count subcommands.
			return counts['cluster|slots'] ?? counts.cluster;
		};
		const before = await asked();
		await until(async () => (await asked()) > before + 1);
		await first.kill();
		await next.command('CLUSTER', 'FAILOVER', 'TAKEOVER');
		await until(async () => (await connections(next)) === 1);
	});

	test('that closes while its slot moves leaves when the move is over', async (t) => {
		const cluster = await startCluster();
		t.after(() => cluster.end());
		const options = { prefix: 'tmcp', heartbeatMs: 20_000, nodeTtlMs: 60_000, commandTimeoutMs: 20_000 };
		const [a, b] = [cluster.url, `${cluster.url}/0`].map((url) => manager(t, url, options).made);
		await Promise.all([a.ready(), b.ready()]);
		a.create('a', { enqueue() {}, close() {} });
		await a.flush();
		assert.equal(await b.has('a'), true);
		const { moveKey, moveKeys, finish } = await cluster.beginMove('{tmcp}');
		await moveKey('{tmcp}:st');

		const closed = a.close();
		await moveKeys();
		await finish();
		await closed;
		await until(() => backplaneOf(b).connected);
		assert.equal(await b.has('a'), false);
		// Without the servers, it would take `commandTimeoutMs`.
		await b.close();
	});

	test('names the cause when it cannot reach the address that the cluster announces', async (t) => {
		const args = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.9', '--cluster-announce-port', '1'];
		const [server] = await startServers(t, 1, { args });
		await server.command('CLUSTER', 'ADDSLOTS', ...Array(16_384).keys());
		const { made } = manager(t, server.url, { commandTimeoutMs: 500 });
		const message = /^connect ECONNREFUSED 127\.0\.0\.9:1 \(the address comes from the cluster, and must be reachable/;
		await cannotConnect(made, 'ECONNREFUSED', message);
	});

	test('names the cause when the URL names another database than 0', async (t) => {
		const [server] = await startServers(t, 1, { args: ['--cluster-enabled', 'yes'] });
		const { made } = manager(t, `redis://127.0.0.1:${server.port}/3`, { commandTimeoutMs: 500 });
		await cannotConnect(made, 'ERR_INVALID_ARG_VALUE', /^the server has no database 3/);
	});

	test('waits until a server has the slot of its keys', async (t) => {
		const [server] = await startServers(t, 1, { args: ['--cluster-enabled', 'yes'] });
		const { made } = manager(t, server.url, { commandTimeoutMs: 300 });
		await cannotConnect(made, 'CLUSTERDOWN', /no node has slot \d+/);
		await server.command('CLUSTER', 'ADDSLOTS', ...Array(16_384).keys());
		await until(() => backplaneOf(made).connected);
	});
});

describeWithRedis('with Sentinels, a node', () => {
	test('needs the permissions of docs/redis.md, and logs in only where it must', async (t) => {
		const sentinel = await startSentinel();
		t.after(() => sentinel.end());
		for (const server of sentinel.servers) {
			await server.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', ...RIGHTS);
		}
		const [open, closed, asking] = sentinel.sentinels;
		const primary = await sentinel.master();
		await closed.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', '-@all', SENTINEL_RIGHT);
		await closed.command('ACL', 'SETUSER', 'default', 'off');
		const url = sentinel.url.replace('//', '//mcp:secret@');
		const { made, errors } = manager(t, url, { prefix: 'tmcp' });
		await made.ready();
		await until(async () => (await connections(primary)) === 1);

		// The one Sentinel that wants a password is enough.
		const only = manager(t, `redis-sentinel://mcp:secret@127.0.0.1:${closed.port}#mymaster`, { prefix: 'tmcp' });
		await only.made.ready();
		assert.equal(await made.has('elsewhere'), false);
		assert.deepEqual([...errors, ...only.errors], []);
		// A wrong login would be in this log.
		for (const server of [primary, open, asking]) assert.deepEqual(await server.command('ACL', 'LOG'), []);
	});

	test('moves to the primary that more Sentinels name, while the old one still works', async (t) => {
		const [a, b] = await startServers(t, 2);
		const { fakes, url } = await startFakes(t, [a, a, a]);
		const { made } = manager(t, url);
		await made.ready();
		fakes[0].primary = b.port;
		const asked = fakes.map(({ questions }) => questions);
		await until(() => fakes.every(({ questions }, index) => questions > asked[index] + 1));
		assert.equal(backplaneOf(made).lastError, null);

		fakes[1].primary = b.port;
		await until(async () => (await connections(b)) === 1);
		assert.equal(backplaneOf(made).lastError?.code, 'ERR_PRIMARY_MOVED');
		assert.equal(await connections(a), 0);
	});

	test('stays connected while no Sentinel answers', async (t) => {
		const [redis] = await startServers(t, 1);
		const { fakes, url } = await startFakes(t, [redis, redis]);
		const { made, errors } = manager(t, url, { commandTimeoutMs: 100 });
		await made.ready();
		for (const fake of fakes) fake.primary = undefined;
		const asked = fakes.map(({ questions }) => questions);
		// Each has not answered in time, and is asked again.
		await until(() => fakes.every(({ questions }, index) => questions > asked[index] + 2));
		assert.equal(await made.has('elsewhere'), false);
		for (const fake of fakes) fake.end();
		assert.equal(await made.has('elsewhere'), false);
		assert.deepEqual({ errors, reconnects: backplaneOf(made).reconnects }, { errors: [], reconnects: 0 });
	});

	test('connects when some Sentinels are away, do not answer, or do not know the name', async (t) => {
		const [redis] = await startServers(t, 1);
		const { url } = await startFakes(t, [null, undefined, redis]);
		const { made, errors } = manager(t, url.replace('//', `//${NO_SERVER},`));
		await made.ready();
		assert.deepEqual(errors, []);
	});

	test('waits until the server that they name is a primary', async (t) => {
		const [primary] = await startServers(t, 1, { args: SYNC_AT_ONCE });
		const args = [...SYNC_AT_ONCE, '--replicaof', '127.0.0.1', String(primary.port)];
		const [replica] = await startServers(t, 1, { args });
		const { url } = await startFakes(t, [replica]);
		const { made } = manager(t, url, { commandTimeoutMs: 300 });
		await cannotConnect(made, 'ERR_PRIMARY_MOVED', /but it is a replica$/);
		await replica.command('REPLICAOF', 'NO', 'ONE');
		await until(() => backplaneOf(made).connected);
	});

	test('names the cause when they do not know the name, without the URL', async (t) => {
		const { url } = await startFakes(t, [null, null]);
		const { made } = manager(t, url.replace('#primary', '#secret'), { commandTimeoutMs: 200 });
		await cannotConnect(made, 'ERR_UNKNOWN_SERVICE', /no primary with the name after #/);
	});

	test('names the Sentinel that wants another user, or a password that the URL lacks', async (t) => {
		const [redis] = await startServers(t, 1);
		const [sentinel] = await startServers(t, 1, { sentinel: [`sentinel monitor primary 127.0.0.1 ${redis.port} 1`] });
		await sentinel.command('ACL', 'SETUSER', 'other', 'on', '>other', '+@all');
		await sentinel.command('ACL', 'SETUSER', 'default', 'off');
		const host = `127.0.0.1:${sentinel.port}`;
		const named = `^the Sentinel ${host.replaceAll('.', '\\.')}`;
		for (const [url, code, message] of [
			[
				`redis-sentinel://mcp:secret@${host}#primary`,
				'WRONGPASS',
				' does not accept the user and password of the URL: WRONG',
			],
			[`redis-sentinel://${host}#primary`, 'NOAUTH', ' wants a password, and the URL has none: NOAUTH'],
		]) {
			const { made } = manager(t, url, { commandTimeoutMs: 300 });
			await cannotConnect(made, code, new RegExp(named + message));
		}
	});

	test('names the cause when they name a server that refuses connections', async (t) => {
		const { fakes, url } = await startFakes(t, [null]);
		fakes[0].primary = 1;
		const { made } = manager(t, url, { commandTimeoutMs: 300 });
		const message =
			/^connect ECONNREFUSED 127\.0\.0\.1:1 \(the address comes from the Sentinels, and must be reachable/;
		await cannotConnect(made, 'ECONNREFUSED', message);
	});

	test('names the mistake when the URL is for servers and names a Sentinel, or the other way around', async (t) => {
		const [redis] = await startServers(t, 1);
		const [sentinel] = await startServers(t, 1, { sentinel: [`sentinel monitor primary 127.0.0.1 ${redis.port} 1`] });
		for (const [url, message] of /** @type {[string, RegExp][]} */ ([
			[sentinel.url, /is a Sentinel: the URL must begin with redis-sentinel:/],
			[`${sentinel.url.replace('//', '//mcp:secret@')}/3`, /is a Sentinel: the URL must begin with redis-sentinel:/],
			[
				`${redis.url.replace('redis:', 'redis-sentinel:')}#primary`,
				/is not a Sentinel, as the hosts of this URL must be/,
			],
		])) {
			const { made } = manager(t, url, { commandTimeoutMs: 300 });
			await cannotConnect(made, 'ERR_INVALID_ARG_VALUE', message);
		}
	});

	test('names the cause when all of them are silent', async (t) => {
		const { url } = await startFakes(t, [undefined, undefined]);
		const { made } = manager(t, url, { commandTimeoutMs: 200 });
		await cannotConnect(made, 'ETIMEDOUT', /no Sentinel answered in time|did not reply/);
	});
});
