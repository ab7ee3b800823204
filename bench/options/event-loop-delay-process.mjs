// A process that broadcasts to very many sessions, and watches how long its event loop takes for a turn.

import { PerformanceObserver } from 'node:perf_hooks';
import timers from 'node:timers';
import { setTimeout as wait } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { asciiTexts, makeIds } from '../harness/test-data.mjs';
import { collectAll } from '../harness/interleave.mjs';

/** @typedef {import('./event-loop-delay.mjs').Broadcast} Broadcast */
/** @typedef {{ start: number, end: number }} Span in milliseconds */

const readers = /** @type {import('./event-loop-delay.mjs').Readers} */ (process.argv[2]);
/** 0 for none. */
const [sliceMs, sessions, broadcasts] = process.argv.slice(3).map(Number);
const [text] = asciiTexts;

const WARM_UP = 1;
/** Until the event loop goes round as if nothing had been. */
const SETTLED_MS = 50;

/** @type {Span[]} */
const collections = [];
new PerformanceObserver((list) => {
	for (const { startTime, duration } of list.getEntries()) {
		collections.push({ start: startTime, end: startTime + duration });
	}
}).observe({ entryTypes: ['gc'] });

const manager = new InMemoryStreamSessionManager(sliceMs > 0 ? { sliceMs } : {});
let left = 0;
let resolve = () => {};
const all = makeIds(sessions).map((id) => {
	/** @type {ReadableStream<Uint8Array>} */
	const stream = new ReadableStream({ start: (controller) => manager.create(id, controller) });
	const reader = stream.getReader();
	if (readers === 'waiting') readOn(reader);
	return reader;
});

/** @type {Broadcast[]} */
const samples = [];
for (let times = -WARM_UP; times < broadcasts; times++) {
	collectAll();
	const sample = await broadcast();
	if (readers === 'none') await checkQueues();
	if (times >= 0) samples.push(sample);
}
process.send?.(samples, () => process.disconnect());

/** @returns {Promise<Broadcast>} */
async function broadcast() {
	const turns = watch();
	await wait(SETTLED_MS);
	collections.length = 0;
	turns.begin();
	const start = performance.now();
	left = sessions;
	const read = new Promise((settle) => {
		resolve = () => settle(undefined);
	});
	manager.send(undefined, text.value);
	await (readers === 'waiting' ? read : manager.flush());
	const end = performance.now();
	await wait(SETTLED_MS);
	const spans = turns.stop().filter((turn) => turn.start <= end);
	return {
		stall: longest(spans.map(({ start, end }) => end - start)),
		withoutGc: longest(spans.map(lengthWithoutGc)),
		until: (end - start) * 1e6,
	};
}

/** Notes each turn of the event loop, from one `setImmediate` to the next. */
function watch() {
	/** @type {Span[]} */
	let spans = [];
	let last = performance.now();
	let isOver = false;
	const turn = () => {
		const now = performance.now();
		spans.push({ start: last, end: now });
		last = now;
		if (!isOver) timers.setImmediate(turn);
	};
	timers.setImmediate(turn);
	return {
		begin() {
			spans = [];
			last = performance.now();
		},
		stop() {
			isOver = true;
			return spans;
		},
	};
}

/** @param {number[]} spansMs */
function longest(spansMs) {
	return spansMs.reduce((longest, ms) => Math.max(longest, ms), 0) * 1e6;
}

/** @param {Span} span */
function lengthWithoutGc({ start, end }) {
	const collecting = collections.map((gc) => Math.max(0, Math.min(end, gc.end) - Math.max(start, gc.start)));
	return end - start - collecting.reduce((sum, ms) => sum + ms, 0);
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function readOn(reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		check(next.value);
		left--;
		if (left === 0) resolve();
	}
}

async function checkQueues() {
	for (const reader of all) check((await reader.read()).value);
}

/** @param {Uint8Array | undefined} chunk */
function check(chunk) {
	if (chunk?.byteLength !== text.bytes.length) throw new Error('a chunk of another length');
}
