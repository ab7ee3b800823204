// What the MCP server serves: a few counters, in memory that threads can share, since any of several may answer.

/** All there can be. A server begins with the first two, and may add the third. */
export const NAMES = ['visits', 'orders', 'returns'];
export const NAMES_FROM_THE_START = NAMES.slice(0, 2);

/** What is kept of a counter, a 32-bit number each. */
const VALUE = 0;
const IS_ADDED = 1;
const HAS_RESET = 2;
const FIELDS = 3;

export class CounterState {
	#cells;

	/** @param {SharedArrayBuffer} [memory] of the state to share; without it, a new one */
	constructor(memory = new SharedArrayBuffer(NAMES.length * FIELDS * Int32Array.BYTES_PER_ELEMENT)) {
		this.memory = memory;
		this.#cells = new Int32Array(memory);
		for (const name of NAMES_FROM_THE_START) this.add(name);
	}

	/** The names of all that there can be. */
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
	 * @param {string} name
	 * @returns the value from then on: two threads that count at the same moment get two numbers
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
