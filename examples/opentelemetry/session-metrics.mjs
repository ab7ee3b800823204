// OpenTelemetry metrics of a stream manager: the duration of sessions, named by the semantic conventions for MCP, and the
// numbers of `manager.stats()`. It needs a meter of `@opentelemetry/api`, and works with any SDK and exporter.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ValueType } from '@opentelemetry/api';

/** @import { Meter } from '@opentelemetry/api' */
/** @import { InMemoryStreamSessionManager, SessionCloseReason } from '@tmcp/session-manager' */

/** The diagnostics channel for closed sessions. Its messages have a duration if the session was opened while it had subscribers. */
const CLOSED_CHANNEL = 'tmcp-native:session:closed';

/** Bucket boundaries in seconds, as in the conventions: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/mcp.md */
export const DURATION_BOUNDARIES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/**
 * Reasons that are failures: the server closed the session of a client that was still connected. The other reasons are
 * normal, and so is `gone`: most clients disconnect without ending their session.
 *
 * @type {ReadonlySet<SessionCloseReason>}
 */
const FAILURES = new Set(['slow', 'dead', 'overflow']);

/**
 * Creates the metrics of a manager, and updates them until the returned function is called.
 *
 * The histogram has the sessions that are opened from now on, in all managers of this thread: a diagnostics channel belongs
 * to a thread, and durations are measured only while it has subscribers. The other metrics are the numbers of
 * `manager.stats()`, which counts the sessions of this manager, or those of its scope in this thread. So call this once in
 * each thread for each scope.
 *
 * @param {Meter} meter
 * @param {Pick<InMemoryStreamSessionManager, 'stats'>} manager any manager that has `stats()`, such as one with Redis
 * @returns {() => void} stops the metrics, unsubscribes from the channel, and releases the manager
 */
export function meterSessions(meter, manager) {
	const duration = meter.createHistogram('mcp.server.session.duration', {
		description: 'Duration of closed sessions.',
		unit: 's',
		advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
	});
	const whole = { valueType: ValueType.INT };
	const open = meter.createObservableUpDownCounter('tmcp.session.active', {
		description: 'Sessions with an open stream.',
		unit: '{session}',
		...whole,
	});
	const closed = meter.createObservableCounter('tmcp.session.closed', {
		description: 'Closed sessions, by reason.',
		unit: '{session}',
		...whole,
	});
	const refused = meter.createObservableCounter('tmcp.session.refused', {
		description: 'Sessions refused because of maxSessions.',
		unit: '{session}',
		...whole,
	});
	const messages = meter.createObservableCounter('tmcp.message.sent', {
		description: 'Messages written to streams. A message to ten sessions counts ten times.',
		unit: '{message}',
		...whole,
	});
	const bytes = meter.createObservableCounter('tmcp.message.io', {
		description: 'Bytes of the messages written to streams.',
		unit: 'By',
		...whole,
	});
	const dropped = meter.createObservableCounter('tmcp.message.dropped', {
		description: 'Messages dropped because a client was slow.',
		unit: '{message}',
		...whole,
	});
	const queued = meter.createObservableGauge('tmcp.queue.size', {
		description: 'Bytes queued in streams that clients have not read.',
		unit: 'By',
		...whole,
	});
	const mailbox = meter.createObservableGauge('tmcp.mailbox.size', {
		description: 'Bytes from other threads that this thread has not received.',
		unit: 'By',
		...whole,
	});

	/** @param {unknown} message */
	const record = (message) => {
		const { reason, durationMs } = /** @type {{ reason: SessionCloseReason, durationMs?: number }} */ (message);
		if (durationMs !== undefined) duration.record(durationMs / 1_000, attributesOf(reason));
	};
	// One callback for all: `stats()` visits each session, and the numbers of an export must be from the same time.
	/** @type {import('@opentelemetry/api').BatchObservableCallback} */
	const observe = (result) => {
		const stats = manager.stats();
		result.observe(open, stats.sessions);
		result.observe(refused, stats.refused);
		result.observe(messages, stats.messages);
		result.observe(bytes, stats.bytes);
		result.observe(dropped, stats.dropped);
		result.observe(queued, stats.queuedBytes);
		result.observe(mailbox, stats.mailboxBytes);
		// Includes the reasons that have not occurred: the first increase of a counter that begins at 1 is lost.
		for (const [reason, count] of Object.entries(stats.closed)) result.observe(closed, count, attributesOf(reason));
	};
	const observed = [open, closed, refused, messages, bytes, dropped, queued, mailbox];

	subscribe(CLOSED_CHANNEL, record);
	meter.addBatchObservableCallback(observe, observed);
	return () => {
		unsubscribe(CLOSED_CHANNEL, record);
		meter.removeBatchObservableCallback(observe, observed);
	};
}

/** @param {string} reason */
function attributesOf(reason) {
	const isFailure = FAILURES.has(/** @type {SessionCloseReason} */ (reason));
	return { 'tmcp.session.close_reason': reason, ...(isFailure && { 'error.type': reason }) };
}
