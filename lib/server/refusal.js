// How a server that shuts down answers requests: those that arrive are refused, and those under way close their connection.

/** @import { IncomingMessage, ServerResponse } from 'node:http' */

/**
 * Answers a request with 503 when all of it has arrived: a client that still sends might not read an earlier answer.
 *
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 */
export function refuse(request, response) {
	request.once('end', () => {
		if (request.httpVersionMajor >= 2) {
			// HTTP/2 has no header `Connection`. Its session ends after this answer.
			const { stream } = /** @type {any} */ (response);
			response.writeHead(503).end();
			stream?.session?.close();
		} else {
			response.writeHead(503, { connection: 'close', 'content-length': 0 }).end();
		}
	});
	request.resume();
}

/**
 * Makes a response announce in its head that its connection closes. Its head must not be written yet.
 *
 * @param {ServerResponse} response
 * @param {() => void} onHead called when the head is written
 */
export function announceClose(response, onHead) {
	response.setHeader('connection', 'close');
	const { writeHead } = response;
	// The headers that `writeHead` gets would replace this one. MCP transports pass `connection: keep-alive`.
	response.writeHead = (/** @type {any[]} */ ...args) => {
		const last = args.length - 1;
		args[last] = withoutConnection(args[last]);
		writeHead.apply(response, /** @type {any} */ (args));
		onHead();
		return response;
	};
}

/**
 * Returns the headers without `connection`. They are an object, an array of pairs, or an array of alternating names and values.
 *
 * @param {unknown} headers another argument of `writeHead` is returned as it is
 */
function withoutConnection(headers) {
	if (headers === null || typeof headers !== 'object') return headers;
	if (!Array.isArray(headers))
		return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)));
	if (Array.isArray(headers[0])) return headers.filter(([name]) => !isConnection(name));
	return headers.filter((_, index) => !isConnection(headers[index - (index % 2)]));
}

/** @param {unknown} name */
function isConnection(name) {
	return String(name).toLowerCase() === 'connection';
}
