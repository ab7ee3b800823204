// Turns a request of node:http into a web request, for hosts without an adapter.

import { Readable } from 'node:stream';

/** @import { IncomingMessage } from 'node:http' */

/** @param {IncomingMessage} incoming */
export function toRequest(incoming) {
	const { method = 'GET', headers, url } = incoming;
	// HTTP/2 has headers of its own, such as `:path`.
	const fields = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
	const body = method === 'POST' ? { body: Readable.toWeb(incoming), duplex: 'half' } : {};
	const init = { method, headers: fields, ...body };
	return new Request(`http://${headers.host ?? 'localhost'}${url}`, /** @type {RequestInit} */ (init));
}
