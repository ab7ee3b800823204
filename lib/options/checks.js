// Checks of single options. Each check returns the value, or throws a `TypeError` or a `RangeError` that names the class, the
// option and the values that the option accepts.

import { invalidArgument, outOfRange } from '../errors.js';
import { nearest } from '../native/binding.js';

/** The longest delay that a timer accepts, in ms. Node replaces a longer delay by 1 ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Returns a copy of the options. Each option is read once, so that a getter cannot return another value after the check.
 * Throws for a name that is not known: a misspelled option would have no effect.
 *
 * @param {unknown} options
 * @param {string[]} knownNames
 * @param {string} className
 * @returns {Record<string, unknown>}
 */
export function readOptions(options, knownNames, className) {
	if (options === undefined) return {};
	if (options === null || typeof options !== 'object' || Array.isArray(options)) {
		throw invalidArgument(`${className}: "options" must be an object`, options);
	}
	for (const name of Object.keys(options)) {
		if (!knownNames.includes(name)) throw unknownOption(className, name, knownNames);
	}
	const given = /** @type {Record<string, unknown>} */ (options);
	return Object.fromEntries(knownNames.map((name) => [name, given[name]]));
}

/**
 * Returns an option that must be a number. As in Node.js, the type is checked first, and NaN is out of range.
 *
 * @param {Record<string, unknown>} options
 * @param {string} name a name that ends in "Ms" limits the value to the longest delay of a timer
 * @param {string} className
 * @param {object} [range]
 * @param {number} [range.min]
 * @param {boolean} [range.orInfinity]
 * @param {boolean} [range.orFraction] true when the number need not be an integer
 * @returns {number | undefined}
 */
export function numberOption(options, name, className, { min = 1, orInfinity = false, orFraction = false } = {}) {
	const { [name]: value } = options;
	if (value === undefined || (orInfinity && value === Infinity)) return value;
	const max = name.endsWith('Ms') ? MAX_TIMER_MS : Number.MAX_SAFE_INTEGER;
	const expected = `${orFraction ? 'a number' : 'an integer'} from ${min} to ${max}${orInfinity ? ', or Infinity' : ''}`;
	if (typeof value !== 'number') throw invalidOption(className, name, expected, value);
	if (value >= min && value <= max && (orFraction || Number.isInteger(value))) return value;
	throw optionOutOfRange(className, name, expected, value);
}

/**
 * Returns an option that must be true or false.
 *
 * @param {Record<string, unknown>} options
 * @param {string} name
 * @param {string} className
 * @returns {boolean | undefined}
 */
export function booleanOption(options, name, className) {
	const { [name]: value } = options;
	if (value === undefined || typeof value === 'boolean') return value;
	throw invalidOption(className, name, 'true or false', value);
}

/**
 * Returns an option that must be a function.
 *
 * @param {Record<string, unknown>} options
 * @param {string} name
 * @param {string} className
 * @returns {((...args: any[]) => void) | undefined}
 */
export function functionOption(options, name, className) {
	const { [name]: value } = options;
	if (value === undefined || typeof value === 'function') {
		return /** @type {((...args: any[]) => void) | undefined} */ (value);
	}
	throw invalidOption(className, name, 'a function', value);
}

/**
 * Returns the error for an option with a value of the wrong type, or without another option that it needs.
 *
 * @param {string} className
 * @param {string} name
 * @param {string} expected completes the sentence "option … must be"
 * @param {unknown} value
 */
export function invalidOption(className, name, expected, value) {
	return invalidArgument(`${className}: option "${name}" must be ${expected}`, value);
}

/**
 * Returns the error for an option whose number is outside its range.
 *
 * @param {string} className
 * @param {string} name
 * @param {string} expected completes the sentence "option … must be"
 * @param {number} value
 */
export function optionOutOfRange(className, name, expected, value) {
	return outOfRange(`${className}: option "${name}" must be ${expected}`, value);
}

/**
 * Returns the error for an option that does not exist. Its message suggests the most similar name.
 *
 * @param {string} className
 * @param {string} name
 * @param {string[]} knownNames
 */
function unknownOption(className, name, knownNames) {
	const similar = nearest(name, knownNames);
	const remedy = similar === null ? `known options: ${knownNames.join(', ')}` : `did you mean "${similar}"?`;
	return Object.assign(new TypeError(`${className}: there is no option ${JSON.stringify(name)}; ${remedy}`), {
		code: /** @type {const} */ ('ERR_UNKNOWN_OPTION'),
	});
}
