// A process that measures the memory of one implementation: first the streams, whose size is the same for all, then the
// sessions. Runs with --expose-gc.

import { sendResult } from '../harness/child-process.mjs';
import { managers, titles } from '../harness/implementations.mjs';
import { copy, makeIds } from '../harness/test-data.mjs';

const implementation = /** @type {keyof typeof managers} */ (process.argv[2]);
const count = Number(process.argv[3]);

// Loads and compiles the code that the measurement uses.
measure(10);
sendResult(measure(count));

/** @param {number} count */
function measure(count) {
	const empty = usedMemory();
	const ids = makeIds(count);
	const controllers = ids.map(openStream);
	const streams = usedMemory();
	const manager = managers[implementation]();
	for (const [index, id] of ids.entries()) manager.create(id, controllers[index]);
	const registered = usedMemory();

	manager.send([copy(ids[count - 1])], '.');
	if (controllers.filter(({ desiredSize }) => desiredSize === 0).length !== 1) {
		throw new Error(
			`${titles[implementation]}: a message to one of ${count} sessions was not delivered to exactly one`,
		);
	}
	return { streams: perSession(empty, streams), manager: perSession(streams, registered) };

	/**
	 * @param {ReturnType<typeof usedMemory>} before
	 * @param {ReturnType<typeof usedMemory>} after
	 */
	function perSession(before, after) {
		return { rss: (after.rss - before.rss) / count, js: (after.js - before.js) / count };
	}
}

/** @returns {ReadableStreamDefaultController} */
function openStream() {
	let controller;
	new ReadableStream({
		start(own) {
			controller = own;
		},
		cancel() {},
	});
	return /** @type {any} */ (controller);
}

function usedMemory() {
	const collect = /** @type {() => void} */ (globalThis.gc);
	// Finalizers and background threads free the rest of the first collection before the last one.
	for (let times = 0; times < 3; times++) collect();
	const { rss, heapUsed, external } = process.memoryUsage();
	return { rss, js: heapUsed + external };
}
