// The options of each manager, with their checks and defaults.

import { invalidValue } from '../errors.js';
import { isRedisUrl } from '../native/binding.js';
import { functionOption, invalidOption, numberOption, optionOutOfRange, readOptions } from './checks.js';
import { POLICY_OPTIONS, policyOptions } from './policy-options.js';
import { checkInsecureUrl, tlsOption } from './tls-options.js';

/** @import { InfoSessionManagerOptions, StreamSessionManager } from '../../index.js' */

/**
 * Returns the options of a stream manager in memory.
 *
 * @param {unknown} input the argument of the constructor
 * @param {string} className the class whose constructor got it
 */
export function streamOptions(input, className) {
	const options = readOptions(input, [...POLICY_OPTIONS, ...SCOPE_OPTIONS], className);
	return { ...policyOptions(options, className), ...scopeOptions(options, className) };
}

/**
 * Returns the options of `close()`.
 *
 * @param {unknown} input the argument of `close()`
 */
export function closeOptions(input) {
	return { drainMs: numberOption(readOptions(input, ['drainMs'], 'close'), 'drainMs', 'close', { min: 0 }) };
}

/**
 * Returns the options of a subscription manager in memory.
 *
 * @param {unknown} input the argument of the constructor
 * @param {string} className the class whose constructor got it
 */
export function subscriptionOptions(input, className) {
	return scopeOptions(readOptions(input, SCOPE_OPTIONS, className), className);
}

const SCOPE_OPTIONS = ['scope', 'maxMailboxBytes'];

/**
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function scopeOptions(options, className) {
	const scope = scopeOption(options, className);
	const maxMailboxBytes = numberOption(options, 'maxMailboxBytes', className);
	if (maxMailboxBytes !== undefined && scope === undefined) {
		throw invalidOption(
			className,
			'scope',
			'set when "maxMailboxBytes" is set, because a mailbox exists only in a scope',
			scope,
		);
	}
	return { scope, maxMailboxBytes };
}

/**
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function scopeOption({ scope }, className) {
	if (scope === undefined || (typeof scope === 'string' && scope !== '')) return scope;
	throw invalidOption(className, 'scope', 'a non-empty string', scope);
}

/**
 * Returns the options of an info manager in memory.
 *
 * @param {unknown} input the argument of the constructor
 * @param {string} className the class whose constructor got it
 */
export function infoOptions(input, className) {
	const options = readOptions(input, ['scope', 'maxSessions', 'onSessionLimit', 'ttlMs', 'streams'], className);
	const { streams } = options;
	const scope = scopeOption(options, className);
	const maxSessions = numberOption(options, 'maxSessions', className, { orInfinity: true }) ?? Infinity;
	const onSessionLimit = functionOption(options, 'onSessionLimit', className);
	const ttlMs = numberOption(options, 'ttlMs', className, { orFraction: true });
	if (streams !== undefined && typeof (/** @type {any} */ (streams)?.has) !== 'function') {
		throw invalidOption(className, 'streams', 'a stream manager with the method has()', streams);
	}
	return {
		scope,
		maxSessions,
		onSessionLimit: /** @type {InfoSessionManagerOptions['onSessionLimit']} */ (onSessionLimit),
		ttlMs,
		streams: /** @type {Pick<StreamSessionManager, 'has'> | undefined} */ (streams),
	};
}

/** The settings that all managers of one Redis server and prefix in the process share, in the order of `joinRedis`. */
const BACKPLANE_SETTINGS = /** @type {const} */ ([
	'maxLen',
	'maxPendingBytes',
	'commandTimeoutMs',
	'heartbeatMs',
	'nodeTtlMs',
	'maxInboxBytes',
]);
const REDIS_OPTIONS = ['prefix', 'onUnavailable', 'tls', 'onGap', 'onError', ...BACKPLANE_SETTINGS];

/**
 * Returns the options of a stream manager on Redis.
 *
 * @param {unknown} url the first argument of the constructor
 * @param {unknown} input the second argument of the constructor
 * @param {string} className the class whose constructor got them
 */
export function redisStreamOptions(url, input, className) {
	const options = readOptions(input, [...REDIS_OPTIONS, ...POLICY_OPTIONS, 'maxMailboxBytes'], className);
	return { ...policyOptions(options, className), ...redisOptions(url, options, className) };
}

/**
 * Returns the options of a subscription manager on Redis.
 *
 * @param {unknown} url the first argument of the constructor
 * @param {unknown} input the second argument of the constructor
 * @param {string} className the class whose constructor got them
 */
