// Why Redis cannot be used: the errors of the managers, `onError` and `stats()` name the cause.

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test as testOf } from 'node:test';

import {
	BackplaneUnavailableError,
	RedisInfoSessionManager,
	RedisStreamSessionManager,
} from '@tmcp-native/session-manager/redis';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { newPrefix } from '../support/redis-managers.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { AddressInfo } from 'node:net' */
/** @import { RedisOptions } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {(t: TestContext) => unknown} */ what) =>
	testOf(name, { timeout: 60_000 }, what);

const NO_SERVER = 'redis://127.0.0.1:1';

/**
 * @param {TestContext} t
 * @param {RedisOptions} [options]
 */
async function start(t, options) {
	const redis = await startRedis(options);
	t.after(() => redis.end());
	return redis;
}

/**
 * Creates a manager that is closed after the test, and records what `onError` gets.
 *
 * @template {RedisStreamSessionManager | RedisInfoSessionManager} Manager
 * @param {TestContext} t
 * @param {new (url: string, options: any) => Manager} Class
 * @param {string} url
 * @param {any} [options]
 */
function manager(t, Class, url, options) {
	/** @type {any[]} */
	const errors = [];
	const made = new Class(url, {
		prefix: newPrefix(),
		onUnavailable: 'reject',
		commandTimeoutMs: 500,
		onError: (/** @type {unknown} */ error) => errors.push(error),
		...options,
	});
	t.after(() => made.close());
	return { made, errors };
}

/**
 * Asserts that a promise rejects with a cause that its message names.
 *
 * @param {Promise<unknown>} promise
 * @param {string | string[]} codes
 * @param {RegExp} message of the cause
 */
async function rejectsBecauseOf(promise, codes, message) {
	const error = await promise.then(
		() => assert.fail('it did not reject'),
		(reason) => reason,
	);
	assert.ok(error instanceof BackplaneUnavailableError, String(error));
	assert.equal(error.code, 'ERR_BACKPLANE_UNAVAILABLE');
	const cause = /** @type {Error & { code: string }} */ (error.cause);
	assert.ok(cause instanceof Error, `${error.message} has no cause`);
	assert.ok([codes].flat().includes(cause.code), `${cause.code}: ${cause.message}`);
	assert.match(cause.message, message);
	assert.ok(error.message.includes(cause.message), error.message);
	return error;
}

/**
 * Asserts that a server cannot be used, and that `ready`, `has`, `onError` and `stats()` name the cause.
 *
 * @param {TestContext} t
 * @param {string} url
 * @param {string | string[]} codes
 * @param {RegExp} message
 */
async function cannotBeUsed(t, url, codes, message) {
	const since = Date.now();
	const { made, errors } = manager(t, RedisStreamSessionManager, url);
	await rejectsBecauseOf(made.ready(), codes, message);
	await rejectsBecauseOf(made.has('elsewhere'), codes, message);
	await rejectsBecauseOf(Promise.reject(errors[0]), codes, message);
	const { connected, lastError } = made.stats().backplane;
	assert.equal(connected, false);
	assert.ok(lastError && [codes].flat().includes(lastError.code), JSON.stringify(lastError));
	assert.match(lastError.message, message);
	assert.ok(lastError.at >= since && lastError.at <= Date.now());
	return errors;
}

