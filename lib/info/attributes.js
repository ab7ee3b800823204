// The attributes that are stored for a session, and their checks before they leave this thread.

import { invalidArgument } from '../errors.js';
import { toJson } from './json.js';

/** The number of each attribute: `Attribute` in `src/registry/info.rs`. */
export const ATTRIBUTE = /** @type {const} */ ({ CLIENT_INFO: 0, CLIENT_CAPABILITIES: 1, LOG_LEVEL: 2 });

/**
 * Throws when an id or a URI is not a string.
 *
 * @param {string} method
 * @param {string} name of the argument
 * @param {unknown} value
 */
export function checkText(method, name, value) {
	if (typeof value !== 'string') throw invalidArgument(`${method}: "${name}" must be a string`, value);
}

/**
 * Returns the value as JSON, or `undefined` for a value that reads back as unknown.
 *
 * @param {unknown} value
 * @param {string} what names the argument in an error
 * @returns {string | undefined}
 */
export function attributeJson(value, what) {
	return value == null ? undefined : toJson(value, what);
}

/**
 * Rejects with upstream's message for a session whose attribute is not set.
 *
 * @param {string} what
 * @param {string} id
 * @returns {Promise<never>}
 */
export async function notFound(what, id) {
	throw new Error(`${what} not found for session ${id}`);
}
