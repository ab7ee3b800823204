// Turns a request of node:http into a web request, for hosts without an adapter.

/** @import { IncomingMessage } from 'node:http' */

/**
 * Returns the request without its body.
 *
 * @param {IncomingMessage} incoming
 */
export function toRequest({ method = 'GET', headers, url }) {
	// HTTP/2 has headers of its own, such as `:path`.
	const fields = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
	return new Request(`http://${headers.host ?? 'localhost'}${url}`, {
		method,
		headers: /** @type {[string, string][]} */ (fields),
	});
}
