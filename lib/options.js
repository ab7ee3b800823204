// The options of the managers, and their checks.

import { invalidValue } from './errors.js';
import { isRedisUrl } from './native.js';
import { callback, invalidOption, LONGEST_TIMER_MS, read, wholeNumber } from './option-checks.js';
import { POLICY_OPTIONS, policyOptions } from './policy-options.js';

/** @import { InfoSessionManagerOptions, StreamSessionManager } from '../index.js' */

/**
 * @param {unknown} options what the user gave
 * @param {string} who the class it was given to
 */
export function streamOptions(options, who) {
	const given = read(options, [...POLICY_OPTIONS, ...SEAT_OPTIONS], who);
	return { ...policyOptions(given, who), ...seatOptions(given, who) };
}

/** @param {unknown} options what the user gave to `close()` */
export function closeOptions(options) {
	return { drainMs: wholeNumber(read(options, ['drainMs'], 'close'), 'drainMs', 'close', { least: 0 }) };
}

/**
 * @param {unknown} options what the user gave
 * @param {string} who the class it was given to
 */
export function subscriptionOptions(options, who) {
	return seatOptions(read(options, SEAT_OPTIONS, who), who);
}

const SEAT_OPTIONS = ['scope', 'maxMailboxBytes'];

/**
 * @param {Record<string, unknown>} options
 * @param {string} who
 */
function seatOptions(options, who) {
	const { maxMailboxBytes } = options;
	const scope = scopeOf(options, who);
	if (maxMailboxBytes !== undefined) {
		if (!(Number.isSafeInteger(maxMailboxBytes) && Number(maxMailboxBytes) > 0)) {
			throw invalidOption(who, 'maxMailboxBytes', 'a whole number of bytes from 1', maxMailboxBytes);
		}
		if (scope === undefined) {
			throw invalidOption(who, 'scope', 'given where "maxMailboxBytes" is: only what is shared has a mailbox', scope);
		}
	}
	return { scope, maxMailboxBytes: maxMailboxBytes === undefined ? undefined : Number(maxMailboxBytes) };
}

/**
 * @param {Record<string, unknown>} options
 * @param {string} who
 */
function scopeOf({ scope }, who) {
	if (scope === undefined || (typeof scope === 'string' && scope !== '')) return scope;
	throw invalidOption(who, 'scope', 'a string that is not empty', scope);
}

/**
 * @param {unknown} options what the user gave
 * @param {string} who the class it was given to
 */
export function infoOptions(options, who) {
	const given = read(options, ['scope', 'maxSessions', 'onSessionLimit', 'ttlMs', 'streams'], who);
	const { maxSessions = Infinity, onSessionLimit, ttlMs, streams } = given;
	const scope = scopeOf(given, who);
	if (!(maxSessions === Infinity || (Number.isSafeInteger(maxSessions) && Number(maxSessions) > 0))) {
		throw invalidOption(who, 'maxSessions', 'a whole number from 1, or Infinity', maxSessions);
	}
	if (onSessionLimit !== undefined && typeof onSessionLimit !== 'function') {
		throw invalidOption(who, 'onSessionLimit', 'a function', onSessionLimit);
	}
	if (ttlMs !== undefined && !(typeof ttlMs === 'number' && ttlMs >= 1 && ttlMs <= LONGEST_TIMER_MS)) {
		throw invalidOption(who, 'ttlMs', `a number of milliseconds from 1 to ${LONGEST_TIMER_MS}`, ttlMs);
	}
	if (streams !== undefined && typeof (/** @type {any} */ (streams)?.has) !== 'function') {
		throw invalidOption(who, 'streams', 'a stream manager, which has the method has()', streams);
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
 * @param {string} who the class it was given to
 */
export function redisStreamOptions(url, options, who) {
	const given = read(options, [...REDIS_OPTIONS, ...POLICY_OPTIONS, 'maxMailboxBytes'], who);
	return { ...policyOptions(given, who), ...redisOptions(url, given, who) };
}

/**
 * @param {unknown} url what the user gave
 * @param {unknown} options likewise
 * @param {string} who the class it was given to
 */
export function redisSubscriptionOptions(url, options, who) {
	return redisOptions(url, read(options, [...REDIS_OPTIONS, 'maxMailboxBytes'], who), who);
}

/**
 * @param {unknown} url what the user gave
 * @param {unknown} options likewise
 * @param {string} who the class it was given to
 */
export function redisInfoOptions(url, options, who) {
	const given = read(options, [...REDIS_OPTIONS, 'ttlMs'], who);
	return { ttlMs: wholeNumber(given, 'ttlMs', who) ?? DAY_MS, ...redisOptions(url, given, who) };
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * @param {unknown} url
 * @param {Record<string, unknown>} options
 * @param {string} who
 */
function redisOptions(url, options, who) {
	// What it was is not said: there may be a password in it.
	if (typeof url !== 'string' || !isRedisUrl(url)) throw notARedisUrl(who);
	const { prefix = 'tmcp', onGap, onError } = options;
	if (typeof prefix !== 'string' || prefix === '')
		throw invalidOption(who, 'prefix', 'a string that is not empty', prefix);
	const settings = BACKPLANE_SETTINGS.map((name) => wholeNumber(options, name, who) ?? Number.NaN);
	const { heartbeatMs = DEFAULT_HEARTBEAT_MS, nodeTtlMs = DEFAULT_NODE_TTL_MS } = options;
	if (Number(nodeTtlMs) <= Number(heartbeatMs)) {
		throw invalidOption(
			who,
			'nodeTtlMs',
			`longer than "heartbeatMs" (${heartbeatMs}), and better three times as long`,
			nodeTtlMs,
		);
	}
	return {
		url,
		prefix,
		settings,
		maxMailboxBytes: wholeNumber(options, 'maxMailboxBytes', who),
		onGap: callback(onGap, 'onGap', who),
		onError: callback(onError, 'onError', who),
	};
}

const DEFAULT_HEARTBEAT_MS = 3_000;
const DEFAULT_NODE_TTL_MS = 10_000;

/**
 * Those of the settings that were given and do not count, as somebody else has given others.
 *
 * @param {number[]} given
 * @param {number[]} inUse
 * @param {string} who
 */
export function checkSettings(given, inUse, who) {
	for (const [index, name] of BACKPLANE_SETTINGS.entries()) {
		if (Number.isNaN(given[index]) || given[index] === inUse[index]) continue;
		throw invalidValue(
			`${who}: option "${name}" is ${given[index]}, but this process is connected with ${inUse[index]}; ` +
				'give all managers of a server and prefix the same, or only the first',
		);
	}
}

/** @param {string} who */
function notARedisUrl(who) {
	return invalidValue(
		`${who}: "url" must be the URL of a Redis server, redis://[user][:password@]host[:port][/database], or rediss:// with TLS`,
	);
}
