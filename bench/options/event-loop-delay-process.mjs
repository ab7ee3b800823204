// A process that broadcasts to very many sessions, and measures the turns of its event loop meanwhile.

import { PerformanceObserver } from 'node:perf_hooks';
import timers from 'node:timers';
import { setTimeout as wait } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { sendResult } from '../harness/child-process.mjs';
import { collectAll } from '../harness/gc.mjs';
import { asciiTexts, makeIds } from '../harness/test-data.mjs';

/** @typedef {import('./event-loop-delay.mjs').Broadcast} Broadcast */
/** @typedef {{ start: number, end: number }} Span in milliseconds */

const readers = /** @type {import('./event-loop-delay.mjs').Readers} */ (process.argv[2]);
/** With `sliceMs` 0, the broadcast is delivered in one go. */
const [sliceMs, sessions, broadcasts] = process.argv.slice(3).map(Number);
const [text] = asciiTexts;

const WARM_UP_BROADCASTS = 1;
/** Time until the event loop is idle again. */
const SETTLE_MS = 50;

/** @type {Span[]} */
const collections = [];
new PerformanceObserver((list) => {
	for (const { startTime, duration } of list.getEntries()) {
		collections.push({ start: startTime, end: startTime + duration });
	}
}).observe({ entryTypes: ['gc'] });

const manager = new InMemoryStreamSessionManager(sliceMs > 0 ? { sliceMs } : {});
let unread = 0;
let onAllRead = () => {};
const streamReaders = makeIds(sessions).map((id) => {
	/** @type {ReadableStream<Uint8Array>} */
	const stream = new ReadableStream({ start: (controller) => manager.create(id, controller) });
	const reader = stream.getReader();
	if (readers === 'waiting') readAll(reader);
	return reader;
});

/** @type {Broadcast[]} */
const samples = [];
for (let index = -WARM_UP_BROADCASTS; index < broadcasts; index++) {
	collectAll();
	const sample = await broadcast();
	if (readers === 'none') await readQueues();
	if (index >= 0) samples.push(sample);
}
sendResult(samples);

/** @returns {Promise<Broadcast>} */
async function broadcast() {
	const turns = recordTurns();
	await wait(SETTLE_MS);
	collections.length = 0;
	turns.begin();
	const start = performance.now();
	unread = sessions;
	const allRead = new Promise((resolve) => {
		onAllRead = () => resolve(undefined);
	});
	manager.send(undefined, text.value);
	await (readers === 'waiting' ? allRead : manager.flush());
	const end = performance.now();
	await wait(SETTLE_MS);
	const spans = turns.stop().filter((turn) => turn.start <= end);
	return {
		longestTurn: longestNs(spans.map(({ start, end }) => end - start)),
		withoutGc: longestNs(spans.map(msWithoutGc)),
		allDelivered: (end - start) * 1e6,
	};
}

/** Records each turn of the event loop, from one `setImmediate` callback to the next. */
function recordTurns() {
	/** @type {Span[]} */
	let spans = [];
	let last = performance.now();
	let isStopped = false;
	const onTurn = () => {
		const now = performance.now();
		spans.push({ start: last, end: now });
		last = now;
		if (!isStopped) timers.setImmediate(onTurn);
	};
	timers.setImmediate(onTurn);
	return {
		begin() {
			spans = [];
			last = performance.now();
		},
		stop() {
			isStopped = true;
			return spans;
		},
	};
}

/** @param {number[]} spansMs */
function longestNs(spansMs) {
	return spansMs.reduce((longest, ms) => Math.max(longest, ms), 0) * 1e6;
}

/** @param {Span} span */
function msWithoutGc({ start, end }) {
	const collecting = collections.map((gc) => Math.max(0, Math.min(end, gc.end) - Math.max(start, gc.start)));
	return end - start - collecting.reduce((sum, ms) => sum + ms, 0);
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function readAll(reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		check(next.value);
		unread--;
		if (unread === 0) onAllRead();
	}
}

async function readQueues() {
	for (const reader of streamReaders) check((await reader.read()).value);
}

/** @param {Uint8Array | undefined} chunk */
function check(chunk) {
	if (chunk?.byteLength !== text.bytes.length) throw new Error('a chunk of another length');
}
