// The options that say what a stream manager does with its streams, and their checks.

import { callback, invalidOption, wholeNumber } from './checks.js';

/** @import { SessionCloseReason } from '../../index.js' */

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
 * @param {string} className the class it was given to
 */
export function policyOptions(given, className) {
	const keepAliveMs = wholeNumber(given, 'keepAliveMs', className, OR_OFF) ?? 0;
	const deadAfter = wholeNumber(given, 'deadAfterKeepAlives', className, OR_OFF);
	if (deadAfter !== undefined && keepAliveMs === 0)
		throw needs(className, 'deadAfterKeepAlives', 'keepAliveMs', keepAliveMs);
	const maxQueuedBytes = wholeNumber(given, 'maxQueuedBytes', className, { orInfinity: true });
	return {
		pool: flag(given, 'pool', className) ?? true,
		keepAliveMs,
		deadAfterKeepAlives: deadAfter === 0 ? Infinity : (deadAfter ?? DEFAULT_DEAD_AFTER),
		maxQueuedBytes: maxQueuedBytes ?? Infinity,
		onSlowClient: slowClientOption(given, maxQueuedBytes, className),
		coalesce: flag(given, 'coalesce', className) ?? false,
		sliceMs: wholeNumber(given, 'sliceMs', className),
		maxSessions: wholeNumber(given, 'maxSessions', className, { orInfinity: true }) ?? Infinity,
		maxAgeMs: wholeNumber(given, 'maxAgeMs', className) ?? Infinity,
		onClose: /** @type {((id: string, reason: SessionCloseReason) => void) | undefined} */ (
			callback(given.onClose, 'onClose', className)
		),
	};
}

/**
 * @param {Record<string, unknown>} given
 * @param {number | undefined} maxQueuedBytes
 * @param {string} className
 */
function slowClientOption({ onSlowClient }, maxQueuedBytes, className) {
	if (onSlowClient === undefined) return 'close';
	if (onSlowClient !== 'close' && onSlowClient !== 'drop') {
		throw invalidOption(className, 'onSlowClient', "'close' or 'drop'", onSlowClient);
	}
	if (maxQueuedBytes === undefined) throw needs(className, 'onSlowClient', 'maxQueuedBytes', maxQueuedBytes);
	return onSlowClient;
}

/**
 * @param {Record<string, unknown>} given
 * @param {string} name
 * @param {string} className
 * @returns {boolean | undefined}
 */
function flag(given, name, className) {
	const { [name]: value } = given;
	if (value === undefined || typeof value === 'boolean') return value;
	throw invalidOption(className, name, 'true or false', value);
}

/**
 * @param {string} className
 * @param {string} name
 * @param {string} needed
 * @param {unknown} value of that
 */
function needs(className, name, needed, value) {
	return invalidOption(className, needed, `given where "${name}" is`, value);
}
