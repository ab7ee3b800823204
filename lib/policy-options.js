// The options that say what a stream manager does with its streams, and their checks.

import { callback, invalidOption, wholeNumber } from './option-checks.js';

/** @import { SessionCloseReason } from '../index.js' */

export const POLICY_OPTIONS = [
	'pool',
	'keepAliveMs',
	'deadAfterKeepAlives',
	'maxQueuedBytes',
	'onSlowClient',
	'coalesce',
	'sliceMs',
	'maxSessions',
	'maxAgeMs',
	'onClose',
];

/** 0 turns it off. */
const OR_OFF = { least: 0 };

/** How many keep-alives a client may miss, unless told otherwise. */
const DEFAULT_DEAD_AFTER = 3;

/**
 * @param {Record<string, unknown>} given
 * @param {string} who the class it was given to
 */
export function policyOptions(given, who) {
	const keepAliveMs = wholeNumber(given, 'keepAliveMs', who, OR_OFF) ?? 0;
	const deadAfter = wholeNumber(given, 'deadAfterKeepAlives', who, OR_OFF);
	if (deadAfter !== undefined && keepAliveMs === 0) throw needs(who, 'deadAfterKeepAlives', 'keepAliveMs', keepAliveMs);
	const maxQueuedBytes = wholeNumber(given, 'maxQueuedBytes', who, { orInfinity: true });
	return {
		pool: flag(given, 'pool', who) ?? true,
		keepAliveMs,
		deadAfterKeepAlives: deadAfter === 0 ? Infinity : (deadAfter ?? DEFAULT_DEAD_AFTER),
		maxQueuedBytes: maxQueuedBytes ?? Infinity,
		onSlowClient: slowClientOption(given, maxQueuedBytes, who),
		coalesce: flag(given, 'coalesce', who) ?? false,
		sliceMs: wholeNumber(given, 'sliceMs', who),
		maxSessions: wholeNumber(given, 'maxSessions', who, { orInfinity: true }) ?? Infinity,
		maxAgeMs: wholeNumber(given, 'maxAgeMs', who) ?? Infinity,
		onClose: /** @type {((id: string, reason: SessionCloseReason) => void) | undefined} */ (
			callback(given.onClose, 'onClose', who)
		),
	};
}

/**
 * @param {Record<string, unknown>} given
 * @param {number | undefined} maxQueuedBytes
 * @param {string} who
 */
function slowClientOption({ onSlowClient }, maxQueuedBytes, who) {
	if (onSlowClient === undefined) return 'close';
	if (onSlowClient !== 'close' && onSlowClient !== 'drop') {
		throw invalidOption(who, 'onSlowClient', "'close' or 'drop'", onSlowClient);
	}
	if (maxQueuedBytes === undefined) throw needs(who, 'onSlowClient', 'maxQueuedBytes', maxQueuedBytes);
	return onSlowClient;
}

/**
 * @param {Record<string, unknown>} given
 * @param {string} name
 * @param {string} who
 * @returns {boolean | undefined}
 */
function flag(given, name, who) {
	const { [name]: value } = given;
	if (value === undefined || typeof value === 'boolean') return value;
	throw invalidOption(who, name, 'true or false', value);
}

/**
 * @param {string} who
 * @param {string} name
 * @param {string} needed
 * @param {unknown} value of that
 */
function needs(who, name, needed, value) {
	return invalidOption(who, needed, `given where "${name}" is`, value);
}
