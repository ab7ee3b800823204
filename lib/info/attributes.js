// The attributes that are stored for a session, and the checks of their values before they leave this thread.

import { invalidArgument } from '../errors.js';
import { toJson } from './json.js';

/** @import { NativeInfo } from '../native/binding.js' */

/** The index of each attribute: `Attribute` in `src/registry/info.rs`. */
export const ATTRIBUTE = /** @type {const} */ ({ CLIENT_INFO: 0, CLIENT_CAPABILITIES: 1, LOG_LEVEL: 2 });

/** Number of sweeps during `ttlMs`. With 4, a session is removed between 1 and 1.25 times `ttlMs` after its last access. */
export const SWEEPS_PER_TTL = 4;

/**
 * Throws when an id or a URI is not a string.
 *
 * @param {string} method
 * @param {string} parameter
 * @param {unknown} value
 */
export function checkText(method, parameter, value) {
	if (typeof value !== 'string') throw invalidArgument(`${method}: "${parameter}" must be a string`, value);
}

/**
 * Returns the value as JSON, or `undefined` for `null` and `undefined`, which unset the attribute.
 *
 * @param {unknown} value
 * @param {string} argument names the argument in an error message
 * @returns {string | undefined}
 */
export function attributeJson(value, argument) {
	return value == null ? undefined : toJson(value, argument);
}

/**
 * Returns an attribute that Rust stores: a new copy of the value, or `undefined` when it is not set.
 *
 * @param {NativeInfo} info
 * @param {string} id
 * @param {number} attribute
 */
export function storedAttribute(info, id, attribute) {
	const json = info.get(id, attribute);
	return json === null ? undefined : JSON.parse(json);
}

/**
 * Rejects because an attribute is not set, with the same message as in @tmcp/session-manager.
 *
 * @param {string} attributeName
 * @param {string} id
 * @returns {Promise<never>}
 */
export async function notFound(attributeName, id) {
	throw new Error(`${attributeName} not found for session ${id}`);
}