describeWithRedis('the cause of a failure is', () => {
	test('ECONNREFUSED when no server listens on the port', (t) =>
		cannotBeUsed(t, NO_SERVER, 'ECONNREFUSED', /connect ECONNREFUSED 127\.0\.0\.1:1$/));

	test('ENOTFOUND or EAI_AGAIN when the host is unknown', (t) =>
		cannotBeUsed(
			t,
			'redis://no-such-host.invalid',
			['ENOTFOUND', 'EAI_AGAIN'],
			/getaddrinfo \w+ no-such-host\.invalid$/,
		));

	test('WRONGPASS when the password is wrong, and no error contains it', async (t) => {
		const redis = await start(t);
		await redis.command('ACL', 'SETUSER', 'mcp', 'on', '>right', '~*', '+@all');
		const errors = await cannotBeUsed(t, redis.url.replace('//', '//mcp:wrongest@'), 'WRONGPASS', /^WRONGPASS invalid/);
		for (const error of errors) assert.doesNotMatch(`${error.stack} ${error.cause.stack}`, /wrongest/);
	});

	test('NOAUTH when the server wants a password', async (t) => {
		const redis = await start(t, { args: ['--requirepass', 'secret'] });
		await cannotBeUsed(t, redis.url, 'NOAUTH', /^NOAUTH Authentication required/);
	});

	test('NOPERM when the user may not run a command', async (t) => {
		const redis = await start(t);
		await redis.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', '~*', '-@all');
		await cannotBeUsed(t, redis.url.replace('//', '//mcp:secret@'), 'NOPERM', /^NOPERM .*script/);
	});

	test('NOPERM when the user may not run a command of a script', async (t) => {
		const redis = await start(t);
		await redis.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', '~*', '+@all', '-zadd');
		const message = /^NOPERM (The user executing the script can't run|ACL failure in script: .* the 'zadd' command)/;
		await cannotBeUsed(t, redis.url.replace('//', '//mcp:secret@'), 'NOPERM', message);
	});

	test('CLUSTERDOWN when no node of the cluster has the slot of the keys', async (t) => {
		const redis = await start(t, { args: ['--cluster-enabled', 'yes'] });
		await cannotBeUsed(t, redis.url, 'CLUSTERDOWN', /^CLUSTERDOWN no node has slot/);
	});

	test('ETIMEDOUT when the server hangs before the first connection, and after it', async (t) => {
		const redis = await start(t);
		redis.pause();
		await cannotBeUsed(t, redis.url, 'ETIMEDOUT', /(reply|connected) within 500 ms$/);
		redis.resume();
		const { made } = manager(t, RedisStreamSessionManager, redis.url);
		await until(() => made.stats().backplane.connected);
		redis.pause();
		await rejectsBecauseOf(made.has('elsewhere'), 'ETIMEDOUT', /Redis did not reply within 500 ms$/);
		redis.resume();
	});

	test('EPROTO when something else than Redis listens on the port', async (t) => {
		const server = createServer((socket) =>
			socket.on('error', () => {}).once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
		);
		t.after(() => server.close());
		await once(server.listen(0, '127.0.0.1'), 'listening');
		const { port } = /** @type {AddressInfo} */ (server.address());
		await cannotBeUsed(t, `redis://127.0.0.1:${port}`, 'EPROTO', /./);
	});

	test('the error of Redis when it refuses one call, while the node stays connected', async (t) => {
		const redis = await start(t);
		const prefix = newPrefix();
		const { made, errors } = manager(t, RedisInfoSessionManager, redis.url, { prefix });
		await made.ready();
		await redis.command('SET', `{${prefix}}:info:a`, 'not a hash');
		await rejectsBecauseOf(made.getLogLevel('a'), 'WRONGTYPE', /^WRONGTYPE Operation against a key/);
		await rejectsBecauseOf(Promise.reject(errors[0]), 'WRONGTYPE', /./);
		assert.equal(made.stats().backplane.lastError, null);
		assert.equal(made.stats().backplane.connected, true);
	});
});

describeWithRedis('a failure', () => {
	test('of flush() has a cause, and is reported to onError', async (t) => {
		const { made, errors } = manager(t, RedisStreamSessionManager, NO_SERVER);
		made.send(['elsewhere'], 'text');
		await rejectsBecauseOf(made.flush(), 'ECONNREFUSED', /ECONNREFUSED/);
		assert.ok(errors.length > 0);
	});

	test('because of a full queue names why the queue does not empty', async (t) => {
		const { made, errors } = manager(t, RedisStreamSessionManager, NO_SERVER, { maxPendingBytes: 1_000 });
		await until(() => errors.length > 0);
		const sent = made.send(['elsewhere'], 'x'.repeat(1_000));
		const error = await rejectsBecauseOf(sent, 'ECONNREFUSED', /ECONNREFUSED/);
		assert.match(error.message, /maxPendingBytes/);
		assert.deepEqual(error.unsent, { method: 'send', args: [['elsewhere'], 'x'.repeat(1_000)] });
	});

	test('stays in stats() as lastError when the node is connected again', async (t) => {
		const redis = await start(t);
		const { made } = manager(t, RedisStreamSessionManager, redis.url);
		await made.ready();
		assert.equal(made.stats().backplane.lastError, null);
		await redis.cutConnections();
		await until(() => made.stats().backplane.reconnects === 1 && made.stats().backplane.connected);
		assert.match(String(made.stats().backplane.lastError?.code), /^(ECONNRESET|EPIPE)$/);
		assert.equal(await made.has('elsewhere'), false);
	});

	test('is reported to onError once per second and cause, and to the diagnostics channel each time', async (t) => {
		let published = 0;
		const listener = () => void published++;
		subscribe('tmcp-native:backplane:error', listener);
		t.after(() => unsubscribe('tmcp-native:backplane:error', listener));
		const { made, errors } = manager(t, RedisStreamSessionManager, NO_SERVER, { maxPendingBytes: 1_000 });
		const begun = performance.now();
		await until(() => published >= 3);
		// The calls fail because of the full queue, which is another cause than the failed attempt to connect.
		for (let n = 0; n < 50; n++) await assert.rejects(made.send(['elsewhere'], 'x'.repeat(1_000)));
		const seconds = Math.ceil((performance.now() - begun) / 1_000);
		assert.ok(published >= 53);
		assert.ok(errors.length >= 2 && errors.length <= 2 * seconds, `${errors.length} in ${seconds} s`);
	});
});
