// Sessions with real streams: the same ids for every implementation.

import { managers } from '../harness/implementations.mjs';
import { copy, makeIds } from '../harness/test-data.mjs';

/** @typedef {import('../harness/implementations.mjs').Implementation} Implementation */
/** @typedef {import('../harness/implementations.mjs').Manager} Manager */

/**
 * The sessions of one implementation. The floor has streams, but no manager.
 *
 * @typedef {object} SessionSet
 * @property {Manager | undefined} manager
 * @property {ReadableStreamDefaultController[]} controllers
 * @property {ReadableStreamDefaultReader[]} readers
 */

/**
 * @typedef {object} Sessions
 * @property {string[]} ids as a caller has them: other string objects than those that the sessions were created with
 * @property {Record<Implementation, SessionSet>} sets
 */

/**
 * Opens the same sessions for every implementation.
 *
 * @param {number} count
 * @returns {Sessions}
 */
export function openSessions(count) {
	const ids = makeIds(count);
	/** @type {Record<Implementation, SessionSet>} */
	const sets = {
		old: emptySet(managers.old()),
		upstream: emptySet(managers.upstream()),
		ours: emptySet(managers.ours()),
		floor: emptySet(undefined),
	};
	for (const id of ids) {
		// Alternating, so that no implementation has its streams closer together in memory than another.
		for (const set of Object.values(sets)) openSession(set, copy(id));
	}
	return { ids, sets };
}

/**
 * @param {Manager | undefined} manager
 * @returns {SessionSet}
 */
export function emptySet(manager) {
	return { manager, controllers: [], readers: [] };
}

/**
 * @param {SessionSet} set
 * @param {string} id
 */
export function openSession({ manager, controllers, readers }, id) {
	// With `start` and `cancel`, like the streams of the HTTP and SSE transports.
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
