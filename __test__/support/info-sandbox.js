// A sandbox to compare info managers. Its log has each call, what the call returns or throws, and when and how each promise
// settles.

import { setImmediate as turn } from 'node:timers/promises';

/** Few ids, so that operations often use the same one. The last two are not strings; a Map keeps them apart from strings. */
export const IDS = ['a', 'b', 'c', '', '__proto__', 'c:d', '\ud83d', '1', 1, undefined];

export const URIS = ['file:///a', 'file:///A', '', '__proto__', 'a', 'x'.repeat(200)];

/** The values to set. The log identifies a value by its index, so that equal objects differ. */
export const VALUES = [{ name: 'client' }, { name: 'client' }, {}, 'debug', 'error', '', 0, false, null, undefined];

/**
 * @typedef {'ClientInfo' | 'ClientCapabilities' | 'LogLevel'} Attribute
 * @typedef {{ do: 'set', attribute: Attribute, id: unknown, value: number } | { do: 'get', attribute: Attribute, id: unknown }
 *   | { do: 'addSubscription' | 'removeSubscription', id: unknown, uri: string } | { do: 'getSubscriptions', uri: string }
 *   | { do: 'delete', id: unknown } | { do: 'microtask' | 'turn' | 'nothing' }} Operation
 */

export class InfoSandbox {
	/** @type {unknown[]} */
	log = [];
	/** Number of calls so far. */
	#calls = 0;
	#describe;
	#ids;
	#waits;

	/**
	 * @param {any} manager
	 * @param {object} [options]
	 * @param {boolean} [options.copies] the log has values themselves, not their index, so that a copy is the same
	 * @param {unknown[]} [options.ids]
	 * @param {boolean} [options.waits] each operation waits until the promise of the one before is settled
	 */
	constructor(manager, { copies = false, ids = IDS, waits = false } = {}) {
		this.manager = manager;
		this.#waits = waits;
		this.#describe = copies ? (value) => value : indexOf;
		this.#ids = ids;
	}

	/**
	 * @param {Operation} operation
	 * @returns {Promise<void> | undefined} a promise if the next operation has to wait
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
				return this.#call(`set${operation.attribute}`, operation.id, VALUES[operation.value]);
			case 'get':
				return this.#call(`get${operation.attribute}`, operation.id);
			case 'getSubscriptions':
				return this.#call('getSubscriptions', operation.uri);
			case 'delete':
				return this.#call('delete', operation.id);
			default:
				return this.#call(operation.do, operation.id, operation.uri);
		}
	}

	/** Reads everything that the manager stores, and returns the log. */
	async finish() {
		/** @type {Operation[]} */
		const reads = URIS.map((uri) => ({ do: 'getSubscriptions', uri }));
		for (const id of this.#ids) {
			for (const attribute of /** @type {const} */ (['ClientInfo', 'ClientCapabilities', 'LogLevel'])) {
				reads.push({ do: 'get', attribute, id });
			}
		}
		for (const read of reads) {
			const wait = this.perform(read);
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
			const result = this.manager[method](...args);
			this.log.push([call, method, result instanceof Promise ? 'promise' : result]);
			const settled = result?.then(
				(/** @type {unknown} */ value) => this.log.push([call, 'resolved', this.#describe(value)]),
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
function indexOf(value) {
	const index = VALUES.indexOf(/** @type {any} */ (value));
	return index < 0 ? value : `value ${index}`;
}
