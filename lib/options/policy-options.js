// The options for limits, keep-alive and delivery of a stream manager's streams, with their checks and defaults.

import { booleanOption, functionOption, invalidOption, numberOption } from './checks.js';

/** @import { SessionCloseReason, SessionLimitError } from '../../index.js' */

export const POLICY_OPTIONS = [
	'pool',
	'keepAliveMs',
	'deadAfterKeepAlives',
	'maxQueuedBytes',
	'onSlowClient',
	'coalesce',
	'sliceMs',
	'maxSessions',
	'onSessionLimit',
	'maxAgeMs',
	'onClose',
];

/** The range of an option that 0 turns off. */
const OR_OFF = { min: 0 };

/** The default of `deadAfterKeepAlives`. */
const DEFAULT_DEAD_AFTER = 3;

/**
 * Returns the policy options of a stream manager.
 *
 * @param {Record<string, unknown>} options with known names
 * @param {string} className the class that got the options
 */
export function policyOptions(options, className) {
	const keepAliveMs = numberOption(options, 'keepAliveMs', className, OR_OFF) ?? 0;
	const deadAfter = numberOption(options, 'deadAfterKeepAlives', className, OR_OFF);
	if (deadAfter !== undefined && keepAliveMs === 0) {
		throw invalidOption(className, 'keepAliveMs', 'at least 1 when "deadAfterKeepAlives" is set', keepAliveMs);
	}
	const maxQueuedBytes = numberOption(options, 'maxQueuedBytes', className, { orInfinity: true });
	return {
		pool: booleanOption(options, 'pool', className) ?? true,
		keepAliveMs,
		deadAfterKeepAlives: deadAfter === 0 ? Infinity : (deadAfter ?? DEFAULT_DEAD_AFTER),
		maxQueuedBytes: maxQueuedBytes ?? Infinity,
		onSlowClient: slowClientOption(options, maxQueuedBytes, className),
		coalesce: booleanOption(options, 'coalesce', className) ?? false,
		sliceMs: numberOption(options, 'sliceMs', className),
		maxSessions: numberOption(options, 'maxSessions', className, { orInfinity: true }) ?? Infinity,
		onSessionLimit: /** @type {((error: SessionLimitError, id: string) => void) | undefined} */ (
			functionOption(options, 'onSessionLimit', className)
		),
		maxAgeMs: numberOption(options, 'maxAgeMs', className) ?? Infinity,
		onClose: /** @type {((id: string, reason: SessionCloseReason) => void) | undefined} */ (
			functionOption(options, 'onClose', className)
		),
	};
}

/**
 * @param {Record<string, unknown>} options
 * @param {number | undefined} maxQueuedBytes
 * @param {string} className
 */
function slowClientOption({ onSlowClient }, maxQueuedBytes, className) {
	if (onSlowClient === undefined) return 'close';
	if (onSlowClient !== 'close' && onSlowClient !== 'drop') {
		throw invalidOption(className, 'onSlowClient', "'close' or 'drop'", onSlowClient);
	}
	if (maxQueuedBytes === undefined) {
		throw invalidOption(className, 'maxQueuedBytes', 'set when "onSlowClient" is set', maxQueuedBytes);
	}
	return onSlowClient;
}
