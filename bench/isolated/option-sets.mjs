// What a stream manager is told in this part: one option each, or all that are recommended.

/** @typedef {import('../../index.js').StreamSessionManagerOptions} Options */
/** @typedef {'none' | 'keepAliveMs' | 'maxQueuedBytes' | 'coalesce' | 'sliceMs' | 'maxSessions' | 'maxAgeMs' | 'onClose' | 'all'} OptionName */

const MINUTE_MS = 60_000;

// What takes time does so whatever the number. These are so long that nothing falls due within a turn, and no slice ends in one,
// on a machine that others use, too: sweeps and slices are measured by themselves (keep-alive.mjs, stall.mjs).
const keepAliveMs = 10 * MINUTE_MS;
const maxAgeMs = 60 * MINUTE_MS;
const maxQueuedBytes = 2 ** 20;
const sliceMs = MINUTE_MS;
const maxSessions = 100_000;
const onClose = () => {};

/** @type {Record<OptionName, Options>} */
export const OPTIONS = {
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

/** @type {Record<OptionName, string>} */
export const titles = {
	none: 'without options',
	keepAliveMs: '`keepAliveMs`',
	maxQueuedBytes: '`maxQueuedBytes`',
	coalesce: '`coalesce`',
	sliceMs: '`sliceMs`',
	maxSessions: '`maxSessions`',
	maxAgeMs: '`maxAgeMs`',
	onClose: '`onClose`',
	all: 'all of them',
};
