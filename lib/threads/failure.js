// Describes an error as JSON for another thread, and makes a similar error from the description there.

import { backplaneUnavailable, describe } from '../errors.js';

/** Maximum length of each text of an error, in UTF-16 units, because it waits in a mailbox. */
const MAX_TEXT = 16 * 1024;

/**
 * Describes a thrown value.
 *
 * @param {unknown} thrown any value
 * @returns {string} JSON
 */
export function describeFailure(thrown) {
	try {
		return JSON.stringify(describable(thrown));
	} catch {
		// A getter or a proxy has thrown.
		return JSON.stringify({ message: 'an error that cannot be described' });
	}
}

/**
 * Makes an error from a description.
 *
 * @param {string} description made by {@link describeFailure}
 * @returns {unknown}
 */
export function revive(description) {
	const { thrown, name = 'Error', message, stack = `${name}: ${message}`, code, cause } = JSON.parse(description);
	if (message === undefined) return thrown;
	if (code === 'ERR_BACKPLANE_UNAVAILABLE') return backplaneUnavailable({ message, cause });
	const error = name === 'RangeError' ? new RangeError(message) : new Error(message);
	// Not enumerable, as in every Error.
	for (const [property, value] of Object.entries({ name, stack })) {
		Object.defineProperty(error, property, { value, configurable: true, writable: true });
	}
	return code === undefined ? error : Object.assign(error, { code });
}

/**
 * Returns the parts of a thrown value that JSON can represent.
 *
 * @param {unknown} thrown
 */
function describable(thrown) {
	if (isExactInJson(thrown)) return { thrown: truncate(thrown) };
	if (!isLikeAnError(thrown)) return { message: truncate(`a callback in another thread threw ${describe(thrown)}`) };
	const { name, message, stack, code } = thrown;
	return {
		name: textOf(name),
		message: textOf(message) ?? '',
		stack: textOf(stack),
		code: isExactInJson(code) ? truncate(code) : undefined,
	};
}

/**
 * Returns true for an error, also of another realm, and for a plain object with a message, such as a JSON-RPC error.
 *
 * @param {unknown} value
 * @returns {value is { name?: unknown, message: unknown, stack?: unknown, code?: unknown }}
 */
function isLikeAnError(value) {
	return value instanceof Error || typeof (/** @type {{ message?: unknown } | null} */ (value)?.message) === 'string';
}

/**
 * Returns true when JSON represents the value exactly.
 *
 * @param {unknown} value
 */
function isExactInJson(value) {
	return value === null || ['string', 'boolean', 'undefined'].includes(typeof value) || Number.isFinite(value);
}

/**
 * Returns a string, truncated, and `undefined` for any other value.
 *
 * @param {unknown} value
 */
function textOf(value) {
	return typeof value === 'string' ? truncate(value) : undefined;
}

/**
 * Shortens a string to the maximum length.
 *
 * @template Value
 * @param {Value} text
 */
function truncate(text) {
	return typeof text === 'string' && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
