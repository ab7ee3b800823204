// A text as part of a pattern.

/** @param {string} text that is to be met as it is */
export function literally(text) {
	return text.replace(/[^\w\s]/g, '\\$&');
}
