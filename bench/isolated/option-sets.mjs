// The options of stream managers whose cost is measured: each one alone, and all together.

/** @typedef {import('../../index.js').StreamSessionManagerOptions} Options */
/** @typedef {'none' | 'keepAliveMs' | 'maxQueuedBytes' | 'coalesce' | 'sliceMs' | 'maxSessions' | 'maxAgeMs' | 'onClose' | 'all'} OptionName */

const MINUTE_MS = 60_000;

// The cost of a call does not depend on these durations. They are so long that no timer fires and no slice ends within a
// turn, even on a busy machine. Sweeps and slices have their own measurements (keep-alive.mjs, event-loop-delay.mjs).
const keepAliveMs = 10 * MINUTE_MS;
const maxAgeMs = 60 * MINUTE_MS;
const maxQueuedBytes = 2 ** 20;
const sliceMs = MINUTE_MS;
const maxSessions = 100_000;
const onClose = () => {};

/** @type {Record<OptionName, Options>} */
export const OPTION_SETS = {
	none: {},
	keepAliveMs: { keepAliveMs },
	maxQueuedBytes: { maxQueuedBytes },
	coalesce: { coalesce: true },
	sliceMs: { sliceMs },
	maxSessions: { maxSessions },
	maxAgeMs: { maxAgeMs },
	onClose: { onClose },
	all: { keepAliveMs, maxQueuedBytes, coalesce: true, sliceMs, maxSessions, maxAgeMs, onClose },
};
