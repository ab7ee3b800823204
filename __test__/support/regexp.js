// Building regular expressions.

/**
 * Returns a pattern that matches the text itself.
 *
 * @param {string} text
 */
export function escapeRegExp(text) {
	return text.replace(/[^\w\s]/g, '\\$&');
}
