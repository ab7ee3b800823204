// The outcome of a promise, in a form that can be sent to another thread.

/** @typedef {{ resolved: unknown } | { rejected: unknown, error: ErrorProperties | undefined }} Outcome */
/**
 * The properties of an error. An Error does not survive structured cloning unchanged.
 *
 * @typedef {{ name: unknown, message: unknown, code: unknown, stack: unknown, prototype: string, keys: string[] }} ErrorProperties
 */

/**
 * @param {Promise<unknown>} promise
 * @returns {Promise<Outcome>}
 */
export async function outcome(promise) {
	try {
		return { resolved: await promise };
	} catch (error) {
		return error instanceof Error
			? { rejected: 'an error', error: propertiesOf(error) }
			: { rejected: error, error: undefined };
	}
}

/** @param {Error} error */
function propertiesOf(error) {
	const { name, message, code, stack } = /** @type {Error & { code?: unknown }} */ (error);
	const prototype = Object.getPrototypeOf(error).constructor.name;
	return { name, message, code, stack, prototype, keys: Object.keys(error) };
}
