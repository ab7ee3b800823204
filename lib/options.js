// The options of a manager, and their checks: an option nobody knows is a mistake that would otherwise go unseen.

import { invalidArgument } from './errors.js';
import { nearest } from './native.js';

/** @typedef {{ pool: boolean }} StreamOptions */

/** @type {StreamOptions} */
const DEFAULTS = { pool: true };

/**
 * @param {unknown} options what the user gave
 * @param {string} who the class it was given to
 * @returns {StreamOptions}
 */
export function streamOptions(options, who) {
	if (options === undefined) return DEFAULTS;
	if (options === null || typeof options !== 'object' || Array.isArray(options)) {
		throw invalidArgument(`${who}: "options" must be an object`, options);
	}
	const known = Object.keys(DEFAULTS);
	for (const name of Object.keys(options)) {
		if (!known.includes(name)) throw unknownOption(who, name, known);
	}
	const { pool = DEFAULTS.pool } = /** @type {Partial<StreamOptions>} */ (options);
	if (typeof pool !== 'boolean') {
		throw invalidArgument(`${who}: option "pool" must be true or false`, pool);
	}
	return { pool };
}

/**
 * @param {string} who
 * @param {string} name
 * @param {string[]} known
 */
function unknownOption(who, name, known) {
	const meant = nearest(name, known);
	const remedy = meant === null ? `known options: ${known.join(', ')}` : `did you mean "${meant}"?`;
	return Object.assign(new TypeError(`${who}: there is no option ${JSON.stringify(name)}; ${remedy}`), {
		code: /** @type {const} */ ('ERR_UNKNOWN_OPTION'),
	});
}
