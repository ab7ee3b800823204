// Values on their way to another thread: as JSON, and only if they come out as they went in.
//
// They are checked and written in one pass, so that a getter is asked once; and without a call within a call: a client may
// nest what it sends as deep as it likes, and `JSON.stringify` throws a RangeError at some thousands.

import { describe, invalidValue } from '../errors.js';

/**
 * What JSON cannot carry is refused. Properties that are `undefined` are left out, which comes to the same for whoever
 * reads them; so are those that have a symbol for a name.
 *
 * @param {unknown} value
 * @param {string} what names the argument
 * @returns {string}
 */
export function toJson(value, what) {
	/** @type {Container[]} what the value stands in, outermost first */
	const around = [];
	const open = new Set();
	let json = '';
	for (;;) {
		if (typeof value === 'object' && value !== null) {
			if (open.has(value)) throw refused(what, around, 'an object that it stands in itself');
			if (!isPlain(value)) {
				throw refused(what, around, Array.isArray(value) ? 'an array of a class of its own' : describe(value));
			}
			if (typeof (/** @type {any} */ (value).toJSON) === 'function') {
				throw refused(what, around, `${describe(value)} with the method toJSON()`);
			}
			open.add(value);
			const container = new Container(value);
			around.push(container);
			json += container.list === undefined ? '{' : '[';
		} else if (typeof value === 'string') {
			json += quoted(value);
		} else if (typeof value === 'number' && Number.isFinite(value)) {
			// It can be read, though `JSON.stringify` does not write it.
			json += Object.is(value, -0) ? '-0' : value;
		} else if (value === null || typeof value === 'boolean') {
			json += value;
		} else {
			throw refused(what, around, describe(value));
		}
		for (;;) {
			const innermost = around.at(-1);
			if (innermost === undefined) return json;
			const before = innermost.advance();
			if (before !== undefined) {
				json += before;
				value = innermost.value;
				break;
			}
			json += innermost.list === undefined ? '}' : ']';
			open.delete(innermost.object);
			around.pop();
		}
	}
}

/** An object or a list that is being written. */
class Container {
	/** What is being written of it. @type {unknown} */
	value;
	#passed = 0;
	#isFirst = true;

	/** @param {object} object */
	constructor(object) {
		this.object = /** @type {Record<string, unknown>} */ (object);
		this.list = Array.isArray(object) ? object : undefined;
		this.names = this.list === undefined ? Object.keys(object) : [];
		this.length = (this.list ?? this.names).length;
	}

	/**
	 * Goes on to the next value.
	 *
	 * @returns {string | undefined} what stands before it; nothing where there is none
	 */
	advance() {
		while (this.#passed < this.length) {
			const place = this.#passed++;
			// By index: a hole is as good as undefined, and both would come out as null.
			this.value = this.list === undefined ? this.object[this.names[place]] : this.list[place];
			if (this.list === undefined && this.value === undefined) continue;
			const comma = this.#isFirst ? '' : ',';
			this.#isFirst = false;
			return this.list === undefined ? `${comma}${quoted(this.names[place])}:` : comma;
		}
		return undefined;
	}

	/** Where the value stands in it. */
	get place() {
		const place = this.#passed - 1;
		if (this.list !== undefined) return `[${place}]`;
		const name = this.names[place];
		return IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
	}
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** Nothing in it has to be escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** @param {string} text */
function quoted(text) {
	return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * Whether it is an object or an array of no class: of another realm, too.
 *
 * @param {object} value
 */
function isPlain(value) {
	const prototype = Object.getPrototypeOf(Array.isArray(value) ? Object.getPrototypeOf(value) : value);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * @param {string} what
 * @param {Container[]} around
 * @param {string} found
 */
function refused(what, around, found) {
	const path = around.map(({ place }) => place).join('');
	const where = path === '' ? 'it' : `its "${path.replace(/^\./, '')}"`;
	return invalidValue(
		`${what} has to be what JSON can carry, as it goes to other threads; ${where} is ${found}: give plain data, or use no "scope"`,
	);
}
