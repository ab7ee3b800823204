// The options of the managers, and their checks.

import { invalidValue } from '../errors.js';
import { isRedisUrl } from '../native/binding.js';
import { callback, invalidOption, LONGEST_TIMER_MS, read, wholeNumber } from './checks.js';
import { POLICY_OPTIONS, policyOptions } from './policy-options.js';

/** @import { InfoSessionManagerOptions, StreamSessionManager } from '../../index.js' */

/**
 * @param {unknown} options what the user gave
 * @param {string} className the class it was given to
 */
export function streamOptions(options, className) {
	const given = read(options, [...POLICY_OPTIONS, ...SCOPE_OPTIONS], className);
	return { ...policyOptions(given, className), ...scopeOptions(given, className) };
}

/** @param {unknown} options what the user gave to `close()` */
export function closeOptions(options) {
	return { drainMs: wholeNumber(read(options, ['drainMs'], 'close'), 'drainMs', 'close', { least: 0 }) };
}

/**
 * @param {unknown} options what the user gave
 * @param {string} className the class it was given to
 */
export function subscriptionOptions(options, className) {
	return scopeOptions(read(options, SCOPE_OPTIONS, className), className);
}

const SCOPE_OPTIONS = ['scope', 'maxMailboxBytes'];

/**
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function scopeOptions(options, className) {
	const { maxMailboxBytes } = options;
	const scope = scopeOption(options, className);
	if (maxMailboxBytes !== undefined) {
		if (!(Number.isSafeInteger(maxMailboxBytes) && Number(maxMailboxBytes) > 0)) {
			throw invalidOption(className, 'maxMailboxBytes', 'a whole number of bytes from 1', maxMailboxBytes);
		}
		if (scope === undefined) {
			throw invalidOption(
				className,
				'scope',
				'given where "maxMailboxBytes" is: only what is shared has a mailbox',
				scope,
			);
		}
	}
	return { scope, maxMailboxBytes: maxMailboxBytes === undefined ? undefined : Number(maxMailboxBytes) };
}

/**
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function scopeOption({ scope }, className) {
	if (scope === undefined || (typeof scope === 'string' && scope !== '')) return scope;
	throw invalidOption(className, 'scope', 'a string that is not empty', scope);
}

/**
 * @param {unknown} options what the user gave
 * @param {string} className the class it was given to
 */
export function infoOptions(options, className) {
	const given = read(options, ['scope', 'maxSessions', 'onSessionLimit', 'ttlMs', 'streams'], className);
	const { maxSessions = Infinity, onSessionLimit, ttlMs, streams } = given;
	const scope = scopeOption(given, className);
	if (!(maxSessions === Infinity || (Number.isSafeInteger(maxSessions) && Number(maxSessions) > 0))) {
		throw invalidOption(className, 'maxSessions', 'a whole number from 1, or Infinity', maxSessions);
	}
	if (onSessionLimit !== undefined && typeof onSessionLimit !== 'function') {
		throw invalidOption(className, 'onSessionLimit', 'a function', onSessionLimit);
	}
	if (ttlMs !== undefined && !(typeof ttlMs === 'number' && ttlMs >= 1 && ttlMs <= LONGEST_TIMER_MS)) {
		throw invalidOption(className, 'ttlMs', `a number of milliseconds from 1 to ${LONGEST_TIMER_MS}`, ttlMs);
	}
	if (streams !== undefined && typeof (/** @type {any} */ (streams)?.has) !== 'function') {
		throw invalidOption(className, 'streams', 'a stream manager, which has the method has()', streams);
	}
	return {
		scope,
		maxSessions: Number(maxSessions),
		onSessionLimit: /** @type {InfoSessionManagerOptions['onSessionLimit']} */ (onSessionLimit),
		ttlMs,
		streams: /** @type {Pick<StreamSessionManager, 'has'> | undefined} */ (streams),
	};
}

/** Of what joins a process to others, in the order of `joinRedis`. */
const BACKPLANE_SETTINGS = /** @type {const} */ ([
	'maxLen',
	'maxPendingBytes',
	'commandTimeoutMs',
	'heartbeatMs',
	'nodeTtlMs',
]);
const REDIS_OPTIONS = ['prefix', 'onGap', 'onError', ...BACKPLANE_SETTINGS];

/**
 * @param {unknown} url what the user gave
 * @param {unknown} options likewise
 * @param {string} className the class it was given to
 */
export function redisStreamOptions(url, options, className) {
	const given = read(options, [...REDIS_OPTIONS, ...POLICY_OPTIONS, 'maxMailboxBytes'], className);
	return { ...policyOptions(given, className), ...redisOptions(url, given, className) };
}

/**
 * @param {unknown} url what the user gave
 * @param {unknown} options likewise
 * @param {string} className the class it was given to
 */
export function redisSubscriptionOptions(url, options, className) {
	return redisOptions(url, read(options, [...REDIS_OPTIONS, 'maxMailboxBytes'], className), className);
}

/**
 * @param {unknown} url what the user gave
 * @param {unknown} options likewise
 * @param {string} className the class it was given to
 */
export function redisInfoOptions(url, options, className) {
	const given = read(options, [...REDIS_OPTIONS, 'ttlMs'], className);
	return { ttlMs: wholeNumber(given, 'ttlMs', className) ?? DAY_MS, ...redisOptions(url, given, className) };
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * @param {unknown} url
 * @param {Record<string, unknown>} options
 * @param {string} className
 */
function redisOptions(url, options, className) {
	// What it was is not said: there may be a password in it.
	if (typeof url !== 'string' || !isRedisUrl(url)) throw invalidRedisUrl(className);
	const { prefix = 'tmcp', onGap, onError } = options;
	if (typeof prefix !== 'string' || prefix === '')
		throw invalidOption(className, 'prefix', 'a string that is not empty', prefix);
	const settings = BACKPLANE_SETTINGS.map((name) => wholeNumber(options, name, className) ?? Number.NaN);
	const { heartbeatMs = DEFAULT_HEARTBEAT_MS, nodeTtlMs = DEFAULT_NODE_TTL_MS } = options;
	if (Number(nodeTtlMs) <= Number(heartbeatMs)) {
		throw invalidOption(
			className,
			'nodeTtlMs',
			`longer than "heartbeatMs" (${heartbeatMs}), and better three times as long`,
			nodeTtlMs,
		);
	}
	return {
		url,
		prefix,
		settings,
		maxMailboxBytes: wholeNumber(options, 'maxMailboxBytes', className),
		onGap: callback(onGap, 'onGap', className),
		onError: callback(onError, 'onError', className),
	};
}

const DEFAULT_HEARTBEAT_MS = 3_000;
const DEFAULT_NODE_TTL_MS = 10_000;

/**
 * Those of the settings that were given and do not count, as somebody else has given others.
 *
 * @param {number[]} given
 * @param {number[]} inUse
 * @param {string} className
 */
export function checkSettings(given, inUse, className) {
	for (const [index, name] of BACKPLANE_SETTINGS.entries()) {
		if (Number.isNaN(given[index]) || given[index] === inUse[index]) continue;
		throw invalidValue(
			`${className}: option "${name}" is ${given[index]}, but this process is connected with ${inUse[index]}; ` +
				'give all managers of a server and prefix the same, or only the first',
		);
	}
}

/** @param {string} className */
function invalidRedisUrl(className) {
	return invalidValue(
		`${className}: "url" must be the URL of a Redis server, redis://[user][:password@]host[:port][/database], or rediss:// with TLS`,
	);
}
