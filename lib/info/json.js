// Converts plain data to JSON for another thread or process, and refuses every value that JSON would change.
//
// The checks and the output share one pass, so that each getter is called once. The pass does not recurse: a client chooses
// how deep its data is nested, and `JSON.stringify` throws a RangeError at a depth of some thousands.

import { describe, invalidValue } from '../errors.js';

/**
 * Returns the value as JSON. Leaves out properties that are `undefined`, because a missing property reads as `undefined`
 * too, and properties whose name is a symbol. Throws for any other value that JSON cannot represent.
 *
 * @param {unknown} value
 * @param {string} argument names the argument in an error message
 * @returns {string}
 */
export function toJson(value, argument) {
	/** @type {Container[]} the objects and arrays that contain the value, outermost first */
	const containers = [];
	const open = new Set();
	let json = '';
	for (;;) {
		if (typeof value === 'object' && value !== null) {
			if (open.has(value)) throw notPlainData(argument, containers, 'a circular reference');
			if (!isPlain(value)) {
				const found = Array.isArray(value) ? 'an instance of a subclass of Array' : describe(value);
				throw notPlainData(argument, containers, found);
			}
			if (typeof (/** @type {any} */ (value).toJSON) === 'function') {
				throw notPlainData(argument, containers, `${describe(value)} with the method toJSON()`);
			}
			open.add(value);
			const container = new Container(value);
			containers.push(container);
			json += container.array === undefined ? '{' : '[';
		} else if (typeof value === 'string') {
			json += quote(value);
		} else if (typeof value === 'number' && Number.isFinite(value)) {
			// `JSON.parse` reads -0, though `JSON.stringify` does not write it.
			json += Object.is(value, -0) ? '-0' : value;
		} else if (value === null || typeof value === 'boolean') {
			json += value;
		} else {
			throw notPlainData(argument, containers, describe(value));
		}
		for (;;) {
			const innermost = containers.at(-1);
			if (innermost === undefined) return json;
			const separator = innermost.advance();
			if (separator !== undefined) {
				json += separator;
				value = innermost.value;
				break;
			}
			json += innermost.array === undefined ? '}' : ']';
			open.delete(innermost.object);
			containers.pop();
		}
	}
}

/** An object or array that is being written, and the position in it. */
class Container {
	/** The value at the position. @type {unknown} */
	value;
	/** Number of elements or properties that were visited, including the one at the position. */
	#visited = 0;
	#isFirst = true;

	/** @param {object} object */
	constructor(object) {
		this.object = /** @type {Record<string, unknown>} */ (object);
		this.array = Array.isArray(object) ? object : undefined;
		this.names = this.array === undefined ? Object.keys(object) : [];
		this.length = (this.array ?? this.names).length;
	}

	/**
	 * Moves to the next value.
	 *
	 * @returns {string | undefined} the JSON between the previous value and this one; `undefined` at the end
	 */
	advance() {
		while (this.#visited < this.length) {
			const index = this.#visited++;
			// Arrays are read by index, so that a hole is found as `undefined`. JSON would turn both into null.
			this.value = this.array === undefined ? this.object[this.names[index]] : this.array[index];
			if (this.array === undefined && this.value === undefined) continue;
			const comma = this.#isFirst ? '' : ',';
			this.#isFirst = false;
			return this.array === undefined ? `${comma}${quote(this.names[index])}:` : comma;
		}
		return undefined;
	}

	/** The position as a part of a path: `.name`, `["a name"]` or `[0]`. */
	get pathSegment() {
		const index = this.#visited - 1;
		if (this.array !== undefined) return `[${index}]`;
		const name = this.names[index];
		return IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
	}
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** Matches a text without a character that JSON must escape. */
const NEEDS_NO_ESCAPE = /^[ !#-[\]-~]*$/;

/** @param {string} text */
function quote(text) {
	return NEEDS_NO_ESCAPE.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * Returns true for an array or object that is not an instance of a class. Accepts those of another realm as well.
 *
 * @param {object} value
 */
function isPlain(value) {
	const prototype = Object.getPrototypeOf(Array.isArray(value) ? Object.getPrototypeOf(value) : value);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * @param {string} argument
 * @param {Container[]} containers
 * @param {string} found
 */
function notPlainData(argument, containers, found) {
	const path = containers.map(({ pathSegment }) => pathSegment).join('');
	const where = path === '' ? 'it' : `its "${path.replace(/^\./, '')}"`;
	return invalidValue(
		`${argument} must be data that JSON can represent, because other threads or processes receive it; ${where} is ` +
			`${found}: pass plain objects and arrays, or use an in-memory manager without "scope"`,
	);
}
