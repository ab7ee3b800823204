// Plain node:http. The body is piped to the response, as the documentation of Node.js shows it.

import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { listening } from './listening.js';
import { toRequest } from './requests.js';

/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export function start({ fetch, ...options }) {
	const server = createServer(async (incoming, outgoing) => {
		const { status, headers, body } = await fetch(toRequest(incoming));
		outgoing.writeHead(status, Object.fromEntries(headers)).flushHeaders();
		if (body === null) outgoing.end();
		else Readable.fromWeb(/** @type {any} */ (body)).pipe(outgoing);
	});
	return listening(server, options);
}
