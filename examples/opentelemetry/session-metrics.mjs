// The numbers of a stream manager, for OpenTelemetry: how long sessions last, as its semantic conventions for MCP name it,
// and what `manager.stats()` counts. It takes a meter of `@opentelemetry/api`, and knows no SDK and no exporter.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ValueType } from '@opentelemetry/api';

/** @import { Meter } from '@opentelemetry/api' */
/** @import { InMemoryStreamSessionManager, SessionCloseReason } from '@tmcp-native/session-manager' */

/** Of sessions that have a duration: see {@link meterSessions}. */
const CLOSED_CHANNEL = 'tmcp-native:session:closed';

/** Seconds. As the conventions ask for: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/mcp.md */
export const DURATION_BOUNDARIES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/**
 * The reasons that are failures: the server has given a session up that its client had not left. Anything else is how
 * sessions end, `gone` included, as most clients leave without a word.
 *
 * @type {ReadonlySet<SessionCloseReason>}
 */
const FAILURES = new Set(['slow', 'dead', 'overflow']);

/**
 * Meters a manager until it is told to stop.
 *
 * The histogram has the sessions that were opened since, of all managers of this thread: the diagnostics channel that it
 * listens to is the thread's, and durations are not measured while nobody listens. The other numbers are those of
 * `manager.stats()`: of this manager, or of what this thread has of its scope. So meter each thread, and in it each scope once.
 *
 * @param {Meter} meter
 * @param {Pick<InMemoryStreamSessionManager, 'stats'>} manager any that has `stats()`, one over Redis, too
 * @returns {() => void} stops it: nothing is listened to, and the manager not held, any more
 */
export function meterSessions(meter, manager) {
	const duration = meter.createHistogram('mcp.server.session.duration', {
		description: 'How long sessions lasted that are gone.',
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
		description: 'Sessions that are gone, by the reason.',
		unit: '{session}',
		...whole,
	});
	const messages = meter.createObservableCounter('tmcp.message.sent', {
		description: 'Messages given to streams: one to ten sessions is ten.',
		unit: '{message}',
		...whole,
	});
	const bytes = meter.createObservableCounter('tmcp.message.io', {
		description: 'Bytes of the messages given to streams.',
		unit: 'By',
		...whole,
	});
	const dropped = meter.createObservableCounter('tmcp.message.dropped', {
		description: 'Messages dropped for slow clients.',
		unit: '{message}',
		...whole,
	});
	const queued = meter.createObservableGauge('tmcp.queue.size', {
		description: 'Bytes in streams that clients have not read.',
		unit: 'By',
		...whole,
	});
	const mailbox = meter.createObservableGauge('tmcp.mailbox.size', {
		description: 'Bytes from other threads that wait for this one.',
		unit: 'By',
		...whole,
	});

	/** @param {unknown} message */
	const record = (message) => {
		const { reason, durationMs } = /** @type {{ reason: SessionCloseReason, durationMs?: number }} */ (message);
		if (durationMs !== undefined) duration.record(durationMs / 1_000, attributesOf(reason));
	};
	// One for all: `stats()` looks at every session, and what is exported together is to be of one moment.
	/** @type {import('@opentelemetry/api').BatchObservableCallback} */
	const observe = (result) => {
		const stats = manager.stats();
		result.observe(open, stats.sessions);
		result.observe(messages, stats.messages);
		result.observe(bytes, stats.bytes);
		result.observe(dropped, stats.dropped);
		result.observe(queued, stats.queuedBytes);
		result.observe(mailbox, stats.mailboxBytes);
		// Also reasons that there were none of yet: a counter that begins at 1 has no first increase.
		for (const [reason, count] of Object.entries(stats.closed)) result.observe(closed, count, attributesOf(reason));
	};
	const observed = [open, closed, messages, bytes, dropped, queued, mailbox];

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
