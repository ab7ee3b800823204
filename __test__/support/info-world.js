// A small world to compare info managers in: what is called, what it returns or throws, and how and when each promise
// settles, in one log.

import { setImmediate as turn } from 'node:timers/promises';

/** Few enough that operations meet; the last ones are no strings, and so ids of their own. */
export const IDS = ['a', 'b', 'c', '', '__proto__', 'c:d', '\ud83d', '1', 1, undefined];

export const URIS = ['file:///a', 'file:///A', '', '__proto__', 'a', 'x'.repeat(200)];

/** What can be set. A value is known by its place here: equal ones are not the same. */
export const VALUES = [{ name: 'client' }, { name: 'client' }, {}, 'debug', 'error', '', 0, false, null, undefined];

/**
 * @typedef {'ClientInfo' | 'ClientCapabilities' | 'LogLevel'} What
 * @typedef {{ do: 'set', what: What, id: unknown, value: number } | { do: 'get', what: What, id: unknown }
 *   | { do: 'addSubscription' | 'removeSubscription', id: unknown, uri: string } | { do: 'getSubscriptions', uri: string }
 *   | { do: 'delete', id: unknown } | { do: 'microtask' | 'turn' | 'nothing' }} Operation
 */

export class InfoWorld {
	/** @type {unknown[]} */
	log = [];
	/** How many calls there have been. */
	#calls = 0;
	#known;
	#ids;
	#waits;

	/**
	 * @param {any} manager
	 * @param {object} [options]
	 * @param {boolean} [options.copies] values are known by what they are, and not by which
	 * @param {unknown[]} [options.ids]
	 * @param {boolean} [options.waits] each operation waits for the answer to the one before
	 */
	constructor(manager, { copies = false, ids = IDS, waits = false } = {}) {
		this.manager = manager;
		this.#waits = waits;
		this.#known = copies ? (value) => value : known;
		this.#ids = ids;
	}

	/**
	 * @param {Operation} operation
	 * @returns {Promise<void> | undefined} what is to be waited for before the next one
	 */
	perform(operation) {
		switch (operation.do) {
			case 'nothing':
				return;
			case 'turn':
				return turn();
			case 'microtask':
				return Promise.resolve();
			case 'set':
				return this.#call(`set${operation.what}`, operation.id, VALUES[operation.value]);
			case 'get':
				return this.#call(`get${operation.what}`, operation.id);
			case 'getSubscriptions':
				return this.#call('getSubscriptions', operation.uri);
			case 'delete':
				return this.#call('delete', operation.id);
			default:
				return this.#call(operation.do, operation.id, operation.uri);
		}
	}

	/** Asks for all that is known, and gives back the log. */
	async finish() {
		/** @type {Operation[]} */
		const questions = URIS.map((uri) => ({ do: 'getSubscriptions', uri }));
		for (const id of this.#ids) {
			for (const what of /** @type {const} */ (['ClientInfo', 'ClientCapabilities', 'LogLevel'])) {
				questions.push({ do: 'get', what, id });
			}
		}
		for (const question of questions) {
			const wait = this.perform(question);
			if (wait) await wait;
		}
		await turn();
		return this.log;
	}

	/**
	 * @param {string} method
	 * @param {unknown[]} args
	 */
	#call(method, ...args) {
		const call = this.#calls++;
		try {
			const answer = this.manager[method](...args);
			this.log.push([call, method, answer instanceof Promise ? 'promises' : answer]);
			const settled = answer?.then(
				(/** @type {unknown} */ value) => this.log.push([call, 'resolved', this.#known(value)]),
				(/** @type {Error} */ error) => this.log.push([call, 'rejected', error.name, error.message]),
			);
			if (this.#waits) return settled;
		} catch (error) {
			this.log.push([call, method, 'threw', String(error)]);
		}
		return undefined;
	}
}

/** @param {unknown} value */
function known(value) {
	const place = VALUES.indexOf(/** @type {any} */ (value));
	return place < 0 ? value : `value ${place}`;
}
