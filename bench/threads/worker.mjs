// A worker thread: the same number of sessions by every way, and a reader for each that reads as it comes. It tells the
// main thread when the last byte of what that expects has been read.

import { parentPort, workerData } from 'node:worker_threads';
import { copy } from '../harness/test-data.mjs';
import { collectYoung } from '../harness/interleave.mjs';
import { receivers, titles, WAYS } from './channels.mjs';

/** @typedef {import('./channels.mjs').WayName} WayName */
/** @typedef {import('./worker-pool.mjs').Order} Order */

const main = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
/** @type {{ ids: string[], ends: import('./channels.mjs').Ends }} */
const { ids, ends } = workerData;

/** Held, as a server holds them, by being used below: one that nobody holds is collected, and its streams with it. */
const managers = WAYS.map((way) => receivers[way](ends, feedFloor));
/** @type {ReadableStreamDefaultController[]} those of the floor, by place */
const floor = [];
/** @type {number[][]} the places that each send of a burst is for */
let targets = [];
let chunk = new Uint8Array();

// What is expected, and how much of it is still to come.
let bytes = 0;
let left = 0;
/** @type {{ way: WayName, texts: string[], received: number[], unfinished: number } | undefined} */
let check;

for (const [index, way] of WAYS.entries()) {
	const manager = managers[index];
	// With `start` and `cancel`, as the HTTP and SSE transports make them.
	for (const [place, id] of ids.entries()) {
		const stream = new ReadableStream({
			start(controller) {
				if (manager === undefined) floor[place] = controller;
				else manager.create(copy(id), controller);
			},
			cancel() {
				manager?.delete(id);
			},
		});
		read(way, place, stream.getReader());
	}
}
main.on('message', obey);
main.postMessage({});

/** @param {number} sends */
function feedFloor(sends) {
	for (let index = 0; index < sends; index++) {
		for (const place of targets[index]) floor[place].enqueue(chunk);
	}
}

/**
 * @param {WayName} way
 * @param {number} place
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 */
async function read(way, place, reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		if (check === undefined) count(next.value);
		else compare(way, place, next.value);
	}
	throw new Error(`${titles[way]}: a stream has ended`);
}

/** @param {Uint8Array} value */
function count({ byteLength }) {
	left -= byteLength;
	if (left > 0) return;
	// All threads of a process have this clock in common, so that the way back is not on it.
	const end = process.hrtime.bigint();
	if (left < 0) throw new Error('more has arrived than was sent');
	left = bytes;
	main.postMessage({ end });
}

/**
 * @param {WayName} way
 * @param {number} place
 * @param {Uint8Array} value
 */
function compare(way, place, value) {
	const { texts, received } = /** @type {NonNullable<typeof check>} */ (check);
	const text = Buffer.from(value).toString();
	if (way !== check?.way || !texts[place].startsWith(text, received[place])) {
		throw new Error(`${titles[way]}: session ${place} got ${JSON.stringify(text.slice(0, 200))}`);
	}
	received[place] += text.length;
	if (received[place] < texts[place].length) return;
	check.unfinished--;
	if (check.unfinished === 0) main.postMessage({});
}

/** @param {Order} order */
async function obey(order) {
	if (left !== bytes) throw new Error(`${bytes - left} of ${bytes} bytes have arrived`);
	if (order.check) {
		const { way, texts } = order.check;
		const manager = managers[WAYS.indexOf(way)];
		for (const id of ids) {
			if (manager && !(await manager.has(id))) throw new Error(`${titles[way]}: there is no session ${id}`);
		}
		check = { way, texts, received: texts.map(() => 0), unfinished: texts.filter((text) => text !== '').length };
	} else {
		check = undefined;
	}
	if (order.floor) {
		targets = order.floor.targets;
		chunk = new TextEncoder().encode(order.floor.data);
	}
	bytes = left = order.bytes ?? 0;
	if (order.collect) collectYoung();
	main.postMessage({});
}
