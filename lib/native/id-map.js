// A Map for ids that are often deleted and set again.
//
// V8 keeps a deleted entry of a Map in the chain of its hash until the whole Map is hashed again. After an id was deleted and
// set many times, each lookup of it walks over all these entries: beside 10,000 other ids, thousands of them. So this map
// only clears the value of a deleted id, and deletes many such ids together. Then each of them leaves one entry behind.

/** So many ids without a value stay in a map of any size. */
const MIN_CLEARED = 64;
/** In a large map, one of this number of ids may be without a value. */
const IDS_PER_CLEARED = 8;

/**
 * Values are never `undefined`.
 *
 * @template Id, Value
 */
export class IdMap {
	/** @type {Map<Id, Value | undefined>} */
	#values = new Map();
	/** The ids cleared since the last clean-up. Some are listed twice, and some have a value again. @type {Id[]} */
	#cleared = [];
	#size = 0;

	get size() {
		return this.#size;
	}

	/** @param {Id} id */
	get(id) {
		return this.#values.get(id);
	}

	/**
	 * Sets the value of an id that has none.
	 *
	 * @param {Id} id
	 * @param {Value} value
	 */
	add(id, value) {
		if (this.#cleared.at(-1) === id) this.#cleared.pop();
		this.#values.set(id, value);
		this.#size++;
	}

	/**
	 * Sets the value of an id that has one.
	 *
	 * @param {Id} id
	 * @param {Value} value
	 */
	replace(id, value) {
		this.#values.set(id, value);
	}

	/** Deletes an id that has a value. @param {Id} id */
	delete(id) {
		this.#values.set(id, undefined);
		this.#size--;
		if (this.#cleared.push(id) > MIN_CLEARED + this.#size / IDS_PER_CLEARED) this.#cleanUp();
	}

	clear() {
		this.#values.clear();
		this.#cleared = [];
		this.#size = 0;
	}

	/** Returns the ids and values, in no particular order. */
	entries() {
		return /** @type {[Id, Value][]} */ ([...this.#values].filter(([, value]) => value !== undefined));
	}

	/** Returns the values, in no particular order. */
	values() {
		return this.entries().map(([, value]) => value);
	}

	#cleanUp() {
		for (const id of this.#cleared) {
			if (this.#values.get(id) === undefined) this.#values.delete(id);
		}
		this.#cleared = [];
	}
}
