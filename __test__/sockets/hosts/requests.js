// Turns a request of node:http into a web request, for hosts without an adapter.

/** @import { IncomingMessage } from 'node:http' */

/**
 * Returns the request without its body.
 *
 * @param {IncomingMessage} incoming
 */
export function toRequest({ method = 'GET', headers, url }) {
	return new Request(`http://${headers.host ?? 'localhost'}${url}`, {
		method,
		headers: /** @type {Record<string, string>} */ (headers),
	});
}
