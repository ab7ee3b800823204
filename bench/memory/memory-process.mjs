// One side's memory, in a process of its own (--expose-gc): first the streams, which cost the same on every side and
// are the bulk, then the sessions.

import { copy, makeIds } from '../harness/test-data.mjs';
import { managers, titles } from '../harness/implementations.mjs';

const side = /** @type {keyof typeof managers} */ (process.argv[2]);
const count = Number(process.argv[3]);

// Loads and compiles what is used below.
run(10);
send(run(count));

/** @param {number} count */
function run(count) {
	const empty = used();
	const ids = makeIds(count);
	const controllers = ids.map(openStream);
	const streams = used();
	const manager = managers[side]();
	for (const [index, id] of ids.entries()) manager.create(id, controllers[index]);
	const registered = used();

	manager.send([copy(ids[count - 1])], '.');
	if (controllers.filter(({ desiredSize }) => desiredSize === 0).length !== 1) {
		throw new Error(`${titles[side]}: one message to one of ${count} sessions has not reached that one alone`);
	}
	return { streams: perSession(empty, streams), manager: perSession(streams, registered) };

	/**
	 * @param {ReturnType<typeof used>} before
	 * @param {ReturnType<typeof used>} after
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

function used() {
	const collect = /** @type {() => void} */ (globalThis.gc);
	// What the first leaves to finalizers and to the background is gone after the others.
	for (let times = 0; times < 3; times++) collect();
	const { rss, heapUsed, external } = process.memoryUsage();
	return { rss, js: heapUsed + external };
}

/** @param {object} shares */
function send(shares) {
	process.send?.(shares);
	process.disconnect?.();
}
