// An error on its way to another thread, which is given one like it.

import { BackplaneUnavailableError, describe } from '../errors.js';

/** What is told of an error, at most, in UTF-16 units: it waits in a mailbox. */
const LONGEST_TEXT = 16 * 1024;

/**
 * @param {unknown} thrown whatever it was
 * @returns {string} JSON
 */
export function describeFailure(thrown) {
	try {
		return JSON.stringify(describable(thrown));
	} catch {
		// Its getters throw, or a proxy does.
		return JSON.stringify({ message: 'an error that cannot be described' });
	}
}

/**
 * @param {string} description what {@link describeFailure} made
 * @returns {unknown}
 */
export function revive(description) {
	const { thrown, name = 'Error', message, stack = `${name}: ${message}`, code } = JSON.parse(description);
	if (message === undefined) return thrown;
	if (code === 'ERR_BACKPLANE_UNAVAILABLE') return new BackplaneUnavailableError(message);
	const error = new Error(message);
	// As an Error has them: not enumerable.
	for (const [property, value] of Object.entries({ name, stack })) {
		Object.defineProperty(error, property, { value, configurable: true, writable: true });
	}
	return code === undefined ? error : Object.assign(error, { code });
}

/** @param {unknown} thrown */
function describable(thrown) {
	if (isCarried(thrown)) return { thrown: truncate(thrown) };
	if (!isLikeAnError(thrown))
		return { message: truncate(`a callback in another thread has thrown ${describe(thrown)}`) };
	const { name, message, stack, code } = thrown;
	return {
		name: textOf(name),
		message: textOf(message) ?? '',
		stack: textOf(stack),
		code: isCarried(code) ? truncate(code) : undefined,
	};
}

/**
 * Of another realm as well, or a plain object, as the errors of JSON-RPC are.
 *
 * @param {unknown} value
 * @returns {value is { name?: unknown, message: unknown, stack?: unknown, code?: unknown }}
 */
function isLikeAnError(value) {
	return value instanceof Error || typeof (/** @type {{ message?: unknown } | null} */ (value)?.message) === 'string';
}

/**
 * Whether JSON carries it as it is.
 *
 * @param {unknown} value
 */
function isCarried(value) {
	return value === null || ['string', 'boolean', 'undefined'].includes(typeof value) || Number.isFinite(value);
}

/** @param {unknown} value */
function textOf(value) {
	return typeof value === 'string' ? truncate(value) : undefined;
}

/**
 * @template Value
 * @param {Value} text
 */
function truncate(text) {
	return typeof text === 'string' && text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}
