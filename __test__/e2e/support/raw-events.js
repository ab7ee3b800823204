// The events of an event stream in their wire format.

/**
 * @param {Response} response
 * @returns {AsyncGenerator<string, void>} each event without its final empty line; ends when the server ends the stream
 */
export async function* events(response) {
	let rest = '';
	for await (const text of /** @type {any} */ (response.body).pipeThrough(new TextDecoderStream())) {
		const parts = (rest + text).split('\n\n');
		rest = /** @type {string} */ (parts.pop());
		yield* parts;
	}
	if (rest !== '') yield rest;
}

/**
 * Returns the next event, or `undefined` after the last one.
 *
 * @param {AsyncGenerator<string, void>} stream
 */
export async function next(stream) {
	return (await stream.next()).value;
}
