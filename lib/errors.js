// The errors of this package. A caller's mistake is a `TypeError`, or a `RangeError` for a number out of range, whose message
// names the argument, the value it got and the values it accepts. A failure that a caller may want to handle has its own
// class. Every error has a stable `code`.

/** Thrown when a new session would exceed `maxSessions`. Existing sessions are not affected. */
export class SessionLimitError extends Error {
	code = /** @type {const} */ ('ERR_SESSION_LIMIT');

	/** @param {number} limit the value of `maxSessions` */
	constructor(limit) {
		super(`the session limit is reached ("maxSessions" is ${limit}); delete sessions or raise the limit`);
		this.limit = limit;
	}

	/** @override */
	get name() {
		return 'SessionLimitError';
	}
}

/** The reasons for which the server ends a stream with an error, as parts of the message. */
const CLOSE_REASONS = {
	slow: 'more than "maxQueuedBytes" was queued for its client',
	dead: 'its client read nothing for "deadAfterKeepAlives" keep-alive intervals',
	shutdown: 'the server is shutting down, and the client did not read everything within "drainMs"',
};

/** The error that the reader of a stream gets when the manager ends the stream with an error. The client may reconnect. */
export class SessionClosedError extends Error {
	code = /** @type {const} */ ('ERR_SESSION_CLOSED');

	/** @param {keyof typeof CLOSE_REASONS} reason */
	constructor(reason) {
		super(`the stream was closed: ${CLOSE_REASONS[reason]}`);
		this.reason = reason;
	}

	/** @override */
	get name() {
		return 'SessionClosedError';
	}
}

/** Redis cannot be reached, did not reply in time, or has too many bytes waiting for it. */
export class BackplaneUnavailableError extends Error {
	code = /** @type {const} */ ('ERR_BACKPLANE_UNAVAILABLE');

	/**
	 * @param {string} message
	 * @param {{ method: string, args: unknown[] }} [unsent] the call that was not sent to other nodes
	 * @param {{ cause?: unknown }} [options]
	 */
	constructor(message, unsent, options) {
		super(message, options);
		this.unsent = unsent;
	}

	/** @override */
	get name() {
		return 'BackplaneUnavailableError';
	}
}

/**
 * Returns a `BackplaneUnavailableError` from the description that native code makes.
 *
 * @param {{ message: string, cause?: FailureCause | null }} description
 * @param {{ method: string, args: unknown[] }} [unsent]
 */
export function backplaneUnavailable({ message, cause }, unsent) {
	return new BackplaneUnavailableError(message, unsent, cause ? { cause: causeError(cause) } : undefined);
}

/** @typedef {{ code: string, message: string }} FailureCause why Redis cannot be used */

/** @param {FailureCause} cause */
function causeError({ code, message }) {
	return Object.assign(new Error(message), { code });
}

/**
 * Returns the error for a call on a closed manager.
 *
 * @param {string} className the class of the manager
 */
export function managerClosed(className) {
	return Object.assign(new Error(`${className}: the manager is closed; create a new one`), {
		code: /** @type {const} */ ('ERR_MANAGER_CLOSED'),
	});
}

/**
 * Returns the error for an argument of the wrong type.
 *
 * @param {string} problem names the argument and the values it accepts
 * @param {unknown} value the argument
 */
export function invalidArgument(problem, value) {
	const error = new TypeError(`${problem}; got ${describe(value)}`);
	return Object.assign(error, { code: /** @type {const} */ ('ERR_INVALID_ARG_TYPE') });
}

/**
 * Returns the error for a number that is outside its range.
 *
 * @param {string} problem names the argument and the values it accepts
 * @param {unknown} value the argument
 */
export function outOfRange(problem, value) {
	const error = new RangeError(`${problem}; got ${describe(value)}`);
	return Object.assign(error, { code: /** @type {const} */ ('ERR_OUT_OF_RANGE') });
}

/**
 * Returns the error for an argument that has the right type but a value that is not accepted.
 *
 * @param {string} problem names the argument, what is wrong with it and the remedy
 */
export function invalidValue(problem) {
	return Object.assign(new TypeError(problem), { code: /** @type {const} */ ('ERR_INVALID_ARG_VALUE') });
}

/**
 * Returns a short description of a value for an error message.
 *
 * @param {unknown} value
 */
export function describe(value) {
	if (value === null) return 'null';
	if (Array.isArray(value)) return 'an array';
	switch (typeof value) {
		case 'undefined':
			return 'undefined';
		case 'string':
			return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
		case 'object':
			return describeObject(value);
		case 'function':
			return 'a function';
		default:
			return `the ${typeof value} ${String(value)}`;
	}
}

/** @param {object} value */
function describeObject(value) {
	// A getter of the object may throw. The description must still be returned.
	try {
		const name = value.constructor?.name;
		return typeof name === 'string' && name !== '' && name !== 'Object' ? `an instance of ${name}` : 'an object';
	} catch {
		return 'an object';
	}
}
