// How an option is checked: one nobody knows is a mistake that would otherwise go unseen.

import { invalidArgument } from '../errors.js';
import { nearest } from '../native/binding.js';

/** The longest that a timer takes, in ms; Node makes 1 ms of a longer one. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * @param {Record<string, unknown>} options
 * @param {string} name of a number of milliseconds where it ends so
 * @param {string} className
 * @param {object} [range]
 * @param {number} [range.least]
 * @param {boolean} [range.orInfinity]
 * @returns {number | undefined}
 */
export function wholeNumber(options, name, className, { least = 1, orInfinity = false } = {}) {
	const { [name]: value } = options;
	if (value === undefined || (orInfinity && value === Infinity)) return value;
	const most = name.endsWith('Ms') ? LONGEST_TIMER_MS : Number.MAX_SAFE_INTEGER;
	if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
	throw invalidOption(
		className,
		name,
		`a whole number from ${least} to ${most}${orInfinity ? ', or Infinity' : ''}`,
		value,
	);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @param {string} className
 * @returns {((event: any) => void) | undefined}
 */
export function callback(value, name, className) {
	if (value === undefined || typeof value === 'function') {
		return /** @type {((event: any) => void) | undefined} */ (value);
	}
	throw invalidOption(className, name, 'a function', value);
}

/**
 * @param {unknown} options
 * @param {string[]} known
 * @param {string} className
 * @returns {Record<string, unknown>}
 */
export function read(options, known, className) {
	if (options === undefined) return {};
	if (options === null || typeof options !== 'object' || Array.isArray(options)) {
		throw invalidArgument(`${className}: "options" must be an object`, options);
	}
	for (const name of Object.keys(options)) {
		if (!known.includes(name)) throw unknownOption(className, name, known);
	}
	return /** @type {Record<string, unknown>} */ (options);
}

/**
 * @param {string} className
 * @param {string} name
 * @param {string} wanted
 * @param {unknown} value
 */
export function invalidOption(className, name, wanted, value) {
	return invalidArgument(`${className}: option "${name}" must be ${wanted}`, value);
}

/**
 * @param {string} className
 * @param {string} name
 * @param {string[]} known
 */
function unknownOption(className, name, known) {
	const meant = nearest(name, known);
	const remedy = meant === null ? `known options: ${known.join(', ')}` : `did you mean "${meant}"?`;
	return Object.assign(new TypeError(`${className}: there is no option ${JSON.stringify(name)}; ${remedy}`), {
		code: /** @type {const} */ ('ERR_UNKNOWN_OPTION'),
	});
}