export function redisSubscriptionOptions(url, input, className) {
	return redisOptions(url, readOptions(input, [...REDIS_OPTIONS, 'maxMailboxBytes'], className), className);
}

/**
 * Returns the options of an info manager on Redis.
 *
 * @param {unknown} url the first argument of the constructor
 * @param {unknown} input the second argument of the constructor
 * @param {string} className the class whose constructor got them
 */
export function redisInfoOptions(url, input, className) {
	const options = readOptions(input, [...REDIS_OPTIONS, 'ttlMs'], className);
	return { ttlMs: numberOption(options, 'ttlMs', className) ?? DAY_MS, ...redisOptions(url, options, className) };
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * @param {unknown} url
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function redisOptions(url, options, className) {
	checkInsecureUrl(url, className);
	if (typeof url !== 'string' || !isRedisUrl(url)) throw invalidRedisUrl(className);
	const { prefix = 'tmcp' } = options;
	if (typeof prefix !== 'string' || prefix === '') {
		throw invalidOption(className, 'prefix', 'a non-empty string', prefix);
	}
	const { onUnavailable = 'degrade' } = options;
	if (onUnavailable !== 'degrade' && onUnavailable !== 'reject') {
		throw invalidOption(className, 'onUnavailable', '"degrade" or "reject"', onUnavailable);
	}
	const settings = BACKPLANE_SETTINGS.map((name) => numberOption(options, name, className) ?? Number.NaN);
	checkHeartbeat(options, className);
	checkInbox(options, className);
	return {
		url,
		prefix,
		onUnavailable,
		settings,
		tls: tlsOption(options, url, className),
		maxMailboxBytes: numberOption(options, 'maxMailboxBytes', className),
		onGap: functionOption(options, 'onGap', className),
		onError: functionOption(options, 'onError', className),
	};
}

const DEFAULT_HEARTBEAT_MS = 3_000;
const DEFAULT_NODE_TTL_MS = 10_000;

/**
 * Throws when a node would count as dead after one late heartbeat.
 *
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function checkHeartbeat(options, className) {
	const heartbeatMs = numberOption(options, 'heartbeatMs', className) ?? DEFAULT_HEARTBEAT_MS;
	const nodeTtlMs = numberOption(options, 'nodeTtlMs', className) ?? DEFAULT_NODE_TTL_MS;
	if (nodeTtlMs >= 2 * heartbeatMs) return;
	throw optionOutOfRange(
		className,
		'nodeTtlMs',
		`at least twice "heartbeatMs" (${heartbeatMs}), ideally three times as much`,
		nodeTtlMs,
	);
}

const DEFAULT_MAX_PENDING_BYTES = 8 * 1024 * 1024;
const DEFAULT_MAX_INBOX_BYTES = 32 * 1024 * 1024;

/**
 * Throws when a message that `send` accepts could be larger than an inbox.
 *
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function checkInbox(options, className) {
	const maxPendingBytes = numberOption(options, 'maxPendingBytes', className) ?? DEFAULT_MAX_PENDING_BYTES;
	const maxInboxBytes = numberOption(options, 'maxInboxBytes', className) ?? DEFAULT_MAX_INBOX_BYTES;
	if (maxInboxBytes >= maxPendingBytes) return;
	const expected = `at least "maxPendingBytes" (${maxPendingBytes}), ideally four times as much`;
	throw optionOutOfRange(className, 'maxInboxBytes', expected, maxInboxBytes);
}

/**
 * Throws when an option differs from the setting that the process already uses for this Redis server and prefix.
 *
 * @param {number[]} settings the settings of a new manager, NaN for each one that is not set
 * @param {number[]} inUse
 * @param {string} className
 */
export function checkSettings(settings, inUse, className) {
	for (const [index, name] of BACKPLANE_SETTINGS.entries()) {
		if (Number.isNaN(settings[index]) || settings[index] === inUse[index]) continue;
		throw invalidValue(
			`${className}: option "${name}" is ${settings[index]}, but this process already uses ${inUse[index]} for this ` +
				'server and prefix; pass the same value to all managers, or only to the first',
		);
	}
}

/**
 * Returns the error for an invalid URL. Its message does not contain the URL, which may have a password.
 *
 * @param {string} className
 */
function invalidRedisUrl(className) {
	return invalidValue(
		`${className}: "url" must be redis://[user[:password]@]host[:port][/database] for a Redis server, ` +
			'redis://…@host[:port],host[:port][/database] for several hosts, such as nodes of a Redis Cluster, or ' +
			'redis-sentinel://…@host[:port],host[:port][/database]#name for Redis Sentinel; TLS needs rediss:// or ' +
			'rediss-sentinel://',
	);
}
