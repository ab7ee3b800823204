// The options of the managers, and their checks: an option nobody knows is a mistake that would otherwise go unseen.

import { invalidArgument, invalidValue } from './errors.js';
import { isRedisUrl, nearest } from './native.js';

/** @import { InfoSessionManagerOptions, StreamSessionManager } from '../index.js' */

/** The longest that a timer takes, in ms; Node makes 1 ms of a longer one. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * @param {unknown} options what the user gave
 * @param {string} who the class it was given to
 */
export function streamOptions(options, who) {
	const given = read(options, ['pool', ...SEAT_OPTIONS], who);
	const { pool = true } = given;
	if (typeof pool !== 'boolean') throw invalidOption(who, 'pool', 'true or false', pool);
	return { pool, ...seatOptions(given, who) };
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
	const given = read(options, [...REDIS_OPTIONS, 'pool', 'maxMailboxBytes'], who);
	const { pool = true } = given;
	if (typeof pool !== 'boolean') throw invalidOption(who, 'pool', 'true or false', pool);
	return { pool, ...redisOptions(url, given, who) };
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

/**
 * @param {Record<string, unknown>} options
 * @param {string} name
 * @param {string} who
 * @returns {number | undefined}
 */
function wholeNumber(options, name, who) {
	const { [name]: value } = options;
	if (value === undefined) return undefined;
	const most = name.endsWith('Ms') ? LONGEST_TIMER_MS : Number.MAX_SAFE_INTEGER;
	if (Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most) return Number(value);
	throw invalidOption(who, name, `a whole number from 1 to ${most}`, value);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @param {string} who
 * @returns {((event: any) => void) | undefined}
 */
function callback(value, name, who) {
	if (value === undefined || typeof value === 'function') {
		return /** @type {((event: any) => void) | undefined} */ (value);
	}
	throw invalidOption(who, name, 'a function', value);
}

/** @param {string} who */
function notARedisUrl(who) {
	return invalidValue(
		`${who}: "url" must be the URL of a Redis server, redis://[user][:password@]host[:port][/database], or rediss:// with TLS`,
	);
}

/**
 * @param {unknown} options
 * @param {string[]} known
 * @param {string} who
 * @returns {Record<string, unknown>}
 */
function read(options, known, who) {
	if (options === undefined) return {};
	if (options === null || typeof options !== 'object' || Array.isArray(options)) {
		throw invalidArgument(`${who}: "options" must be an object`, options);
	}
	for (const name of Object.keys(options)) {
		if (!known.includes(name)) throw unknownOption(who, name, known);
	}
	return /** @type {Record<string, unknown>} */ (options);
}

/**
 * @param {string} who
 * @param {string} name
 * @param {string} wanted
 * @param {unknown} value
 */
function invalidOption(who, name, wanted, value) {
	return invalidArgument(`${who}: option "${name}" must be ${wanted}`, value);
}

/**
 * @param {string} who
 * @param {string} name
 * @param {string[]} known
 */
function unknownOption(who, name, known) {
	const meant = nearest(name, known);
	const remedy = meant === null ? `known options: ${known.join(', ')}` : `did you mean "${meant}"?`;
	return Object.assign(new TypeError(`${who}: there is no option ${JSON.stringify(name)}; ${remedy}`), {
		code: /** @type {const} */ ('ERR_UNKNOWN_OPTION'),
	});
}
