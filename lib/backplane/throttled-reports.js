// Reports errors to `onError`, those with the same cause at most once a second.

/** @import { Reports } from '../threads/reports.js' */

const INTERVAL_MS = 1_000;
/** Number of causes at which those that were reported more than a second ago are removed. */
const MAX_CAUSES = 64;

/** When each cause was last reported, by the reports of a membership. @type {WeakMap<Reports, Map<string, number>>} */
const reportedAt = new WeakMap();

/**
 * Reports an error, unless an error with the same cause was reported less than a second ago. The managers of a membership
 * share this limit.
 *
 * @param {Reports} reports
 * @param {Error} error
 * @param {string} [cause] the errors with the same cause are the same
 */
export function reportThrottled(reports, error, cause = error.message) {
	const now = performance.now();
	const times = reportedAt.get(reports) ?? new Map();
	reportedAt.set(reports, times);
	if (now - (times.get(cause) ?? -Infinity) < INTERVAL_MS) return;
	if (times.size >= MAX_CAUSES) {
		for (const [other, time] of times) if (now - time >= INTERVAL_MS) times.delete(other);
	}
	times.set(cause, now);
	reports.error(error);
}
