// What can go wrong: a caller's mistake is a TypeError that names the argument, what it got and what to give instead; what
// a caller may want to act on has a class of its own. Each has a stable `code`.

/** A manager has as many sessions as it was told to take. What it has is undisturbed. */
export class SessionLimitError extends Error {
	code = /** @type {const} */ ('ERR_SESSION_LIMIT');

	/** @param {number} limit */
	constructor(limit) {
		super(`there are ${limit} sessions already, which is "maxSessions"; delete some, or raise the limit`);
		this.limit = limit;
	}

	/** @override */
	get name() {
		return 'SessionLimitError';
	}
}

/** What the stream of a session is given up for, when that is not its client's doing. */
const WHY = {
	slow: 'more was queued for its client than "maxQueuedBytes"',
	dead: 'its client has read nothing over as many keep-alives as "deadAfterKeepAlives" says',
	shutdown: 'the server shuts down, and its client has not read all within "drainMs"',
};

/** A stream was cut: whoever reads it gets this error. Its client may connect again. */
export class SessionClosedError extends Error {
	code = /** @type {const} */ ('ERR_SESSION_CLOSED');

	/** @param {keyof typeof WHY} reason */
	constructor(reason) {
		super(`the stream was closed: ${WHY[reason]}`);
		this.reason = reason;
	}

	/** @override */
	get name() {
		return 'SessionClosedError';
	}
}

/** What joins the machines cannot be reached, or too much waits for it. */
export class BackplaneUnavailableError extends Error {
	code = /** @type {const} */ ('ERR_BACKPLANE_UNAVAILABLE');

	/**
	 * @param {string} message
	 * @param {{ method: string, args: unknown[] }} [unsent] the call of which the other machines hear nothing
	 */
	constructor(message, unsent) {
		super(message);
		this.unsent = unsent;
	}

	/** @override */
	get name() {
		return 'BackplaneUnavailableError';
	}
}

/**
 * A manager is used that was closed.
 *
 * @param {string} className its class
 */
export function managerClosed(className) {
	return Object.assign(new Error(`${className}: it was closed; make another`), {
		code: /** @type {const} */ ('ERR_MANAGER_CLOSED'),
	});
}

/**
 * @param {string} problem names the argument and what it has to be
 * @param {unknown} value what it was
 */
export function invalidArgument(problem, value) {
	const error = new TypeError(`${problem}; got ${describe(value)}`);
	return Object.assign(error, { code: /** @type {const} */ ('ERR_INVALID_ARG_TYPE') });
}

/**
 * @param {string} problem names the argument, and what in it cannot be
 */
export function invalidValue(problem) {
	return Object.assign(new TypeError(problem), { code: /** @type {const} */ ('ERR_INVALID_ARG_VALUE') });
}

/** @param {unknown} value */
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
	// A class of the user's may do anything when it is looked at; saying what we got must not fail.
	try {
		const name = value.constructor?.name;
		return typeof name === 'string' && name !== '' && name !== 'Object' ? `an instance of ${name}` : 'an object';
	} catch {
		return 'an object';
	}
}
