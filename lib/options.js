// The options of the managers, and their checks: an option nobody knows is a mistake that would otherwise go unseen.

import { invalidArgument } from './errors.js';
import { nearest } from './native.js';

/** @import { InfoSessionManagerOptions, StreamSessionManager } from '../index.js' */

/** The longest that a timer takes, in ms; Node makes 1 ms of a longer one. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * @param {unknown} options what the user gave
 * @param {string} who the class it was given to
 */
export function streamOptions(options, who) {
	const { pool = true } = read(options, ['pool'], who);
	if (typeof pool !== 'boolean') throw invalidOption(who, 'pool', 'true or false', pool);
	return { pool };
}

/**
 * @param {unknown} options what the user gave
 * @param {string} who the class it was given to
 */
export function infoOptions(options, who) {
	const known = ['maxSessions', 'onSessionLimit', 'ttlMs', 'streams'];
	const { maxSessions = Infinity, onSessionLimit, ttlMs, streams } = read(options, known, who);
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
		maxSessions: Number(maxSessions),
		onSessionLimit: /** @type {InfoSessionManagerOptions['onSessionLimit']} */ (onSessionLimit),
		ttlMs,
		streams: /** @type {Pick<StreamSessionManager, 'has'> | undefined} */ (streams),
	};
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
