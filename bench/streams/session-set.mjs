// Sessions with real streams, the same number of them on every side.

import { copy, makeIds } from '../harness/test-data.mjs';
import { managers } from '../harness/implementations.mjs';

/** @typedef {import('../harness/implementations.mjs').SideName} SideName */
/** @typedef {import('../harness/implementations.mjs').Manager} Manager */

/**
 * @typedef {object} Crowd one side's sessions; the floor has streams, and no manager
 * @property {Manager | undefined} manager
 * @property {ReadableStreamDefaultController[]} controllers
 * @property {ReadableStreamDefaultReader[]} readers
 */

/**
 * @typedef {object} Population
 * @property {string[]} ids as a caller names them: other string objects than those the sessions were created with
 * @property {Record<SideName, Crowd>} crowds
 */

/**
 * @param {number} size
 * @returns {Population}
 */
export function populate(size) {
	const ids = makeIds(size);
	/** @type {Record<SideName, Crowd>} */
	const crowds = {
		old: crowd(managers.old()),
		upstream: crowd(managers.upstream()),
		ours: crowd(managers.ours()),
		floor: crowd(undefined),
	};
	for (const id of ids) {
		// Side by side, so that no side's streams lie better in memory.
		for (const side of Object.values(crowds)) join(side, copy(id));
	}
	return { ids, crowds };
}

/**
 * @param {Manager | undefined} manager
 * @returns {Crowd}
 */
export function crowd(manager) {
	return { manager, controllers: [], readers: [] };
}

/**
 * @param {Crowd} crowd
 * @param {string} id
 */
export function join({ manager, controllers, readers }, id) {
	// With `start` and `cancel`, as the HTTP and SSE transports make them.
	const stream = new ReadableStream({
		start(controller) {
			controllers.push(controller);
			manager?.create(id, controller);
		},
		cancel() {
			manager?.delete(id);
		},
	});
	readers.push(stream.getReader());
}
