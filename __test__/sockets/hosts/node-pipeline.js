// Plain node:http. `pipeline` copies the body to the response, and cancels it when the client leaves.

import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { listening } from './listening.js';
import { toRequest } from './requests.js';

/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export function start({ fetch, ...options }) {
	const server = createServer(async (incoming, outgoing) => {
		const { status, headers, body } = await fetch(toRequest(incoming));
		outgoing.writeHead(status, Object.fromEntries(headers)).flushHeaders();
		if (body === null) outgoing.end();
		else await pipeline(Readable.fromWeb(/** @type {any} */ (body)), outgoing).catch(() => {});
	});
	return listening(server, options);
}
