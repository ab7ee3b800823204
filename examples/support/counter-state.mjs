// The counters that the MCP server offers, in memory that threads can share: any of several threads may answer a request.

/** All counters that can exist. A server begins with the first two, and can add the third. */
export const NAMES = ['visits', 'orders', 'returns'];
export const INITIAL_NAMES = NAMES.slice(0, 2);

/** The fields of a counter, each a 32-bit number. */
const VALUE = 0;
const IS_ADDED = 1;
const HAS_RESET = 2;
const FIELDS = 3;

export class CounterState {
	#cells;

	/** @param {SharedArrayBuffer} [memory] `memory` of the state to share; by default, new memory */
	constructor(memory = new SharedArrayBuffer(NAMES.length * FIELDS * Int32Array.BYTES_PER_ELEMENT)) {
		this.memory = memory;
		this.#cells = new Int32Array(memory);
		for (const name of INITIAL_NAMES) this.add(name);
	}

	/** Names of all counters that can exist. */
	get names() {
		return NAMES;
	}

	/** @param {string} name */
	has(name) {
		return NAMES.includes(name) && this.#get(name, IS_ADDED) === 1;
	}

	/** @param {string} name */
	add(name) {
		this.#set(name, IS_ADDED, 1);
	}

	/** @param {string} name */
	hasReset(name) {
		return this.#get(name, HAS_RESET) === 1;
	}

	/** @param {string} name */
	addReset(name) {
		this.#set(name, HAS_RESET, 1);
	}

	/** @param {string} name */
	value(name) {
		return this.#get(name, VALUE);
	}

	/**
	 * Adds one.
	 *
	 * @param {string} name
	 * @returns the new value: two threads that count at the same time get two numbers
	 */
	count(name) {
		return Atomics.add(this.#cells, cellOf(name, VALUE), 1) + 1;
	}

	/** @param {string} name */
	reset(name) {
		this.#set(name, VALUE, 0);
	}

	/**
	 * @param {string} name
	 * @param {number} field
	 */
	#get(name, field) {
		return Atomics.load(this.#cells, cellOf(name, field));
	}

	/**
	 * @param {string} name
	 * @param {number} field
	 * @param {number} value
	 */
	#set(name, field, value) {
		Atomics.store(this.#cells, cellOf(name, field), value);
	}
}

/**
 * @param {string} name
 * @param {number} field
 */
function cellOf(name, field) {
	return NAMES.indexOf(name) * FIELDS + field;
}

/** @param {string} name */
export function counterUri(name) {
	return `counter://${name}`;
}
