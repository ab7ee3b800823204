// A worker thread: the same number of sessions on every channel, each with a reader that reads chunks as they come. Reports to
// the main thread when the last expected byte was read.

import { parentPort, workerData } from 'node:worker_threads';
import { collectYoung } from '../harness/gc.mjs';
import { copy } from '../harness/test-data.mjs';
import { CHANNELS, receivers, titles } from './channels.mjs';

/** @typedef {import('./channels.mjs').Channel} Channel */
/** @typedef {import('./worker-pool.mjs').Instruction} Instruction */

const main = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
/** @type {{ ids: string[], connections: import('./channels.mjs').Connections }} */
const { ids, connections } = workerData;

/** Used below, so that no manager is collected: its streams would end. */
const managers = CHANNELS.map((channel) => receivers[channel](connections, enqueueFloor));
/** @type {ReadableStreamDefaultController[]} the controllers of the floor */
const floorControllers = [];
/** @type {number[][]} indexes of the sessions that each message of a burst is for */
let targets = [];
let chunk = new Uint8Array();

/** Number of expected bytes, and how many of them have not arrived yet. */
let bytes = 0;
let missing = 0;
/** @type {{ channel: Channel, texts: string[], received: number[], unfinished: number } | undefined} */
let check;

for (const [nth, channel] of CHANNELS.entries()) {
	const manager = managers[nth];
	// With `start` and `cancel`, like the streams of the HTTP and SSE transports.
	for (const [index, id] of ids.entries()) {
		const stream = new ReadableStream({
			start(controller) {
				if (manager === undefined) floorControllers[index] = controller;
				else manager.create(copy(id), controller);
			},
			cancel() {
				manager?.delete(id);
			},
		});
		readAll(channel, index, stream.getReader());
	}
}
main.on('message', follow);
main.postMessage({});

/** @param {number} sends */
function enqueueFloor(sends) {
	for (let nth = 0; nth < sends; nth++) {
		for (const index of targets[nth]) floorControllers[index].enqueue(chunk);
	}
}

/**
 * @param {Channel} channel
 * @param {number} index
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 */
async function readAll(channel, index, reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		if (check === undefined) count(next.value);
		else compare(channel, index, next.value);
	}
	throw new Error(`${titles[channel]}: a stream has ended`);
}

/** @param {Uint8Array} value */
function count({ byteLength }) {
	missing -= byteLength;
	if (missing > 0) return;
	// All threads of a process share this clock.
	const end = process.hrtime.bigint();
	if (missing < 0) throw new Error('more bytes have arrived than were sent');
	missing = bytes;
	main.postMessage({ end });
}

/**
 * @param {Channel} channel
 * @param {number} index
 * @param {Uint8Array} value
 */
function compare(channel, index, value) {
	const { texts, received } = /** @type {NonNullable<typeof check>} */ (check);
	const text = Buffer.from(value).toString();
	if (channel !== check?.channel || !texts[index].startsWith(text, received[index])) {
		throw new Error(`${titles[channel]}: session ${index} received ${JSON.stringify(text.slice(0, 200))}`);
	}
	received[index] += text.length;
	if (received[index] < texts[index].length) return;
	check.unfinished--;
	if (check.unfinished === 0) main.postMessage({});
}

/** @param {Instruction} instruction */
async function follow(instruction) {
	if (missing !== bytes) throw new Error(`${bytes - missing} of ${bytes} bytes have arrived`);
	if (instruction.check) {
		const { channel, texts } = instruction.check;
		const manager = managers[CHANNELS.indexOf(channel)];
		for (const id of ids) {
			if (manager && !(await manager.has(id))) throw new Error(`${titles[channel]}: has() is false for ${id}`);
		}
		check = { channel, texts, received: texts.map(() => 0), unfinished: texts.filter((text) => text !== '').length };
	} else {
		check = undefined;
	}
	if (instruction.floor) {
		targets = instruction.floor.targets;
		chunk = new TextEncoder().encode(instruction.floor.data);
	}
	bytes = missing = instruction.bytes ?? 0;
	if (instruction.collect) collectYoung();
	main.postMessage({});
}
